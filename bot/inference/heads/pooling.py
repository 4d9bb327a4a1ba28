"""Pooling: how a sentence-transformers checkpoint makes one vector of a text's tokens, read from its own files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from bot.errors import ModelUnavailable
from bot.locales.message import later

# `/similarity` normalises in any case: it asks for cosines.
_HARMLESS = {"Transformer", "Pooling", "Normalize"}


class PoolingMode(StrEnum):
    """The tokens whose hidden states make a text's vector: the mean over all of them, or the first one's."""

    MEAN = "mean"
    CLS = "cls"


_SWITCHES = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
"""How all but the newest versions of sentence-transformers write the mode."""


@dataclass(frozen=True)
class Pooling:
    """A way to make one vector of an encoder's hidden states.

    Source: https://sbert.net/docs/package_reference/sentence_transformer/models.html
    """

    mode: PoolingMode
    most_tokens: int | None = None
    """The longest text, special tokens included; None for the model's own limit."""

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Return the pooling that a checkpoint's `modules.json` and `1_Pooling/config.json` describe.

        Raises:
            ModelUnavailable: there are no such files, or they describe a pooling that is not computed here.
        """
        try:
            modules = json.loads((folder / "modules.json").read_text(encoding="utf-8"))
            kinds = {str(module["type"]).rpartition(".")[2]: str(module["path"]) for module in modules}
            settings = json.loads((folder / kinds["Pooling"] / "config.json").read_text(encoding="utf-8"))
            options = folder / "sentence_bert_config.json"
            limit = json.loads(options.read_text(encoding="utf-8")).get("max_seq_length") if options.is_file() else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelUnavailable(
                later(
                    "The checkpoint is a bare encoder: it does not say how a text becomes one vector. Whoever runs "
                    "this bot can set one that was made with sentence-transformers: it has a file modules.json, and a "
                    "folder 1_Pooling."
                )
            ) from error
        mode = _mode(settings)
        if mode is None or not set(kinds) <= _HARMLESS:
            raise ModelUnavailable(
                later(
                    "The checkpoint makes its vectors in a way that I cannot compute: I know the mean over all "
                    "tokens, and the first token. Whoever runs this bot can set another one."
                )
            )
        return cls(mode, limit if isinstance(limit, int) else None)


def _mode(settings: Mapping[str, object]) -> PoolingMode | None:
    """Return the mode; None if it is an unknown one, or if several are set."""
    chosen = settings.get("pooling_mode")
    if chosen is None:
        active = [name for name, value in settings.items() if name.startswith("pooling_mode_") and value is True]
        chosen = _SWITCHES.get(active[0]) if len(active) == 1 else None
    return next((mode for mode in PoolingMode if mode == chosen), None)
