"""Are the numbers that come back from a device numbers at all?

Damaged weights, and weights that overflow in a narrow data type, give NaN or infinity, and softmax and argmax make a
plausible answer of it. So outputs are looked at before anybody makes an answer of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


def all_finite(output: object) -> bool:
    """Whether all numbers of an operation's output are finite."""
    if type(output) is np.ndarray:  # nearly always, and this is done for each row
        return output.dtype.kind != "f" or bool(np.isfinite(output).all())
    return all(bool(np.isfinite(numbers).all()) for numbers in _numbers(output))


def none_above(output: object) -> bool:
    """The same, but minus infinity is allowed: that is the logit of what a checkpoint rules out."""
    return all(bool((numbers < np.inf).all()) for numbers in _numbers(output))  # False for NaN


def _numbers(output: object) -> Iterator[npt.NDArray[Any]]:
    """The floating-point numbers of arrays, also those in dataclasses, mappings and lists."""
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
