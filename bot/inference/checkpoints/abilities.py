"""What a checkpoint can do, as far as its configuration tells before it is loaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.loading import head_kind
from bot.inference.task import HeadKind

TRANSLATORS = ("T5", "MT5", "UMT5", "M2M100", "Marian", "MBart", "NllbMoe", "FSMT")
"""Beginnings of the architectures of encoder-decoders that were trained to translate, and are told the languages."""
ONLY_TRANSLATORS = ("M2M100", "Marian", "MBart", "NllbMoe", "FSMT")
"""Those of them that do nothing else."""


@dataclass(frozen=True)
class Abilities:
    """A checkpoint's architecture, and the labels of its classes.

    Attributes:
        architecture: the class name in `config.json`, of which Glassbox has a head.
        labels: of a classifier; None if they are not known yet.
    """

    architecture: str
    labels: tuple[str, ...] | None = None

    @property
    def kind(self) -> HeadKind:
        """The kind of its head."""
        return head_kind(self.architecture)

    @property
    def infers(self) -> bool | None:
        """Whether its labels are those of natural language inference; None if they are not known yet."""
        if self.labels is None:
            return None
        return any(label.lower().startswith("entail") for label in self.labels)


def abilities_of(architecture: str | None) -> Abilities | None:
    """Return what an architecture can do; None if there is none, or no head for it."""
    try:
        return None if architecture is None else _checked(Abilities(architecture))
    except ModelUnavailable:
        return None


def read_abilities(folder: Path) -> Abilities | None:
    """Read what the checkpoint in a folder can do; None if its `config.json` does not tell."""
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        architecture = str((config.get("architectures") or [""])[0])
        # transformers names two classes LABEL_0 and LABEL_1 if the file has no names.
        named = config.get("id2label") or {"0": "LABEL_0", "1": "LABEL_1"}
        return _checked(Abilities(architecture, tuple(str(label) for label in named.values())))
    except (OSError, ValueError, AttributeError, TypeError, LookupError, ModelUnavailable):
        return None


def _checked(abilities: Abilities) -> Abilities:
    _ = abilities.kind  # raises if there is no head for it
    return abilities
