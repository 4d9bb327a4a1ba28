"""How requests and interactions end, in words that a metric can have as labels: few, and nobody's own."""

from __future__ import annotations

import asyncio
import re
from typing import Literal, NamedTuple, TypeAlias

from bot.errors import ButtonRefused, GlassboxError, InvalidRequest, ModelUnavailable, Refused

Outcome: TypeAlias = Literal["answered", "invalid", "refused", "failed", "unavailable", "gone"]
"""`invalid`: the person must change something. `refused`: too many are waiting, or the process stops. `failed`: not
answered although it was accepted, or a bug. `unavailable`: the checkpoint cannot be loaded. `gone`: nobody waits."""


class Ending(NamedTuple):
    """How something has ended, and why.

    Attributes:
        reason: an error's class in snake case; empty if there is nothing to explain.
    """

    outcome: Outcome
    reason: str = ""


ANSWERED = Ending("answered")
GONE = Ending("gone")
UNEXPECTED = Ending("failed", "unexpected")
_OUTCOMES: tuple[tuple[type[GlassboxError], Outcome], ...] = (
    (InvalidRequest, "invalid"),
    (ButtonRefused, "invalid"),
    (Refused, "refused"),
    (ModelUnavailable, "unavailable"),
    (GlassboxError, "failed"),
)


def ending_of(error: BaseException | None) -> Ending:
    """Return how something has ended that raised an error, or none."""
    if error is None:
        return ANSWERED
    if isinstance(error, asyncio.CancelledError):
        return GONE
    for kind, outcome in _OUTCOMES:
        if isinstance(error, kind):
            return Ending(outcome, snake_case(type(error)))
    return UNEXPECTED


def snake_case(kind: type) -> str:
    """Return the name of a class in snake case: `QueueFull` → `queue_full`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", kind.__name__).lower()
