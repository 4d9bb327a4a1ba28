"""Checks outputs for NaN and infinity before they become an answer.

Damaged weights, and weights that overflow in a narrow data type, compute NaN or infinity, which softmax and argmax turn
into a plausible answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


def all_finite(output: object) -> bool:
    """Return whether all numbers of an operation's output are finite."""
    if type(output) is np.ndarray:  # nearly always, and this runs for each row
        return output.dtype.kind != "f" or bool(np.isfinite(output).all())
    return all(bool(np.isfinite(numbers).all()) for numbers in _numbers(output))


def none_above(output: object) -> bool:
    """Return the same, but allow minus infinity: the logit of tokens that a checkpoint rules out."""
    return all(bool((numbers < np.inf).all()) for numbers in _numbers(output))  # False for NaN


def _numbers(output: object) -> Iterator[npt.NDArray[Any]]:
    """Yield the floating-point numbers of arrays, also of those in dataclasses, mappings and lists."""
    if isinstance(output, np.ndarray):
        if output.dtype.kind == "f":
            yield output
    elif isinstance(output, float):
        yield np.array(output)
    else:
        for part in _parts(output):
            yield from _numbers(part)


def _parts(output: object) -> Iterator[object]:
    if isinstance(output, Mapping):
        yield from output.values()
    elif is_dataclass(output) and not isinstance(output, type):
        yield from (getattr(output, field.name) for field in fields(output))
    elif isinstance(output, Sequence) and not isinstance(output, str | bytes):
        yield from output
