"""How requests and interactions end, in words that a metric can have as labels: few, and none of a person's."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from enum import StrEnum

from bot.errors import ButtonRefused, GlassboxError, InvalidRequest, ModelUnavailable, Refused


class Ending(StrEnum):
    """How a request or an interaction has ended."""

    ANSWERED = "answered"
    INVALID = "invalid"
    """It cannot be answered as it stands: the person must change something."""
    REFUSED = "refused"
    """It was not accepted: too many are waiting, or the process stops."""
    FAILED = "failed"
    """It was accepted and not answered, or it met a bug."""
    UNAVAILABLE = "unavailable"
    """Its checkpoint cannot be fetched or loaded."""
    GONE = "gone"
    """Nobody waits for it any more."""


@dataclass(frozen=True)
class Outcome:
    """How something has ended, and why.

    Attributes:
        reason: an error's class in snake case; empty if there is nothing to explain.
    """

    ending: Ending
    reason: str = ""


ANSWERED = Outcome(Ending.ANSWERED)
GONE = Outcome(Ending.GONE)
UNEXPECTED = Outcome(Ending.FAILED, "unexpected")
_ENDINGS: tuple[tuple[type[GlassboxError], Ending], ...] = (
    (InvalidRequest, Ending.INVALID),
    (ButtonRefused, Ending.INVALID),
    (Refused, Ending.REFUSED),
    (ModelUnavailable, Ending.UNAVAILABLE),
    (GlassboxError, Ending.FAILED),
)


def outcome_of(error: BaseException | None) -> Outcome:
    """Return how something has ended that raised an error, or none."""
    if error is None:
        return ANSWERED
    if isinstance(error, asyncio.CancelledError):
        return GONE
    for kind, ending in _ENDINGS:
        if isinstance(error, kind):
            return Outcome(ending, snake_case(type(error)))
    return UNEXPECTED


def snake_case(kind: type) -> str:
    """Return the name of a class in snake case: `QueueFull` → `queue_full`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
