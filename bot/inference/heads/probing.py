"""Probes: short forward passes that find out if an optimisation is numerically exact for a checkpoint."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

EXACT = 1e-3
"""The largest relative error of logits that is rounding in float32."""
ROUNDED = 0.05
"""The same in narrower data types. In small models of four families, rows that get another row's position are off by
0.1 to 0.35."""

UNSUPPORTED = (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""Errors that models raise if an optimisation isn't made for them."""


def tolerance(precision: str) -> float:
    """Return the largest relative error that is rounding in a data type."""
    return EXACT if precision == "float32" else ROUNDED


def holds(
    compute: Callable[[], Sequence[torch.Tensor]], plain: Callable[[], Sequence[torch.Tensor]], precision: str
) -> bool:
    """Return whether an optimised computation runs, and gives each row the plain one's logits, (vocabulary,)."""
    try:
        return agree(compute(), plain(), precision)
    except UNSUPPORTED:
        return False


def agree(found: Sequence[torch.Tensor], expected: Sequence[torch.Tensor], precision: str) -> bool:
    """Return whether the logits of some rows, (vocabulary,) each, are the expected ones but for rounding."""
    return all(_error(*pair) < tolerance(precision) for pair in zip(found, expected, strict=True))


def _error(found: torch.Tensor, expected: torch.Tensor) -> float:
    """Return how far logits are from the expected ones, as a share of how much these differ among themselves."""
    return float((found - expected).norm() / (expected - expected.mean()).norm())
