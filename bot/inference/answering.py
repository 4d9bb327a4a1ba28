"""The handle of a submitted request. Only plain values cross it, so a remote backend can implement it with messages."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from bot.inference.requests import Answer

ResultT_co = TypeVar("ResultT_co", covariant=True)


class Stage(StrEnum):
    """The stages of an answer."""

    LOADING = "loading"
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True)
class Loading:
    """The progress of a checkpoint that is being loaded.

    Attributes:
        checkpoint: its display name.
        fetching: whether its files are still being fetched.
        fraction: of the files, 0 to 1; None if unknown.
        seconds_left: an estimate; None while the files are fetched.
    """

    checkpoint: str
    fetching: bool = False
    fraction: float | None = None
    seconds_left: float | None = None


@dataclass(frozen=True)
class AnsweringState:
    """The stage of an answer."""

    stage: Stage
    loading: Loading | None = None
    """Set in the stage LOADING only."""


class Answering(Protocol[ResultT_co]):
    """An accepted request that is being answered.

    Awaiting it gives the `Answer`. It raises a `GlassboxError` if the request cannot be answered, and `CancelledError`
    after `cancel`. Cancelling a caller that awaits it cancels the request.
    """

    def __await__(self) -> Generator[Any, None, Answer[ResultT_co]]: ...

    async def accepted(self, seconds: float) -> None:
        """Wait, at most so long, until the backend has accepted or refused the request.

        Raises:
            ModelUnavailable: no checkpoint is set for it.
            Refused: it is not accepted now.
        """

    def done(self) -> bool:
        """Return whether awaiting returns or raises at once."""

    @property
    def state(self) -> AnsweringState:
        """The current stage. Cheap."""

    @property
    def queue_position(self) -> int | None:
        """How many waiting rows are due before this request's first one; None unless it is queued."""

    async def wait(self, seconds: float) -> bool:
        """Wait until the answer is done, at most so long; return whether it is. Never cancels the request."""

    async def partial(self) -> ResultT_co | None:
        """Return the newest partial result; None if there is nothing to show."""

    def stop(self) -> None:
        """End the generation within one decode step; the text so far becomes the answer.

        Does nothing if no text is being generated.
        """

    def cancel(self) -> None:
        """Give the request up. It costs no further device time unless another request waits for the same result."""
