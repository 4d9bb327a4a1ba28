"""Whether a way to compute rows together gives what each of them would get alone."""

from __future__ import annotations

from collections.abc import Sequence

import torch

EXACT = 1e-3
ROUNDED = 0.05
"""Rows that get the position of another one are off by 0.1 to 0.35 in small models of four families."""


def off_by(found: torch.Tensor, right: torch.Tensor) -> float:
    """How far logits are from the right ones, as a share of how much these differ among themselves.

    Args:
        found: (vocabulary,), float32.
        right: likewise.
    """
    return float((found - right).norm() / (right - right.mean()).norm())


def agree(found: Sequence[torch.Tensor], right: Sequence[torch.Tensor], precision: str) -> bool:
    """Whether the logits of some rows are the right ones, but for rounding.

    Args:
        found: (vocabulary,) each, float32.
        right: likewise.
        precision: what they were computed in.
    """
    most = EXACT if precision == "float32" else ROUNDED
    return all(off_by(*pair) < most for pair in zip(found, right, strict=True))
