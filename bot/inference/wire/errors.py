"""Errors between processes: the class, the sentence that a person reads, and the fields that code reads.

The sentence is in English. Beside it goes the message (`bot.inference.wire.messages`), so that the process that shows
it can translate it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from bot import errors
from bot.errors import (
    UNEXPECTED,
    GlassboxError,
    InvalidRequest,
    ModelUnavailable,
    Refused,
    Unanswered,
)
from bot.inference.json_forms import snake_case
from bot.inference.wire.form import encode_plain
from bot.inference.wire.messages import plain_message, read_message

_SPOKEN = (InvalidRequest, Refused, Unanswered, ModelUnavailable)
"""The errors of a backend: these and what derives from them. A class that another module derives is its base here."""
_CODES: Mapping[str, type[GlassboxError]] = {
    snake_case(name): kind
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, _SPOKEN)
}
_FIELDS: Mapping[str, Callable[[Any], object]] = {
    "wait": float,
    "until": float,
    "limit": int,
    "seconds": lambda seconds: None if seconds is None else float(seconds),
    "names": tuple,
}
"""How the errors' own attributes are read, by name."""


def code_of(error: BaseException) -> str:
    """Return an error's name on the wire: `QueueFull` → `queue_full`. What is not a backend's is `unanswered`."""
    codes = {kind: code for code, kind in _CODES.items()}
    return next((codes[kind] for kind in type(error).__mro__ if kind in codes), "unanswered")


def plain_error(error: BaseException) -> dict[str, Any]:
    """Return an error as what JSON holds. Of other errors than a backend's, nothing is said but `UNEXPECTED`."""
    if not isinstance(error, _SPOKEN):
        return {"code": code_of(error), **plain_message(UNEXPECTED)}
    fields = {name: value for name, value in vars(error).items() if name in _FIELDS}
    return {"code": code_of(error), **plain_message(error.message), **fields}


def encode_error(error: BaseException) -> bytes:
    """Return an error's JSON: `{"code": "queue_full", "sentence": "Too many people …", "message": …, "wait": 12.5}`."""
    return encode_plain(plain_error(error))


def decode_error(data: bytes | str) -> GlassboxError:
    """Return the error that some JSON stands for, as it is or under the key `error`; raises nothing.

    One with a code that this version does not know is an `Unanswered` with its sentence.
    """
    try:
        found = json.loads(data)
        found = found.get("error", found)
        return _rebuilt(found)
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return Unanswered(UNEXPECTED)


def _rebuilt(found: Mapping[str, Any]) -> GlassboxError:
    kind = _CODES.get(found.get("code", ""), Unanswered)
    error = kind.__new__(kind)
    # Constructors make the sentence of their arguments, which may not be among the attributes.
    GlassboxError.__init__(error, read_message(found) or UNEXPECTED)
    for name in found.keys() & _FIELDS.keys():
        setattr(error, name, _FIELDS[name](found[name]))
    return error
