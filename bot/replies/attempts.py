"""The requests that discord.py makes within one call of ours. It repeats some by itself, without a word."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

TOO_MANY_REQUESTS = 429

_CURRENT: ContextVar[Attempts | None] = ContextVar("attempts", default=None)


@dataclass
class Attempts:
    """What has come of the requests of one call.

    Attributes:
        statuses: HTTP's, in order; None if there was no response.
    """

    statuses: list[int | None] = field(default_factory=list)

    @property
    def are_limited(self) -> bool:
        """Whether rate limits are all that has come of them."""
        return set(self.statuses) == {TOO_MANY_REQUESTS}


def note_attempt(status: int | None) -> None:
    """Hear of a request that has ended.

    Args:
        status: HTTP's; None if there was no response.
    """
    if (attempts := _CURRENT.get()) is not None:
        attempts.statuses.append(status)


@contextlib.contextmanager
def noticing_attempts() -> Iterator[Attempts]:
    """Notice the requests of the current task until the end of the body."""
    attempts = Attempts()
    token = _CURRENT.set(attempts)
    try:
        yield attempts
    finally:
        _CURRENT.reset(token)
