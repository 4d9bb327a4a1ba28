"""Callers who go away, who stop a text, and who do not wait for ever."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from bot.errors import DeadlinePassed, StillLoading
from bot.inference.heads.generation.continuous_batching import Generation, RunningBatch
from bot.inference.serving import deadlines
from bot.inference.serving.running import RunningAnswers
from bot.inference.wire.errors import decode_error
from bot.inference.worker import InferenceWorker, Limits
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from tests.cogs.pacing import held_after
from tests.inference.serving.api_server import Api, api_of, until, until_first
from tests.support import device_held
from tests.timers import FAR, PATIENCE, Timers, turns

Opener = Callable[..., AbstractAsyncContextManager[InferenceWorker]]

LONG = GenerateRequest("I love", max_new_tokens=200, top_p=0.01)  # the likeliest text, which does not end early
PATIENT = Limits(seconds=100 * FAR, loading_seconds=100 * FAR, hang_seconds=100 * FAR)


@pytest.fixture
def rows_decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by the number of rows of each decode step."""
    steps: list[int] = []
    step = RunningBatch.step

    def noted(decoder: RunningBatch[Generation]) -> None:
        steps.append(len(decoder._decoding))
        step(decoder)

    monkeypatch.setattr(RunningBatch, "step", noted)
    return steps


@pytest.mark.parametrize("streams", [False, True])
async def test_when_the_caller_goes_away_its_request_costs_nothing_more(
    make_worker: Opener, monkeypatch: pytest.MonkeyPatch, rows_decoded: list[int], streams: bool
) -> None:
    running = RunningAnswers()
    async with make_worker() as worker, api_of(worker, running=running) as api:
        await worker.load({"generate"})
        with held_after(monkeypatch, 5) as go_on:
            calling = asyncio.create_task(api.events(LONG) if streams else api.ask(LONG))
            await until(lambda: len(rows_decoded) == 5)
            calling.cancel()
            await until(lambda: worker.status().requests == 0)
            await until(lambda: len(running) == 0)
            go_on.set()
            response = await api.ask(GenerateRequest("Once", max_new_tokens=4))

        assert response.status == 200
        # One step was held with the row in it; the other text's steps have only its own.
        assert set(rows_decoded[7:]) == {1}
        assert len(rows_decoded) < 20


async def test_a_caller_who_goes_away_before_the_body_has_come_is_forgotten(make_worker: Opener) -> None:
    running = RunningAnswers()
    async with make_worker() as worker, api_of(worker, running=running) as api:
        host, port = api.url.removeprefix("http://").split(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(
            f"POST /v1/sentiment HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            'Content-Length: 100\r\n\r\n{"text"'.encode()
        )
        await until(lambda: len(running) == 1)
        writer.close()
        await until(lambda: len(running) == 0)
        assert worker.status().requests == 0


async def test_a_stopped_text_is_the_answer(make_worker: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make_worker() as worker, api_of(worker) as api:
        with held_after(monkeypatch, 5) as go_on:
            async with api.streaming(LONG) as events:
                [(_, accepted), *_] = [event async for event in until_first("partial", events)]
                response = await api.post(f"/v1/answers/{accepted['id']}/stop")
                assert (response.status, response.json) == (202, {"status": "stopping"})
                go_on.set()
                *_, (name, answer) = [event async for event in events]
        assert name == "answer"
        assert answer["result"]["continuations"][0]["tokens"] <= 7
        again = await api.post(f"/v1/answers/{accepted['id']}/stop")
        assert (again.status, again.error["code"]) == (404, "not_found")


async def test_an_answer_of_another_process_is_stopped_there(make_worker: Opener) -> None:
    asked: list[str] = []

    async def elsewhere(identity: str) -> bool:
        asked.append(identity)
        return identity == "there"

    async with make_worker() as worker, api_of(worker, stop_elsewhere=elsewhere) as api:
        assert (await api.post("/v1/answers/there/stop")).status == 202
        assert (await api.post("/v1/answers/nowhere/stop")).status == 404
    assert asked == ["there", "nowhere"]


async def test_a_text_ends_before_the_deadline(
    make_worker: Opener, monkeypatch: pytest.MonkeyPatch, timers: Timers, rows_decoded: list[int]
) -> None:
    # So that half of the deadline is left to end in, however busy the machine is.
    monkeypatch.setattr(deadlines, "ENDING_SHARE", 0.5)
    monkeypatch.setattr(deadlines, "ENDING_SECONDS", FAR)
    async with make_worker(limits=PATIENT) as worker, api_of(worker) as api:
        await worker.load({"generate"})
        with held_after(monkeypatch, 5) as go_on:
            calling = asyncio.create_task(api.ask(LONG, X_Deadline_Seconds=str(FAR)))
            await until(lambda: len(rows_decoded) == 5)
            assert not _is_stopped(worker)
            await timers.skip(0.6 * FAR)
            # The fifth step may still run: then the text has ended before anybody looks.
            await until(lambda: _is_stopped(worker) or calling.done())
            go_on.set()
            response = await calling
        assert response.status == 200
        assert response.json["result"]["continuations"][0]["tokens"] <= 7


@pytest.mark.parametrize("streams", [False, True])
async def test_what_is_no_text_is_given_up_at_the_deadline(make_worker: Opener, timers: Timers, streams: bool) -> None:
    async with make_worker(limits=PATIENT) as worker, api_of(worker) as api:
        await worker.load({"sentiment"})
        async with device_held(worker):
            error = await _refused_in_time(api, worker, timers, streams)
        assert type(error) is DeadlinePassed
        assert "167 minutes" in error.sentence
        assert worker.status().requests == 0


@pytest.mark.parametrize("streams", [False, True])
async def test_what_loads_for_too_long_is_told_so(
    make_worker: Opener, monkeypatch: pytest.MonkeyPatch, timers: Timers, streams: bool
) -> None:
    gate = threading.Event()

    def load(*arguments: Any) -> Any:
        gate.wait(PATIENCE)
        raise RuntimeError

    monkeypatch.setattr("bot.inference.checkpoints.pool.load_head", load)
    try:
        async with make_worker(limits=PATIENT) as worker, api_of(worker) as api:
            error = await _refused_in_time(api, worker, timers, streams)
            gate.set()
    finally:
        gate.set()
    assert isinstance(error, StillLoading)
    assert error.sentence.startswith("tiny-distilbert is still loading.")


async def _refused_in_time(api: Api, worker: InferenceWorker, timers: Timers, streams: bool) -> Exception:
    request, deadline = SentimentRequest("Great."), str(FAR)
    if not streams:
        calling = asyncio.create_task(api.ask(request, X_Deadline_Seconds=deadline))
        await until(lambda: worker.status().requests == 1)
        await _let_pass(timers)
        response = await calling
        assert response.status == 504
        return decode_error(response.body)
    async with api.streaming(request, X_Deadline_Seconds=deadline) as events:
        await anext(events)
        await _let_pass(timers)
        *_, (name, data) = [event async for event in events]
        assert name == "error"
        assert data["code"] in ("deadline_passed", "still_loading")
        return decode_error(json.dumps(data))


async def _let_pass(timers: Timers) -> None:
    """Have the first part of the deadline pass, and then the rest."""
    for _ in range(2):
        await timers.skip(FAR)
        await turns(50)


def _is_stopped(worker: InferenceWorker) -> bool:
    rows = [row for one in worker._accepted for row in one.computation.rows]
    return bool(rows) and all(row.is_ending for row in rows)


async def test_while_it_drains_new_calls_are_refused_and_running_ones_are_answered(
    make_worker: Opener, monkeypatch: pytest.MonkeyPatch, rows_decoded: list[int]
) -> None:
    running = RunningAnswers()
    async with make_worker() as worker, api_of(worker, running=running) as api:
        await worker.load({"generate"})
        assert (await api.get("/readyz")).status == 200
        with held_after(monkeypatch, 5) as go_on:
            calls = asyncio.create_task(api.ask(LONG)), asyncio.create_task(api.events(LONG))
            await until(lambda: len(rows_decoded) == 5 and len(running) == 2)
            draining = asyncio.create_task(running.drain())
            await turns()
            refused = await api.ask(SentimentRequest("Great."))
            assert (refused.status, refused.error["code"]) == (503, "shutting_down")
            assert refused.headers["Retry-After"] == "60"
            assert (await api.get("/readyz")).status == 503
            assert (await api.get("/healthz")).status == 200
            assert not draining.done()
            go_on.set()
            response, events = await calls[0], await calls[1]
        await draining
        assert response.status == 200
        assert events[-1][0] == "answer"
        assert len(running) == 0
