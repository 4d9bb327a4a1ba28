"""Checks outputs for NaN and infinity, which softmax and argmax would turn into a plausible answer.

They come from damaged weights, and from weights that overflow in a narrow data type.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
    parts: Iterable[object] = ()
    if isinstance(output, np.ndarray):
        if output.dtype.kind == "f":
            yield output
    elif isinstance(output, float):
        yield np.array(output)
    elif isinstance(output, Mapping):
        parts = output.values()
    elif is_dataclass(output) and not isinstance(output, type):
        parts = (getattr(output, field.name) for field in fields(output))
    elif isinstance(output, Sequence) and not isinstance(output, str | bytes):
        parts = output
    for part in parts:
        yield from _numbers(part)
