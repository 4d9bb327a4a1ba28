"""What cogs see of inference: an interface that the local worker implements, and later a remote one."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, TypeVar

from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.requests import Answer, Request
from bot.inference.status import CheckpointState, WorkerStatus

ResultT = TypeVar("ResultT")


class Backend(Protocol):
    """Answers requests, wherever the device is."""

    def submit(self, request: Request[ResultT], *, person: int) -> asyncio.Task[Answer[ResultT]]:
        """Accept a request, and return the task that answers it; cancelling the task gives the request up.

        Args:
            request: what to answer.
            person: who asks, for fairness and quotas.

        Raises:
            Refused: it is not accepted; raised at once.
        """
        ...

    async def run(self, request: Request[ResultT], *, person: int) -> Answer[ResultT]:
        """Submit a request and wait for its answer.

        Raises:
            Refused: it is not accepted.
            Unanswered: it was accepted, and could not be answered.
            ModelUnavailable: the checkpoint cannot be had.
        """
        ...

    async def partial(self, answer: asyncio.Task[Answer[ResultT]]) -> ResultT | None:
        """What there is so far of an answer that `submit` has promised; None where there is nothing to show yet."""
        ...

    def stop(self, answer: asyncio.Task[Any]) -> None:
        """Let an answer end with what there is so far, within one step. Does nothing where it has not begun."""
        ...

    def model_state(self, request: Request[Any]) -> CheckpointState:
        """How far the checkpoint is that will answer a request."""
        ...

    def task_state(self, name: str) -> CheckpointState:
        """How far a task's checkpoint is; raises `ModelUnavailable` where none is set."""
        ...

    def status(self) -> WorkerStatus:
        """How busy the worker is."""
        ...

    async def describe(self, task: str) -> CheckpointDescription:
        """All that can be said of a task's checkpoint, loaded or not. Loads no weights, and uses no network.

        Raises:
            ModelUnavailable: none is set for the task.
        """
        ...
