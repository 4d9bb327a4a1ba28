"""The journey of a request over the network, from the choice of an address to the answer.

While no server has accepted the request, it is safe to ask again, there or elsewhere. If a stream breaks off after the
acceptance, the request is asked again as well, unless a part of its text was heard: the person may have read that part,
and another text would be a different one. Then the person is told that the connection broke off. Whatever happens, only
one stream is open at a time, and the first answer is the only one. The server of a stream that broke off notices by the
closed connection that nobody waits any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Generic, TypeVar

from bot.errors import ConnectionLost, DeadlinePassed, ShuttingDown
from bot.inference.remote.endpoint import Endpoint, Endpoints
from bot.inference.remote.events import ServerSentEvent
from bot.inference.remote.failures import AttemptFailed, NotGlassbox
from bot.inference.remote.http import HttpClient
from bot.inference.remote.limits import RemoteLimits
from bot.inference.remote.remote_answering import Progress
from bot.inference.remote.search import Search
from bot.inference.requests import Answer
from bot.inference.wire.codec import Codec, TaskForms
from bot.inference.wire.errors import decode_error
from bot.inference.wire.events import Event
from bot.inference.wire.headers import BACKGROUND, DEADLINE_SECONDS, PERSON, PRIORITY

T = TypeVar("T")
ResultT = TypeVar("ResultT")

log = logging.getLogger(__name__)

LATER_SECONDS = 5.0
"""A server ends a request at its deadline. If it does not, the client gives the request up this much later."""
LARGE = 64 * 1024
"""Bytes of an answer from which on it is read on a thread."""


@dataclass(frozen=True)
class Stream:
    """The events of an accepted request, behind `accepted`."""

    endpoint: Endpoint
    events: AsyncIterator[ServerSentEvent]


@dataclass(eq=False)
class Asking(Generic[ResultT]):
    """One request, while it is asked.

    Attributes:
        forms: of its task.
        body: its JSON.
        background: see `Backend.submit`.
        pass_stop_on: tells a server to end the text with an id.
    """

    forms: TaskForms[ResultT]
    body: bytes
    person: int
    background: bool
    progress: Progress[ResultT]
    endpoints: Endpoints
    client: HttpClient
    codec: Codec
    limits: RemoteLimits
    pass_stop_on: Callable[[Endpoint, str], None]

    async def answer(self) -> Answer[ResultT]:
        """Ask until there is an answer.

        Raises:
            GlassboxError: there is none.
        """
        try:
            return await self._within_deadline()
        except asyncio.CancelledError:
            reason = self.progress.reason
            self.progress.settle((reason or ShuttingDown)())
            if reason is not None:
                raise reason() from None
            raise
        except Exception as error:
            self.progress.settle(error)
            raise

    async def _within_deadline(self) -> Answer[ResultT]:
        end = asyncio.get_running_loop().time() + self.limits.seconds
        try:
            async with asyncio.timeout_at(end + LATER_SECONDS):
                return await self._answer(end)
        except TimeoutError:
            raise DeadlinePassed(self.limits.seconds) from None

    async def _answer(self, end: float) -> Answer[ResultT]:
        search = Search(self.endpoints, self.limits.refusal_seconds)
        for _ in range(self.limits.tries):
            async with contextlib.AsyncExitStack() as stack:
                stream = await search.run(partial(self._open, stack, end))
                try:
                    with stream.endpoint.noted():
                        return await self._read(stream)
                except (AttemptFailed, ShuttingDown) as failure:
                    if self.progress.partial is not None:
                        raise failure if isinstance(failure, ShuttingDown) else ConnectionLost() from None
                    log.info("a request is asked again: %s", type(failure).__name__)
            self.progress.begin_again()
            search = Search(self.endpoints, self.limits.again_seconds, waits=True)
        raise ConnectionLost

    async def _open(self, stack: contextlib.AsyncExitStack, end: float, endpoint: Endpoint) -> Stream:
        """Open a stream, and wait for the acceptance.

        Args:
            stack: closes the stream.
            end: the deadline, by the loop's clock.

        Raises:
            AttemptFailed: there is no usable response.
            GlassboxError: the server does not accept the request.
        """
        left = max(0.0, end - asyncio.get_running_loop().time())
        headers = {PERSON: str(self.person), DEADLINE_SECONDS: f"{left:.3f}"}
        if self.background:
            headers[PRIORITY] = BACKGROUND
        async with contextlib.AsyncExitStack() as opening:
            opening.enter_context(endpoint.asked())
            call = self.client.events(endpoint, self.forms.task.name, body=self.body, headers=headers)
            events = await opening.enter_async_context(call)
            first = await anext(events, None)
            if first is None or first.name != Event.ACCEPTED:
                raise NotGlassbox("its stream does not begin with the acceptance")
            accepted = _read_as(self.codec.accepted.decode, first.data)
            await stack.enter_async_context(opening.pop_all())
        self.progress.pass_stop_on = partial(self.pass_stop_on, endpoint, accepted.id)
        if self.progress.is_stopped:
            self.progress.pass_stop_on()
        return Stream(endpoint, events)

    async def _read(self, stream: Stream) -> Answer[ResultT]:
        """Follow a stream to its end.

        Raises:
            AttemptFailed: it breaks off, or cannot be read.
            GlassboxError: the server could not answer.
        """
        async for event in stream.events:
            match event.name:
                case Event.STATE:
                    state = _read_as(self.codec.state.decode, event.data)
                    self.progress.state, self.progress.position = state.state, state.queue_position
                case Event.PARTIAL:
                    # Most are never looked at: the reply shows the newest one, now and then.
                    self.progress.partial = cache(partial(self.forms.result.decode, event.data))
                case Event.ANSWER:
                    self.progress.settle()
                    return await self._answer_in(event.data)
                case Event.ERROR:
                    self.progress.settle()
                    raise decode_error(event.data)
            self.progress.settle()
        raise AttemptFailed("its stream ended before the answer")

    async def _answer_in(self, data: bytes) -> Answer[ResultT]:
        read = partial(_read_as, self.forms.answer.decode, data)
        return read() if len(data) < LARGE else await asyncio.to_thread(read)


def _read_as(decode: Callable[[bytes], T], data: bytes) -> T:
    try:
        return decode(data)
    except ValueError:
        raise NotGlassbox("what it sends cannot be read") from None
