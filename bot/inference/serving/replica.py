"""One replica of a deployment: a worker whose answers go out as streams."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any

from bot.errors import UNEXPECTED, GlassboxError, Unanswered, describe
from bot.inference.answering import Answering
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.compute.collection import leave_out
from bot.inference.serving.messages import Answered, Asked, Event, Failed, Heard, Report
from bot.inference.worker import InferenceWorker
from bot.request_ids import request_id

log = logging.getLogger(__name__)

FIRST_LOOK = 0.05
"""Seconds after which a caller hears how far a request is."""
LOOK_SECONDS = 0.25
"""Seconds between two further looks; Discord takes a preview every 1.25 seconds."""

POSITION_SECONDS = 1.0
"""Seconds until a caller hears of another place in the queue."""

OpenWorker = Callable[[], AbstractAsyncContextManager[InferenceWorker]]


class Replica:
    """Hosts a worker in an actor of Ray Serve.

    Batching, fairness, isolation, cancellation and deadlines are the worker's. Serve sends a replica at most its
    `max_ongoing_requests`, and calls `__del__` when it has answered them and is to end.

    Args:
        open_worker: opens the worker; pickled by reference.
    """

    _is_closed = True

    async def __init__(self, open_worker: OpenWorker) -> None:  # type: ignore[misc]  # Serve awaits it
        self._open = AsyncExitStack()
        self._worker = await self._open.enter_async_context(open_worker())
        self._is_closed = False
        self._running: dict[str, Answering[Any]] = {}
        self._breaking = asyncio.create_task(self._worker.until_broken())
        self._preloading = asyncio.create_task(self._preload())
        # The first replica joins at once, so that those who wait for it see how far its checkpoint is. Others answer
        # meanwhile if there are others, so then it joins when it is ready.
        if await asyncio.to_thread(_others_answer):
            await self._preloading

    async def _preload(self) -> None:
        await self._worker.preload()
        await asyncio.to_thread(leave_out)

    async def answer(self, asked: Asked) -> AsyncIterator[Event]:
        """Answer a request. Closing the iterator gives the request up, and so does Serve when the caller is gone."""
        request_id.set(asked.request_id)
        try:
            answering = self._worker.submit(asked.request, person=asked.person, background=asked.background)
        except GlassboxError as error:
            yield Failed.of(error)
            return
        self._running[asked.id] = answering
        try:
            async for heard in _looks(answering):
                yield heard
            yield await _outcome(answering)
        finally:
            answering.cancel()
            del self._running[asked.id]

    async def stop(self, asked_id: str) -> bool:
        """End a text; return whether it is answered here. See `Answering.stop`."""
        if (answering := self._running.get(asked_id)) is None:
            return False
        answering.stop()
        return True

    async def describe(self, name: str) -> CheckpointDescription | Failed:
        """See `Backend.describe`."""
        try:
            return await self._worker.describe(name)
        except GlassboxError as error:
            return Failed.of(error)

    async def report(self) -> Report:
        """Return the load of this replica."""
        status = self._worker.status()
        names = (name for one in status.checkpoints for name in (*one.tasks, one.name))
        pairs = {name: self._worker.languages(name) for name in names}
        return Report(status, {name: dict(known.targets) for name, known in pairs.items() if known is not None})

    async def check_health(self) -> None:
        """Raise an error if only a new process helps: Serve then replaces this one."""
        if self._breaking.done() and not self._breaking.cancelled():
            self._breaking.result()

    def __del__(self) -> Coroutine[Any, Any, None] | None:
        """Return what drains and closes the worker, which Serve awaits; None if that has been done."""
        if self._is_closed:
            return None
        self._is_closed = True
        return self._close()

    async def _close(self) -> None:
        for task in (self._breaking, self._preloading):
            task.cancel()
        await asyncio.gather(self._breaking, self._preloading, return_exceptions=True)
        await self._open.aclose()


async def _looks(answering: Answering[Any]) -> AsyncIterator[Heard]:
    """Yield how far an answer is, whenever that has changed, until it is done."""
    now = asyncio.get_running_loop().time
    told, told_at = None, now()
    while not await answering.wait(FIRST_LOOK if told is None else LOOK_SECONDS):
        heard = Heard(answering.state, answering.queue_position, await _partial(answering))
        # A place in the queue changes with every batch, and each message costs more time than a short answer.
        same = told is not None and (heard.state, heard.partial) == (told.state, told.partial)
        if not same or (heard != told and now() - told_at >= POSITION_SECONDS):
            yield heard
            told, told_at = heard, now()


async def _partial(answering: Answering[Any]) -> object | None:
    try:
        partial: object | None = await answering.partial()
    except Exception as error:  # a partial result is dispensable
        log.warning("a partial result could not be made: %s", describe(error))
        return None
    return partial


async def _outcome(answering: Answering[Any]) -> Answered | Failed:
    try:
        return Answered(await answering)
    except GlassboxError as error:
        return Failed.of(error)
    except Exception as error:  # a bug of ours; its text may hold a message, so it does not leave this process
        log.error("an answer could not be computed: %s", describe(error))
        return Failed.of(Unanswered(UNEXPECTED))


def _others_answer() -> bool:
    """Return whether this deployment has replicas that answer already."""
    from ray import serve

    context = serve.get_replica_context()
    application = serve.status().applications.get(context.app_name)
    deployment = None if application is None else application.deployments.get(context.deployment)
    return deployment is not None and deployment.replica_states.get("RUNNING", 0) > 0
