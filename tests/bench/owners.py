"""Which word each token of a text belongs to."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any, TypeAlias

import numpy as np

from bot.tasks.scores import Floats
from bot.tasks.work.units import Units

Owners: TypeAlias = Sequence[int | None]
"""The word of each token, None for those around the text."""


def owned_ids(head: Any, units: Units, before: str = "", after: str = "") -> tuple[tuple[int, ...], Owners]:
    """Return the token ids of a text, and the word that each token's last character belongs to.

    Args:
        before, after: what a prompt puts around the text.
    """
    text = f"{before}{''.join(units.parts)}{after}"
    encoded = head.tokenizer(text, return_offsets_mapping=True)
    ends = [len(before), *(len(before) + end for end in accumulate(map(len, units.parts)))]
    owners: list[int | None] = []
    for start, end in encoded["offset_mapping"]:
        inside = [index for index in range(len(units)) if ends[index] < end <= ends[index + 1] and end > start]
        owners.append(inside[0] if inside else None)
    return tuple(encoded["input_ids"]), owners


def of_words(scores: Floats, owners: Owners, words: int) -> Floats:
    """Sum the scores of each word's tokens: (tokens, numbers) → (words, numbers)."""
    return np.array([scores[[owner == word for owner in owners]].sum(axis=0) for word in range(words)])
