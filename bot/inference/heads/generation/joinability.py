"""Whether rows of an encoder-decoder can join others that are under way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from bot.inference.heads.generation.decoder_positions import Positions
from bot.inference.heads.generation.encoder_decoder_session import Encoder, Source, SourceRows
from bot.inference.heads.invariance.probing import agree

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

_NOTE = "sources"


def can_be_joined(head: Head, encode: Encoder, positions: Positions) -> bool:
    """Whether rows of an encoder-decoder can join others that are under way, and get what they would get alone.

    Found out with a few short forward passes, once for each checkpoint. Used on the device's thread only.
    """
    if _NOTE not in head.notes:
        head.notes[_NOTE] = is_greedy(head.model.generation_config.to_diff_dict()) and _agrees(head, encode, positions)
    return bool(head.notes[_NOTE])


@dataclass(frozen=True)
class _Probe:
    """A source, and what the decoder reads."""

    ids: tuple[int, ...]
    start: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


_EARLY = (_Probe((5, 6, 7), (2, 3, 4, 5, 6, 7, 8, 9)), _Probe((8, 9), (3, 5, 2, 6, 4, 9, 7, 8)))
_LATE = _Probe((4, 7, 5, 6, 9), (4, 6))
"""Joins them for their last steps."""


def _agrees(head: Head, encode: Encoder, positions: Positions) -> bool:
    """Whether two rows, and a third that joins them, get the logits that each would get alone."""
    rows = SourceRows(head, encode, positions)
    probes = (*_EARLY, _LATE)
    joining = len(_EARLY[0].start) - len(_LATE.start)
    try:
        rows.read(head.tensor([]), _EARLY)
        for step in range(1, joining + 1):
            rows.read(head.tensor([probe.start[step] for probe in _EARLY]), [_LATE] if step == joining else [])
        found = rows.read(head.tensor([probe.start[-1] for probe in probes]), [])
        plain = [_plain(head, probe) for probe in probes]
    except (AttributeError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return False
    return agree(list(found), plain, head.precision)


def _plain(head: Head, probe: Source) -> torch.Tensor:
    """Logits of the next token, (vocabulary,), in a forward pass without a cache."""
    output = head.model(
        input_ids=head.tensor([probe.ids]), decoder_input_ids=head.tensor([probe.start]), use_cache=False
    )
    logits: torch.Tensor = output.logits[0, -1].float()
    return logits


_WITHOUT_EFFECT = frozenset(
    {
        "bos_token_id",
        "decoder_start_token_id",
        "early_stopping",
        "eos_token_id",
        "length_penalty",
        "max_length",
        "max_new_tokens",
        "pad_token_id",
        "temperature",
        "top_k",
        "top_p",
        "transformers_version",
        "use_cache",
    }
)
"""Of a generation configuration, where the likeliest token is always taken and one text is written for a source."""
_NEUTRAL = {
    "num_beams": 1,
    "num_beam_groups": 1,
    "num_return_sequences": 1,
    "repetition_penalty": 1,
    "guidance_scale": 1,
}


def is_greedy(config: Mapping[str, Any]) -> bool:
    """Whether `generate` takes the likeliest token each time and changes no logits, without a setting to sample.

    Args:
        config: what a generation configuration sets (`GenerationConfig.to_diff_dict`). What is not known here has an
            effect.
    """
    return all(
        not value or value == _NEUTRAL.get(name)
        for name, value in config.items()
        if name not in _WITHOUT_EFFECT and name != "do_sample" and not name.startswith(("_", "output_", "return_"))
    )
