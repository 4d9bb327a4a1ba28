"""A backend whose worker is on another machine."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import secrets
from collections.abc import Coroutine, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import tenacity
from yarl import URL

from bot.errors import GlassboxError, InvalidRequest, ShuttingDown, no_checkpoint
from bot.inference.backend import Backend
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.remote.asking import Asking
from bot.inference.remote.endpoint import Endpoint, Endpoints
from bot.inference.remote.failures import AttemptFailed
from bot.inference.remote.http import HttpClient
from bot.inference.remote.limits import RemoteLimits
from bot.inference.remote.merging import NOTHING_HEARD, merged
from bot.inference.remote.remote_answering import Progress, RemoteAnswering
from bot.inference.remote.search import Search
from bot.inference.remote.watching import Watch
from bot.inference.requests import Answer, Request
from bot.inference.status import WorkerStatus
from bot.inference.task import Task
from bot.inference.wire.codec import Codec
from bot.locales.message import later
from bot.request_ids import request_id

T = TypeVar("T")
ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)

STOP_TRIES = 5
UNSENDABLE = later("This text contains half of a character, which I cannot send to my models. Please write it anew.")


class RemoteBackend(Backend):
    """Sends requests to one address or several, where Glassbox's inference is served.

    An async context manager: entering opens the pool of connections and asks each server for its status, leaving
    drains. A server that does not answer yet is asked again in the background.

    Args:
        addresses: of servers that share no device (see `merged`).
        key: INFERENCE_KEY; None sends none.
    """

    def __init__(
        self,
        tasks: Iterable[Task[Any]],
        addresses: Sequence[URL],
        key: str | None = None,
        limits: RemoteLimits | None = None,
    ) -> None:
        self._limits = limits or RemoteLimits()
        self._codec = Codec(tasks)
        self._endpoints = Endpoints(addresses, self._limits)
        self._client = HttpClient(key, self._limits)
        self._watch = Watch(self._client, self._codec, self._limits)
        self._accepted: set[RemoteAnswering[Any]] = set()
        self._background: set[asyncio.Task[Any]] = set()
        self._draining = False
        # Calls run in a context of the backend's own, like the worker's: see `bot.inference.timers`.
        self._context = contextvars.copy_context()

    async def __aenter__(self) -> RemoteBackend:
        await self._client.__aenter__()
        await self.look()
        for endpoint in self._endpoints:
            self._begin(self._watch.go_on(endpoint))
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()

    @property
    def endpoints(self) -> Endpoints:
        """The addresses, and what is known about them."""
        return self._endpoints

    async def look(self) -> None:
        """Ask each server for its status now. Failures are noted at the endpoints."""
        await asyncio.gather(*(self._begin(self._watch.look(endpoint)) for endpoint in self._endpoints))

    def submit(self, request: Request[ResultT], *, person: int, background: bool = False) -> RemoteAnswering[ResultT]:
        if self._draining:
            raise ShuttingDown
        forms = self._codec[self._codec.task_of(request)]
        try:
            body = forms.request.encode(request)
        except ValueError:
            raise InvalidRequest(UNSENDABLE) from None
        progress: Progress[ResultT] = Progress(asyncio.get_running_loop().create_future())
        asking = Asking(
            forms,
            body,
            person,
            background,
            progress,
            self._endpoints,
            self._client,
            self._codec,
            self._limits,
            self._stop,
        )
        answering = RemoteAnswering(progress, self._begin(asking.answer()), self._context)
        self._accepted.add(answering)
        answering.task.add_done_callback(partial(self._release, answering))
        return answering

    def languages(self, name: str) -> LanguagePairs | None:
        known = (endpoint.languages.get(name) for endpoint in self._endpoints)
        pairs = next((pairs for pairs in known if pairs is not None), None)
        if pairs is None and all(one.lacks(name) for one in self._endpoints):
            raise no_checkpoint(name)
        return pairs

    def status(self) -> WorkerStatus:
        now = [one.status for one in self._endpoints if one.answers and one.status is not None]
        once = [one.status for one in self._endpoints if one.status is not None]
        accepting = not self._draining and any(one.accepting for one in self._endpoints)
        return merged(now or once or [NOTHING_HEARD], accepting=accepting)

    async def describe(self, name: str) -> CheckpointDescription:
        return await self._begin(self._describe(name))

    async def preload(self, connected: asyncio.Event | None = None) -> None:
        """Return at once: each server loads its checkpoints by itself."""

    async def until_broken(self) -> None:
        """Wait for ever: this process computes nothing that could hang or fail for good."""
        await asyncio.get_running_loop().create_future()

    async def aclose(self) -> None:
        """Drain: send nothing new, wait for the answers under way, give the rest up, and close the connections.

        A second call does nothing.
        """
        if self._draining:
            return
        self._draining = True
        drain = self._limits.drain_seconds
        ending = min(self._limits.ending_seconds, drain / 2)
        await self._wait_for_answers(drain - ending)
        for answering in self._accepted:
            answering.end()
        await self._wait_for_answers(ending)
        for answering in self._accepted:
            answering.give_up(ShuttingDown)
        for task in self._background - {one.task for one in self._accepted}:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._client.__aexit__()

    async def _wait_for_answers(self, seconds: float) -> None:
        if self._accepted:
            await asyncio.wait([one.task for one in self._accepted], timeout=seconds)

    def _begin(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a task in a context of the backend's, with the id of the current request."""
        context = self._context.copy()
        context.run(request_id.set, request_id.get() or secrets.token_hex(8))
        task = context.run(asyncio.get_running_loop().create_task, work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task

    async def _describe(self, name: str) -> CheckpointDescription:
        seconds, decode = self._limits.read_seconds, self._codec.description.decode

        def call(endpoint: Endpoint) -> Coroutine[Any, Any, CheckpointDescription]:
            return self._client.get(endpoint, "checkpoints", name, seconds=seconds, decode=decode)

        return await Search(self._endpoints, self._limits.refusal_seconds).run(call)

    def _stop(self, endpoint: Endpoint, answer_id: str) -> None:
        self._begin(self._pass_stop_on(endpoint, answer_id))

    async def _pass_stop_on(self, endpoint: Endpoint, answer_id: str) -> None:
        """Tell a server to end a text. Twice does no harm, so it is told until it has heard."""
        retrying = tenacity.AsyncRetrying(
            sleep=asyncio.sleep,
            retry=tenacity.retry_if_exception_type(AttemptFailed),
            stop=tenacity.stop_after_attempt(STOP_TRIES),
            wait=tenacity.wait_exponential_jitter(multiplier=0.1, max=2.0, jitter=0.2),
            reraise=True,
        )
        try:
            await retrying(self._client.post, endpoint, "answers", answer_id, "stop", seconds=self._limits.poll_seconds)
        except GlassboxError:  # it has ended by itself
            pass
        except AttemptFailed as failure:
            log.warning("a text could not be stopped: %s", failure.reason)

    def _release(self, answering: RemoteAnswering[Any], answer: asyncio.Task[Answer[Any]]) -> None:
        self._accepted.discard(answering)
        if not answer.cancelled():
            answer.exception()  # asyncio logs exceptions that nobody has retrieved
