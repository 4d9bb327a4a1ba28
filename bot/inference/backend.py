"""What cogs see of inference: an interface that the local worker implements, and later a remote one."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from bot.inference.models import ModelState
from bot.inference.requests import Answer, Request

ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class WorkerStatus:
    """How busy the worker is.

    Attributes:
        requests: accepted and not answered yet.
        rows_waiting: sequences that wait for the device.
        batches: batches run since the start.
        rows: rows run since the start.
        waste: the share of padding among all tokens that were computed, 0 to 1.
        models: by task, how far its checkpoint is.
    """

    device: str
    precision: str
    requests: int
    rows_waiting: int
    batches: int
    rows: int
    waste: float
    models: Mapping[str, ModelState]


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

    def model_state(self, request: Request[Any]) -> ModelState:
        """How far the checkpoint is that will answer a request."""
        ...

    def task_state(self, name: str) -> ModelState:
        """How far a task's checkpoint is; raises `ModelUnavailable` where none is set."""
        ...

    def status(self) -> WorkerStatus:
        """How busy the worker is."""
        ...
