"""The endpoint that answers requests, at once or as a stream of events."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import HTTPConnection
from starlette.types import Receive, Scope, Send

from bot.errors import UNEXPECTED, GlassboxError, Unanswered, describe
from bot.inference.answering import Answering
from bot.inference.backend import Backend
from bot.inference.requests import Answer, Request
from bot.inference.serving.bodies import CallerGone, read_body, until_gone
from bot.inference.serving.callers import Caller
from bot.inference.serving.deadlines import answer_within
from bot.inference.serving.keys import Keys
from bot.inference.serving.news import LOOK_SECONDS, News
from bot.inference.serving.refusals import HttpRefusal, json_bytes
from bot.inference.serving.running import RunningAnswers
from bot.inference.wire.codec import Codec, TaskForms
from bot.inference.wire.errors import encode_error
from bot.inference.wire.events import Accepted, Event, event_message
from bot.inference.wire.form import Form
from bot.inference.wire.headers import EVENT_STREAM
from bot.stopping import beside

T = TypeVar("T")

log = logging.getLogger(__name__)

ACCEPTANCE_SECONDS = 1.0
"""How long a stream waits for a refusal, to give it a status; a later one is an event."""
LARGE_BODY = 20_000
"""Bytes of a body that takes long to check, so that a thread does it."""
STREAM_HEADERS = [
    (b"content-type", EVENT_STREAM.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would hand the events over in one piece
]


@dataclass(frozen=True)
class AnswerEndpoint:
    """Answers `POST /v1/{task}`. An ASGI application, so that nothing is lost between a request and its response."""

    backend: Backend
    codec: Codec
    keys: Keys
    running: RunningAnswers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection = HTTPConnection(scope)
        self.keys.admit(connection)
        forms = forms_of(self.codec, scope["path_params"]["task"])
        with self.running.call(), contextlib.suppress(CallerGone):
            caller = Caller.of(connection)
            request = await _decoded(forms, await read_body(connection.headers, receive))
            answering = self.backend.submit(request, person=caller.person, background=caller.background)
            with self.running.held(answering) as identity:
                call = _Call(self.codec, forms, answering, caller, identity)
                await (call.stream if caller.streams else call.respond)(scope, receive, send)


@dataclass(frozen=True)
class _Call:
    """A request that has been submitted, on its way to a response."""

    codec: Codec
    forms: TaskForms[Any]
    answering: Answering[Any]
    caller: Caller
    identity: str

    async def respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer when it is complete; raise if there is none."""
        async with self._under_way(receive) as (gone, finished):
            await asyncio.wait((gone, finished), return_when=asyncio.FIRST_COMPLETED)
            response = json_bytes(await self._encoded(self.forms.answer, _outcome(finished)))
        await response(scope, receive, send)

    async def stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send events as they come, the last one of which is the answer or an error; raise if it is refused at once."""

        async def say(message: bytes, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": message, "more_body": more})

        async with self._under_way(receive) as (gone, finished):
            await _or_gone(self.answering.accepted(ACCEPTANCE_SECONDS), gone)
            await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
            await say(event_message(Event.ACCEPTED, self.codec.accepted.encode(Accepted(self.identity))))
            news = News(self.answering, self.codec, self.forms)
            while not finished.done() and not gone.done():
                async for message in news.look():
                    await say(message)
                await asyncio.wait((gone, finished), timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            await say(await self._last(finished), more=False)

    async def _last(self, finished: asyncio.Task[Answer[Any]]) -> bytes:
        try:
            return event_message(Event.ANSWER, await self._encoded(self.forms.answer, _outcome(finished)))
        except (CallerGone, asyncio.CancelledError):
            raise
        except Exception as error:
            if not isinstance(error, GlassboxError):
                log.error("an answer failed: %s", describe(error))
            return event_message(Event.ERROR, encode_error(error))

    @contextlib.asynccontextmanager
    async def _under_way(self, receive: Receive) -> AsyncIterator[tuple[asyncio.Task[None], asyncio.Task[Answer[Any]]]]:
        """Run the tasks that end when the caller is gone, and when there is an answer."""
        async with (
            beside(until_gone(receive)) as gone,
            beside(answer_within(self.answering, self.caller.deadline)) as finished,
        ):
            yield gone, finished

    async def _encoded(self, form: Form[T], value: T) -> bytes:
        # An explanation has thousands of numbers.
        return await asyncio.to_thread(form.encode, value) if self.forms.task.weight > 1 else form.encode(value)


def forms_of(codec: Codec, task: str) -> TaskForms[Any]:
    """Return the forms of a task; raise `HttpRefusal` if there is none of this name (404)."""
    if task not in codec:
        raise HttpRefusal(404, "not_found", f"There is no such task. The tasks are: {', '.join(codec)}.")
    return codec[task]


async def _decoded(forms: TaskForms[Any], body: bytes) -> Request[Any]:
    form = forms.request
    return await asyncio.to_thread(form.decode, body) if len(body) > LARGE_BODY else form.decode(body)


def _outcome(finished: asyncio.Task[Answer[Any]]) -> Answer[Any]:
    if not finished.done():
        raise CallerGone
    if finished.cancelled():  # by the backend, which says nothing more
        raise Unanswered(UNEXPECTED)
    return finished.result()


async def _or_gone(waiting: Awaitable[None], gone: asyncio.Task[None]) -> None:
    async with beside(_awaited(waiting)) as task:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise CallerGone
        task.result()


async def _awaited(waiting: Awaitable[T]) -> T:
    return await waiting
