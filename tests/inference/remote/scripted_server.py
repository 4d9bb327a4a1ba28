"""A server of the protocol whose part a test writes, over real sockets."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from yarl import URL

from bot.errors import GlassboxError
from bot.inference.answering import Loading, Stage
from bot.inference.requests import Answer, LabelScore
from bot.inference.status import CheckpointStatus, DeviceStatus, Phase, WorkerStatus
from bot.inference.wire.codec import Codec
from bot.inference.wire.errors import plain_error
from bot.inference.wire.events import KEEP_ALIVE, Accepted, Event, StateEvent, event_message
from bot.tasks import all_tasks
from bot.tasks.generate import Continuation, GenerateResult
from bot.tasks.sentiment import SentimentResult
from tests.timers import PATIENCE

CODEC = Codec(all_tasks())
STATUS = WorkerStatus(
    requests=1,
    rows_waiting=2,
    devices=(DeviceStatus("cpu", "float32", 1, 2, 3, 4, 0.5, 600, None),),
    checkpoints=(
        CheckpointStatus("tiny", ("sentiment", "generate"), Phase.READY, 600, ("float32",), "", 1, 0.0, None),
    ),
    evictions=0,
)


def sentiment(label: str = "POSITIVE") -> Answer[SentimentResult]:
    """An answer to `/sentiment`."""
    return Answer(SentimentResult((LabelScore(label, 1.0),), False), "tiny", "cpu", "float32", 0.25)


def text(written: str) -> GenerateResult:
    """A text, whole or not."""
    return GenerateResult("I", (Continuation(written, len(written.split()), True),), None, False)


def whole(written: str) -> Answer[GenerateResult]:
    """An answer to `/generate`."""
    return Answer(text(written), "tiny", "cpu", "float32", 0.25)


@dataclass
class Call:
    """A request that a server has received, and the stream of its answer."""

    request: web.Request
    body: bytes
    response: web.StreamResponse | None = None
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when nobody reads the stream any more."""

    def __post_init__(self) -> None:
        assert self.request.transport is not None
        self.port = self.request.transport.get_extra_info("peername")[1]

    async def send(self, data: bytes) -> None:
        if self.response is None:
            self.response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await self.response.prepare(self.request)
        await self.response.write(data)

    async def event(self, event: Event, data: bytes) -> None:
        await self.send(event_message(event, data))

    async def accept(self, number: int = 1, stage: Stage = Stage.RUNNING, loading: Loading | None = None) -> None:
        """Accept the request, and say where it stands."""
        await self.event(Event.ACCEPTED, CODEC.accepted.encode(Accepted(f"answer-{number}")))
        await self.state(stage, loading)

    async def state(self, stage: Stage, loading: Loading | None = None, position: int | None = None) -> None:
        await self.event(Event.STATE, CODEC.state.encode(StateEvent(stage, loading, position)))

    async def partial(self, written: str) -> None:
        await self.event(Event.PARTIAL, CODEC["generate"].result.encode(text(written)))

    async def answer(self, answer: Answer[Any]) -> None:
        name = "sentiment" if isinstance(answer.result, SentimentResult) else "generate"
        await self.event(Event.ANSWER, CODEC[name].answer.encode(answer))

    async def fail(self, error: GlassboxError) -> None:
        await self.event(Event.ERROR, json.dumps({"error": plain_error(error)}).encode())

    async def keep_alive(self) -> None:
        await self.send(KEEP_ALIVE)

    def cut(self) -> None:
        """Break the connection off, as a killed process does."""
        assert self.request.transport is not None
        self.request.transport.abort()

    async def until_gone(self) -> None:
        """Wait until the client has closed the connection."""
        async with asyncio.timeout(PATIENCE):
            await self.gone.wait()


Part = Callable[[Call], Awaitable[web.StreamResponse | None]]


async def answers_at_once(call: Call) -> None:
    """The part of a server that works."""
    await call.accept()
    await call.answer(sentiment())


def refused(error: GlassboxError, status: int) -> web.Response:
    """A refusal of the protocol."""
    return web.json_response({"error": plain_error(error)}, status=status)


class ScriptedServer:
    """A server on a port that it keeps when it is started again.

    Attributes:
        part: what it does with a request.
        status_part: what it does when it is asked for its status.
        calls: the requests that it has received.
        stops: the ids of texts that it was told to end.
        status: what it says about itself.
        asked_for_status: how often that was asked.
        key: the key that it asks for.
    """

    def __init__(self) -> None:
        self.part: Part = answers_at_once
        self.status_part: Callable[[web.Request], Awaitable[web.StreamResponse]] = self._tell_status
        self.calls: list[Call] = []
        self.stops: list[str] = []
        self.status = STATUS
        self.asked_for_status = 0
        self.key: str | None = None
        self._reserved: socket.socket | None = None
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        assert self._reserved is not None, "it was never started"
        return int(self._reserved.getsockname()[1])

    @property
    def url(self) -> URL:
        return URL(f"http://127.0.0.1:{self.port}")

    @property
    def connections(self) -> int:
        """How many clients' connections are open."""
        return 0 if self._runner is None or self._runner.server is None else len(self._runner.server.connections)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/v1/status", self._status)
        app.router.add_get("/v1/languages/{task}", self._languages)
        app.router.add_post("/v1/answers/{id}/stop", self._stop)
        app.router.add_post("/v1/{task}", self._ask)
        # A handler is cancelled when its client is gone: that is how a server learns that nobody waits any more.
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.01, access_log=None)
        await self._runner.setup()
        if self._reserved is None:
            # A socket that does not listen keeps the port while the server is down.
            self._reserved = socket.socket()
            self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._reserved.bind(("127.0.0.1", 0))
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_port=True).start()

    async def kill(self) -> None:
        """Break all connections off, and listen no more."""
        if self._runner is None:
            return
        assert self._runner.server is not None
        for connection in list(self._runner.server.connections):
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()
        self._runner = None

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[ScriptedServer]:
        await self.start()
        try:
            yield self
        finally:
            await self.kill()
            if self._reserved is not None:
                self._reserved.close()

    async def call(self, number: int = 1) -> Call:
        """Return the so manieth request, as soon as it is there."""
        async with asyncio.timeout(PATIENCE):
            while len(self.calls) < number:  # noqa: ASYNC110
                await asyncio.sleep(0.002)
        return self.calls[number - 1]

    async def _ask(self, request: web.Request) -> web.StreamResponse:
        call = Call(request, await request.read())
        self.calls.append(call)
        try:
            other = await self.part(call)
        except (asyncio.CancelledError, ConnectionError):
            call.gone.set()
            raise
        if other is not None:
            return other
        assert call.response is not None
        return call.response

    async def _status(self, request: web.Request) -> web.StreamResponse:
        self.asked_for_status += 1
        if self.key is not None and request.headers.get("Authorization") != f"Bearer {self.key}":
            return web.json_response({"error": {"code": "unauthorized", "sentence": "This needs a key."}}, status=401)
        return await self.status_part(request)

    async def _tell_status(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=CODEC.status.encode(self.status), content_type="application/json")

    async def _languages(self, request: web.Request) -> web.StreamResponse:
        return web.Response(body=CODEC.languages.encode(None), content_type="application/json")

    async def _stop(self, request: web.Request) -> web.StreamResponse:
        self.stops.append(request.match_info["id"])
        return web.Response(status=202)
