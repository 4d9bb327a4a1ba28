"""The remote backend on a server that works: the same handles as the worker's."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest
from aiohttp import web

from bot.errors import (
    DeadlinePassed,
    GlassboxError,
    InvalidRequest,
    ModelFailed,
    ModelUnavailable,
    QueueFull,
    ShuttingDown,
    StillLoading,
    TooManyRequests,
)
from bot.inference.answering import AnsweringState, Loading, Stage
from bot.inference.remote.asking import LARGE
from bot.inference.requests import LabelScore
from bot.inference.status import Phase
from bot.request_ids import request_id
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from tests.inference.remote.conftest import Connect, until
from tests.inference.remote.scripted_server import (
    STATUS,
    Call,
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


async def holds(call: Call) -> None:
    """Accept the request, and leave the rest to the test."""
    await call.accept()
    await call.gone.wait()


class TestAnswers:
    async def test_one(self, server: ScriptedServer, connect: Connect) -> None:
        async with connect(server) as backend:
            assert await backend.run(SENTIMENT, person=7) == sentiment()
        [call] = server.calls
        assert json.loads(call.body) == {"text": "I love apples"}
        assert call.request.path == "/v1/sentiment"
        assert call.request.headers["X-Person"] == "7"
        assert call.request.headers["X-Request-ID"]
        assert 0 < float(call.request.headers["X-Deadline-Seconds"]) <= FAR
        assert not {"Authorization", "X-Priority"} & call.request.headers.keys()

    async def test_a_background_request_says_so(self, server: ScriptedServer, connect: Connect) -> None:
        async with connect(server) as backend:
            assert await backend.submit(SENTIMENT, person=7, background=True) == sentiment()
        assert [call.request.headers["X-Priority"] for call in server.calls] == ["background"]

    async def test_the_key_and_the_id_of_the_interaction(self, server: ScriptedServer, connect: Connect) -> None:
        async with connect(server, key="k3y") as backend:
            token = request_id.set("1234")
            answering = backend.submit(SENTIMENT, person=7)
            request_id.reset(token)
            await answering
        [call] = server.calls
        assert call.request.headers["Authorization"] == "Bearer k3y"
        assert call.request.headers["X-Request-ID"] == "1234"

    async def test_many_at_once(self, server: ScriptedServer, connect: Connect) -> None:
        async def part(call: Call) -> None:
            await call.accept()
            await until(lambda: len(server.calls) == 60)  # so each has a connection of its own
            await call.answer(sentiment(json.loads(call.body)["text"]))

        server.part = part
        async with connect(server) as backend:
            requests = [SentimentRequest(f"text {number}") for number in range(60)]
            answers = await asyncio.gather(*(backend.run(one, person=1) for one in requests))
        assert [one.result.scores[0].label for one in answers] == [one.text for one in requests]

    async def test_a_connection_serves_one_request_after_the_other(
        self, server: ScriptedServer, connect: Connect
    ) -> None:
        async with connect(server) as backend:
            for _ in range(3):
                await backend.run(SENTIMENT, person=7)
        assert len(server.calls) == 3
        assert len({call.port for call in server.calls}) == 1

    async def test_a_large_answer(self, server: ScriptedServer, connect: Connect) -> None:
        answer = sentiment()
        scores = tuple(LabelScore(f"label {number}", 0.0) for number in range(LARGE // 10))
        answer = replace(answer, result=replace(answer.result, scores=scores))

        async def part(call: Call) -> None:
            await call.accept()
            await call.answer(answer)

        server.part = part
        async with connect(server) as backend:
            assert await backend.run(SENTIMENT, person=7) == answer

    async def test_events_and_states_of_a_later_version_are_skipped(
        self, server: ScriptedServer, connect: Connect
    ) -> None:
        async def part(call: Call) -> None:
            await call.accept()
            await call.send(b'event: novelty\ndata: {"x": 1}\n\n')
            await call.answer(sentiment())

        server.part = part
        async with connect(server) as backend:
            assert await backend.run(SENTIMENT, person=7) == sentiment()


class TestRefusals:
    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (InvalidRequest("Say more."), 400),
            (QueueFull(12.5), 429),
            (TooManyRequests(8), 429),
            (ShuttingDown(), 503),
            (ModelUnavailable("It is not there."), 503),
            (ModelFailed(), 500),
        ],
    )
    async def test_are_raised_by_accepted(
        self, server: ScriptedServer, connect: Connect, error: GlassboxError, status: int
    ) -> None:
        async def part(call: Call) -> web.Response:
            return refused(error, status)

        server.part = part
        async with connect(server, refusal_seconds=0.01) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            with pytest.raises(type(error)) as caught:
                await answering.accepted(PATIENCE)
            assert caught.value.sentence == error.sentence
            same = {"message": error.message}  # which says the same, but is known to come from elsewhere
            assert vars(caught.value) | same == vars(error)
            with pytest.raises(type(error)):
                await answering
            assert answering.done()
            assert answering.state == AnsweringState(Stage.DONE)

    async def test_nobody_need_ask_for_them(
        self, server: ScriptedServer, connect: Connect, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def part(call: Call) -> web.Response:
            return refused(TooManyRequests(8), 429)

        server.part = part
        async with connect(server) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            assert await answering.wait(PATIENCE)
            del answering
        assert "never retrieved" not in caplog.text

    async def test_an_acceptance_that_takes_long_is_not_waited_for(
        self, server: ScriptedServer, connect: Connect
    ) -> None:
        may_accept = asyncio.Event()

        async def part(call: Call) -> None:
            await may_accept.wait()
            await answers_at_once(call)

        server.part = part
        async with connect(server) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await answering.accepted(0.01)
            assert not answering.done()
            assert answering.state == AnsweringState(Stage.QUEUED)
            assert answering.queue_position is None
            may_accept.set()
            assert await answering == sentiment()

    async def test_after_the_acceptance_it_is_the_answer_that_fails(
        self, server: ScriptedServer, connect: Connect
    ) -> None:
        async def part(call: Call) -> None:
            await call.accept()
            await call.fail(StillLoading("tiny", 30.0))

        server.part = part
        async with connect(server) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await answering.accepted(PATIENCE)
            with pytest.raises(StillLoading) as caught:
                await answering
            assert caught.value.seconds == 30.0
        assert len(server.calls) == 1


class TestProgress:
    async def test_the_first_state_is_known_with_the_acceptance(self, server: ScriptedServer, connect: Connect) -> None:
        loading = Loading("tiny", fetching=True, fraction=0.5)

        async def part(call: Call) -> None:
            await call.accept(stage=Stage.LOADING, loading=loading)
            await call.gone.wait()

        server.part = part
        async with connect(server) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await answering.accepted(PATIENCE)
            assert answering.state == AnsweringState(Stage.LOADING, loading)

            call = await server.call()
            await call.state(Stage.QUEUED, position=3)
            await until(lambda: answering.queue_position == 3)
            assert answering.state == AnsweringState(Stage.QUEUED)
            await call.state(Stage.RUNNING)
            await until(lambda: answering.state == AnsweringState(Stage.RUNNING))
            assert answering.queue_position is None
            answering.cancel()

    async def test_the_newest_partial_result(self, server: ScriptedServer, connect: Connect) -> None:
        server.part = holds
        async with connect(server) as backend:
            answering = backend.submit(GENERATE, person=7)
            await answering.accepted(PATIENCE)
            assert await answering.partial() is None
            call = await server.call()
            await call.partial(" love")
            assert await under_way(answering) == text(" love")
            assert await answering.partial() is await answering.partial()
            await call.partial(" love ap")
            await call.partial(" love apples")
            await call.state(Stage.QUEUED)
            await until(lambda: answering.state.stage is Stage.QUEUED)
            assert await answering.partial() == text(" love apples")
            await call.answer(whole(" love apples."))
            assert await answering == whole(" love apples.")
            assert await answering.partial() is None
            call.gone.set()

    async def test_waiting_gives_nothing_up(self, server: ScriptedServer, connect: Connect) -> None:
        server.part = holds
        async with connect(server) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            call = await server.call()
            assert await answering.wait(0.01) is False
            waiting = asyncio.create_task(answering.wait(FAR))
            await asyncio.sleep(0)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert not answering.done()
            await answering.accepted(PATIENCE)
            await call.answer(sentiment())
            assert await answering.wait(PATIENCE) is True
            assert await answering.wait(0) is True
            call.gone.set()


class TestStop:
    async def test_is_passed_on(self, server: ScriptedServer, connect: Connect) -> None:
        server.part = holds
        async with connect(server) as backend:
            answering = backend.submit(GENERATE, person=7)
            await answering.accepted(PATIENCE)
            answering.stop()
            await until(lambda: server.stops == ["answer-1"])
            call = await server.call()
            await call.answer(whole(" lo"))
            assert await answering == whole(" lo")
            answering.stop()
            call.gone.set()
        assert server.stops == ["answer-1"]

    async def test_before_the_acceptance(self, server: ScriptedServer, connect: Connect) -> None:
        may_accept = asyncio.Event()

        async def part(call: Call) -> None:
            await may_accept.wait()
            await call.accept(5)
            await until(lambda: server.stops)
            await call.answer(whole(" l"))

        server.part = part
        async with connect(server) as backend:
            answering = backend.submit(GENERATE, person=7)
            await server.call()
            answering.stop()
            may_accept.set()
            assert await answering == whole(" l")
        assert server.stops == ["answer-5"]


class TestGivingUp:
    async def test_closes_the_stream(self, server: ScriptedServer, connect: Connect) -> None:
        server.part = holds
        async with connect(server) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await answering.accepted(PATIENCE)
            answering.cancel()
            await (await server.call()).until_gone()
            with pytest.raises(asyncio.CancelledError):
                await answering

    async def test_before_the_acceptance(self, server: ScriptedServer, connect: Connect) -> None:
        async def part(call: Call) -> None:
            await asyncio.sleep(FAR)

        server.part = part
        async with connect(server) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            call = await server.call()
            answering.cancel()
            await call.until_gone()
            with pytest.raises(ShuttingDown):
                await answering.accepted(PATIENCE)

    async def test_by_the_caller_who_awaits_it(self, server: ScriptedServer, connect: Connect) -> None:
        server.part = holds
        async with connect(server) as backend:
            running = asyncio.create_task(backend.run(SENTIMENT, person=7))
            call = await server.call()
            running.cancel()
            await call.until_gone()
            await asyncio.wait([running])
            assert running.cancelled()

    async def test_at_the_deadline(self, server: ScriptedServer, connect: Connect, timers: Timers) -> None:
        server.part = holds
        async with connect(server, seconds=60.0) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            call = await server.call()
            assert 0 < float(call.request.headers["X-Deadline-Seconds"]) <= 60
            await answering.accepted(PATIENCE)
            await timers.skip(61)
            assert not answering.done()  # the server's turn
            await timers.skip(5)
            with pytest.raises(DeadlinePassed, match="1 minute"):
                await answering
            await call.until_gone()


class TestStatus:
    async def test_is_what_was_heard_last(self, server: ScriptedServer, connect: Connect) -> None:
        async with connect(server, poll_seconds=0.01) as backend:
            assert backend.status() == STATUS
            server.status = replace(STATUS, requests=5)
            await until(lambda: backend.status().requests == 5)
            server.status = replace(STATUS, accepting=False)
            await until(lambda: not backend.status().accepting)

    async def test_without_a_server(self, server: ScriptedServer, connect: Connect) -> None:
        await server.kill()
        async with connect(server) as backend:
            status = backend.status()
            assert (status.accepting, status.checkpoints, status.devices) == (False, (), ())
            assert backend.languages("translate") is None

    async def test_of_several_servers(self, server: ScriptedServer, second: ScriptedServer, connect: Connect) -> None:
        [tiny] = STATUS.checkpoints
        other = replace(tiny, name="other", tasks=("fill",))
        evicted = replace(tiny, phase=Phase.EVICTED, bytes=0, precision=(), requests=0, idle_seconds=9.0, nonfinite=2)
        second.status = replace(STATUS, requests=3, checkpoints=(evicted, other), evictions=1)
        async with connect(server, second) as backend:
            status = backend.status()
            assert (status.requests, status.rows_waiting, status.evictions, status.accepting) == (4, 4, 1, True)
            assert len(status.devices) == 2
            assert status.checkpoints == (replace(tiny, nonfinite=2), other)
            await second.kill()
            await backend.look()
            assert backend.status() == STATUS
            await server.kill()
            await backend.look()
            assert not backend.status().accepting
            assert backend.status().checkpoints == (replace(tiny, nonfinite=2), other)


class TestShutdown:
    async def test_waits_for_what_is_running_and_takes_nothing_new(
        self, server: ScriptedServer, connect: Connect
    ) -> None:
        server.part = holds
        async with connect(server, drain_seconds=FAR) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await answering.accepted(PATIENCE)
            closing = asyncio.create_task(backend.aclose())
            await until(lambda: not backend.status().accepting)
            with pytest.raises(ShuttingDown):
                backend.submit(SENTIMENT, person=7)
            assert not closing.done()
            call = await server.call()
            await call.answer(sentiment())
            assert await answering == sentiment()
            call.gone.set()
            await closing

    async def test_tells_the_rest_to_try_again(self, server: ScriptedServer, connect: Connect) -> None:
        server.part = holds
        async with connect(server, drain_seconds=0.01) as backend:
            answering = backend.submit(SENTIMENT, person=7)
            await answering.accepted(PATIENCE)
            await backend.aclose()
            with pytest.raises(ShuttingDown):
                await answering
            await (await server.call()).until_gone()
            await backend.aclose()
