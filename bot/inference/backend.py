"""The interface of inference that cogs and replies know. The worker implements it, and a remote backend can."""

from __future__ import annotations

from typing import Protocol, TypeVar, runtime_checkable

from bot.inference.answering import Answering
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.requests import Answer, Request
from bot.inference.status import WorkerStatus

ResultT = TypeVar("ResultT")


class Backend(Protocol):
    """Answers requests, in this process or elsewhere."""

    def submit(self, request: Request[ResultT], *, person: int, background: bool = False) -> Answering[ResultT]:
        """Take a request of a person, and return the handle of its answer.

        A backend that must ask another machine refuses later (see `Answering.accepted`).

        Args:
            background: whether nobody looks at the answer yet, as with the rows of a file. It is computed behind
                everybody who waits, and does not count among the requests that the person may have waiting.

        Raises:
            ModelUnavailable: no checkpoint is set for it.
            InvalidRequest: the checkpoint that was chosen cannot be.
            Refused: it is not accepted now.
        """

    async def run(self, request: Request[ResultT], *, person: int) -> Answer[ResultT]:
        """Submit a request and wait for its answer.

        Raises:
            Refused: it is not accepted now.
            Unanswered: it was accepted, and could not be answered.
            ModelUnavailable: its checkpoint cannot be loaded.
        """
        return await self.submit(request, person=person)

    def languages(self, name: str) -> LanguagePairs | None:
        """Return the pairs that a checkpoint translates, as far as known; None if it translates nothing.

        Args:
            name: the checkpoint's, or that of a task, for the one that is set for it.

        Raises:
            ModelUnavailable: there is none.
        """

    def status(self) -> WorkerStatus:
        """Return how busy the worker is. A backend on another machine returns what it heard last."""

    async def describe(self, name: str) -> CheckpointDescription:
        """Describe a checkpoint, loaded or not. Loads no weights, and uses no network.

        Args:
            name: the checkpoint's, or that of a task, for the one that is set for it.

        Raises:
            ModelUnavailable: there is none.
        """


@runtime_checkable
class CheckpointControl(Protocol):
    """A backend that an operator can have load and unload checkpoints: a worker in this process."""

    async def load_checkpoint(self, name: str) -> None:
        """Load a checkpoint now, and calibrate it for its tasks. Others may be evicted for it.

        Args:
            name: see `Backend.describe`.

        Raises:
            ModelUnavailable: there is none, or it cannot be loaded.
        """

    async def unload_checkpoint(self, name: str) -> None:
        """Take a checkpoint off the devices as soon as no request uses it; the next one loads it again.

        Args:
            name: see `Backend.describe`.

        Raises:
            ModelUnavailable: there is none.
        """
