"""Servers and networks that fail: each request is answered once, or its person is told to try again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator

import pytest
from aiohttp import web
from yarl import URL

from bot.errors import ConnectionLost, GlassboxError, ModelsUnreachable, QueueFull, ShuttingDown
from bot.inference.remote.backend import RemoteBackend
from bot.inference.remote.events import EventParser, ServerSentEvent
from bot.inference.remote.failures import Silent
from bot.inference.remote.limits import RemoteLimits
from bot.inference.remote.remote_answering import RemoteAnswering
from bot.inference.wire.events import KEEP_ALIVE
from bot.tasks import all_tasks
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from tests.inference.remote.conftest import Connect, until
from tests.inference.remote.scripted_server import (
    STATUS,
    Call,
    Part,
    ScriptedServer,
    answers_at_once,
    refused,
    sentiment,
    text,
    whole,
)
from tests.support import under_way
from tests.timers import FAR, PATIENCE, Timers

SENTIMENT = SentimentRequest("I love apples")
GENERATE = GenerateRequest("I", max_new_tokens=5)
LONGER = {"refusal_seconds": FAR, "again_seconds": FAR, "failures": 1000}
"""Nothing is given up because time passes."""


async def cut_at_once(call: Call) -> None:
    call.cut()
    await asyncio.sleep(FAR)


async def cut_after_acceptance(call: Call) -> None:
    await call.accept()
    call.cut()
    await asyncio.sleep(FAR)


async def end_after_acceptance(call: Call) -> None:
    await call.accept()


async def garbage_after_acceptance(call: Call) -> None:
    await call.accept()
    await call.send(b"event: answer\ndata: {what\n\n")


async def garbage_instead_of_acceptance(call: Call) -> None:
    await call.send(b"\x00\xff event: accepted\n\n\n\ndata: 1\n\n")


async def page(call: Call) -> web.Response:
    return web.Response(text="<html>It works!</html>", content_type="text/html")


def status(number: int) -> Part:
    async def part(call: Call) -> web.Response:
        return web.Response(status=number, text="<html>upstream</html>")

    return part


def shutting_down_after_acceptance() -> Part:
    async def part(call: Call) -> None:
        await call.accept()
        await call.fail(ShuttingDown())

    return part


def first(part: Part, then: Part = answers_at_once) -> Part:
    """Play one part for the first request, and another one for those after it."""
    calls = iter([part])

    async def played(call: Call) -> web.StreamResponse | None:
        return await next(calls, then)(call)

    return played


class TestBeforeTheAcceptance:
    @pytest.mark.parametrize("fault", [cut_at_once, status(500), status(502), status(503), status(504)])
    async def test_the_same_server_is_asked_again(self, server: ScriptedServer, connect: Connect, fault: Part) -> None:
        server.part = first(fault)
        async with connect(server, **LONGER) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await answering.accepted(PATIENCE)
            assert await answering == sentiment()
        assert len(server.calls) == 2
        assert server.calls[0].body == server.calls[1].body
        assert len({call.request.headers["X-Request-ID"] for call in server.calls}) == 1

    @pytest.mark.parametrize(
        "fault",
        [
            cut_at_once,
            status(502),
            status(404),
            status(301),
            status(401),
            page,
            garbage_instead_of_acceptance,
            lambda call: answer_with(refused(QueueFull(3.0), 429)),
            lambda call: answer_with(refused(ShuttingDown(), 503)),
        ],
    )
    async def test_another_server_is_asked_at_once(
        self, server: ScriptedServer, second: ScriptedServer, connect: Connect, fault: Part
    ) -> None:
        server.part = second.part = first(fault)
        async with connect(server, second, **LONGER) as backend:
            assert await backend.run(SENTIMENT, person=7) == sentiment()
        assert len(server.calls) == len(second.calls) == 1

    @pytest.mark.parametrize("fault", [status(404), status(302), status(401), page, garbage_instead_of_acceptance])
    async def test_what_would_fail_again_is_not_repeated(
        self, server: ScriptedServer, connect: Connect, fault: Part
    ) -> None:
        server.part = fault
        async with connect(server, **LONGER) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            with pytest.raises(ModelsUnreachable):
                await answering.accepted(PATIENCE)
        assert len(server.calls) == 1

    async def test_the_shorter_wait_is_told_if_all_queues_are_full(
        self, server: ScriptedServer, second: ScriptedServer, connect: Connect
    ) -> None:
        server.part = lambda call: answer_with(refused(QueueFull(30.0), 429))
        second.part = lambda call: answer_with(refused(QueueFull(20.0), 429))
        async with connect(server, second, **LONGER) as backend:
            with pytest.raises(QueueFull, match="20 seconds"):
                await backend.submit(SENTIMENT, person=7).accepted(PATIENCE)
        assert len(server.calls) == len(second.calls) == 1

    async def test_nobody_answers(self, server: ScriptedServer, connect: Connect) -> None:
        await server.kill()
        async with connect(server, refusal_seconds=0.05) as backend:
            assert not backend.status().accepting
            answering = backend.submit(SENTIMENT, person=7)
            with pytest.raises(ModelsUnreachable, match="cannot be reached"):
                await answering.accepted(PATIENCE)
            with pytest.raises(ModelsUnreachable):
                await answering
            with pytest.raises(ModelsUnreachable):
                await backend.describe("sentiment")

    async def test_a_silent_server_is_left_for_another(
        self, server: ScriptedServer, second: ScriptedServer, connect: Connect, timers: Timers
    ) -> None:
        async def silent(call: Call) -> None:
            await asyncio.sleep(FAR)

        server.part = second.part = first(silent)
        async with connect(server, second, **LONGER | {"read_seconds": 30.0}) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await until(lambda: server.calls or second.calls)
            await timers.skip(31)
            assert await answering == sentiment()
        assert len(server.calls) == len(second.calls) == 1

    async def test_a_network_that_drops_everything(self, connect: Connect) -> None:
        """A listening socket with a full backlog takes no connection, and refuses none."""
        with contextlib.ExitStack() as sockets:
            listening = sockets.enter_context(socket.socket())
            listening.bind(("127.0.0.1", 0))
            listening.listen(0)
            for _ in range(3):
                filling = sockets.enter_context(socket.socket())
                filling.setblocking(False)
                filling.connect_ex(listening.getsockname())
            address = URL(f"http://127.0.0.1:{listening.getsockname()[1]}")
            limits = RemoteLimits(FAR, 0.1, FAR, FAR)
            async with RemoteBackend(all_tasks(), [address], None, limits) as backend:
                assert not backend.status().accepting
                [endpoint] = backend.endpoints
                assert isinstance(endpoint.failure, Silent)
                with pytest.raises(ModelsUnreachable):
                    await backend.run(SENTIMENT, person=7)


class TestAfterTheAcceptance:
    @pytest.mark.parametrize(
        "fault",
        [cut_after_acceptance, end_after_acceptance, garbage_after_acceptance, shutting_down_after_acceptance()],
    )
    @pytest.mark.parametrize("request_", [SENTIMENT, GENERATE])
    async def test_what_nobody_has_seen_is_asked_again(
        self,
        server: ScriptedServer,
        connect: Connect,
        fault: Part,
        request_: SentimentRequest | GenerateRequest,
    ) -> None:
        answer = sentiment() if request_ is SENTIMENT else whole(" love")

        async def part(call: Call) -> None:
            await call.accept(2)
            await call.answer(answer)

        server.part = first(fault, part)
        async with connect(server, **LONGER) as backend:
            assert await backend.run(request_, person=7) == answer
        assert len(server.calls) == 2

    @pytest.mark.parametrize("fault", ["cut", "end", "garbage", "silence"])
    async def test_a_text_that_has_begun_is_not(
        self, server: ScriptedServer, second: ScriptedServer, connect: Connect, timers: Timers, fault: str
    ) -> None:
        go_on = asyncio.Event()

        async def part(call: Call) -> None:
            await call.accept()
            await call.partial(" love")
            await go_on.wait()
            match fault:
                case "cut":
                    call.cut()
                case "garbage":
                    await call.send(b"event: state\ndata: nonsense\n\n")
                case "silence":
                    await asyncio.sleep(FAR)

        server.part = second.part = part
        async with connect(server, second, **LONGER | {"read_seconds": 30.0}) as backend:
            answering = backend.submit(GENERATE, person=7)
            assert await under_way(answering) == text(" love")
            go_on.set()
            if fault == "silence":
                await timers.skip(31)
            with pytest.raises(ConnectionLost, match="broke off"):
                await answering
        assert len(server.calls) + len(second.calls) == 1

    async def test_a_server_that_is_being_stopped_says_so_in_the_middle_of_a_text(
        self, server: ScriptedServer, connect: Connect
    ) -> None:
        async def part(call: Call) -> None:
            await call.accept()
            await call.partial(" love")
            await call.fail(ShuttingDown())

        server.part = part
        async with connect(server, **LONGER) as backend:
            with pytest.raises(ShuttingDown):
                await backend.run(GENERATE, person=7)
        assert len(server.calls) == 1

    async def test_streams_that_always_break_off(self, server: ScriptedServer, connect: Connect) -> None:
        server.part = cut_after_acceptance
        async with connect(server, **LONGER, tries=3) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await answering.accepted(PATIENCE)
            with pytest.raises(ConnectionLost):
                await answering
        assert len(server.calls) == 3

    async def test_comments_are_signs_of_life(
        self, server: ScriptedServer, connect: Connect, timers: Timers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chunks, feed = [], EventParser.feed

        def counted(parser: EventParser, chunk: bytes) -> Iterator[ServerSentEvent]:
            chunks.append(chunk)
            return feed(parser, chunk)

        async def part(call: Call) -> None:
            await call.accept()
            await asyncio.sleep(FAR)

        monkeypatch.setattr(EventParser, "feed", counted)
        server.part = part
        async with connect(server, read_seconds=30.0) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await answering.accepted(PATIENCE)
            call = await server.call()
            for _ in range(4):
                await timers.skip(20)
                chunks.clear()
                await call.keep_alive()
                await until(lambda: KEEP_ALIVE in chunks)
            await call.answer(sentiment())
            assert await answering == sentiment()
        assert len(server.calls) == 1

    async def test_the_stop_of_a_text_that_cannot_be_passed_on(
        self, server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def part(call: Call) -> None:
            await call.accept()
            await call.partial(" love")
            await call.gone.wait()

        server.part = part
        async with connect(server, **LONGER) as backend:
            answering = backend.submit(GENERATE, person=7)
            await under_way(answering)
            await server.kill()
            answering.stop()
            with pytest.raises(ConnectionLost):
                await answering


class TestRestart:
    async def test_a_request_outlives_its_server(self, server: ScriptedServer, connect: Connect) -> None:
        async def holds(call: Call) -> None:
            await call.accept()
            await asyncio.sleep(FAR)

        server.part = first(holds)
        limits = {"again_seconds": FAR, "poll_seconds": 0.02}  # the breaker opens, and the poll closes it
        async with connect(server, **limits) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await answering.accepted(PATIENCE)
            await server.kill()
            [endpoint] = backend.endpoints
            await until(lambda: endpoint.breaker.opened)
            assert not answering.done()
            await server.start()
            assert await answering == sentiment()

    async def test_of_a_server_that_was_not_up_at_the_start(
        self, server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO)
        await server.kill()
        async with connect(server, poll_seconds=0.02) as backend:
            assert not backend.status().accepting
            await server.start()
            await until(lambda: backend.status().accepting)
            assert backend.status() == STATUS
            assert await backend.run(SENTIMENT, person=7) == sentiment()
        assert f"127.0.0.1:{server.url.port} cannot be reached: ClientConnectorError" in caplog.text
        assert "can be reached again" in caplog.text


class TestBreaker:
    async def test_opens_after_some_failures_and_closes_when_the_server_is_back(
        self, server: ScriptedServer, connect: Connect
    ) -> None:
        server.part = status(502)
        async with connect(server, failures=3, refusal_seconds=FAR) as backend:
            [endpoint] = backend.endpoints
            with pytest.raises(ModelsUnreachable):
                await backend.run(SENTIMENT, person=7)
            assert endpoint.breaker.opened
            assert len(server.calls) == 3
            for _ in range(5):  # nobody waits, and the server has its peace
                with pytest.raises(ModelsUnreachable):
                    await backend.run(SENTIMENT, person=7)
            assert len(server.calls) == 3

            server.part = answers_at_once
            await backend.look()
            assert endpoint.breaker.closed
            assert await backend.run(SENTIMENT, person=7) == sentiment()

    async def test_lets_a_request_through_after_a_while(self, server: ScriptedServer, connect: Connect) -> None:
        server.part = status(502)
        async with connect(server, failures=1, recovery_seconds=0.05, refusal_seconds=FAR) as backend:
            [endpoint] = backend.endpoints
            with pytest.raises(ModelsUnreachable):
                await backend.run(SENTIMENT, person=7)
            server.part = answers_at_once
            await until(lambda: not endpoint.breaker.opened)
            assert await backend.run(SENTIMENT, person=7) == sentiment()
            assert endpoint.breaker.closed

    async def test_a_refusal_is_no_failure(self, server: ScriptedServer, connect: Connect) -> None:
        server.part = lambda call: answer_with(refused(QueueFull(3.0), 429))
        async with connect(server, failures=1) as backend:
            for _ in range(3):
                with pytest.raises(QueueFull):
                    await backend.run(SENTIMENT, person=7)
        assert len(server.calls) == 3


class TestSeveralServers:
    async def test_take_turns(self, server: ScriptedServer, second: ScriptedServer, connect: Connect) -> None:
        async with connect(server, second) as backend:
            for _ in range(6):
                await backend.run(SENTIMENT, person=7)
        assert len(server.calls) == len(second.calls) == 3

    async def test_the_less_busy_one_is_asked(
        self, server: ScriptedServer, second: ScriptedServer, connect: Connect
    ) -> None:
        async def holds(call: Call) -> None:
            await call.accept()
            await asyncio.sleep(FAR)

        server.part = second.part = holds
        async with connect(server, second) as backend:
            first_one = backend.submit(SENTIMENT, person=7)
            await until(lambda: server.calls or second.calls)
            busy, free = (server, second) if server.calls else (second, server)
            free.part = answers_at_once
            for _ in range(4):
                await backend.run(SENTIMENT, person=7)
            assert (len(busy.calls), len(free.calls)) == (1, 4)
            first_one.cancel()

    async def test_one_of_them_is_dead(self, server: ScriptedServer, second: ScriptedServer, connect: Connect) -> None:
        await second.kill()
        async with connect(server, second) as backend:
            assert backend.status() == STATUS
            for _ in range(6):
                await backend.run(SENTIMENT, person=7)
        assert len(server.calls) == 6

    async def test_one_of_them_drains(self, server: ScriptedServer, second: ScriptedServer, connect: Connect) -> None:
        server.part = lambda call: answer_with(refused(ShuttingDown(), 503))
        async with connect(server, second) as backend:
            for _ in range(6):
                assert await backend.run(SENTIMENT, person=7) == sentiment()
            assert backend.status().accepting
        assert len(server.calls) == 1


async def test_kills_under_load_answer_everybody_once(
    server: ScriptedServer, second: ScriptedServer, connect: Connect
) -> None:
    """Each request gets its own answer or an error with a sentence, whenever its server dies; nothing is left."""

    async def part(call: Call) -> None:
        await call.accept()
        await asyncio.sleep(0.01)
        await call.answer(sentiment(call.request.headers["X-Person"]))

    server.part = second.part = part
    limits = {"refusal_seconds": FAR, "again_seconds": FAR, "poll_seconds": 0.02, "tries": 50, "failures": 1000}
    async with connect(server, second, **limits) as backend:
        answerings: list[RemoteAnswering[SentimentResult]] = []

        async def kill_and_start() -> None:
            for _ in range(2):
                for one in (server, second):
                    await asyncio.sleep(0.02)
                    await one.kill()
                    await asyncio.sleep(0.02)
                    await one.start()

        killing = asyncio.create_task(kill_and_start())
        while not killing.done():
            answerings += [backend.submit(SENTIMENT, person=len(answerings) + number) for number in range(5)]
            await asyncio.sleep(0.01)
        await killing
        outcomes = await asyncio.gather(*answerings, return_exceptions=True)
    for person, outcome in enumerate(outcomes):
        assert not isinstance(outcome, BaseException) or isinstance(outcome, GlassboxError), outcome
        assert isinstance(outcome, GlassboxError) or outcome == sentiment(str(person))
    assert sum(not isinstance(outcome, GlassboxError) for outcome in outcomes) == len(outcomes)


async def answer_with(response: web.Response) -> web.Response:
    return response
