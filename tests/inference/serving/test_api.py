from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from bot.errors import ModelUnavailable
from bot.inference.requests import Answer
from bot.inference.serving.news import PARTIAL_SECONDS, QUIET_SECONDS
from bot.inference.wire.errors import decode_error
from bot.inference.worker import InferenceWorker, Limits
from bot.tasks.examples import example_requests
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.request import WorkRequest
from tests.cogs.pacing import held_after
from tests.inference.serving.api_server import CODEC, api_of, until_first
from tests.inference.wire.support import ATTENTION, COMMANDS, facts
from tests.timers import Timers

Opener = Callable[..., AbstractAsyncContextManager[InferenceWorker]]


def but_for_the_time(answer: Answer[Any]) -> Any:
    return facts(dataclasses.replace(answer, seconds=0.0, waited=0.0, rows=0))


async def test_every_task_answers_as_the_worker_does(make_worker: Opener) -> None:
    repeatable = [dataclasses.replace(one, seed=7) if isinstance(one, GenerateRequest) else one for one in COMMANDS]
    requests = [*repeatable, *ATTENTION, WorkRequest.of(SentimentRequest("I love it"))]
    async with make_worker() as worker, api_of(worker) as api:
        for request in requests:
            forms = CODEC[CODEC.task_of(request)]
            own = await worker.run(request, person=1)
            response = await api.ask(request)
            assert response.status == 200, response.body
            assert response.headers["Content-Type"] == "application/json"
            assert but_for_the_time(forms.answer.decode(response.body)) == but_for_the_time(own)
            *_, (name, last) = await api.events(request)
            assert name == "answer"
            timeless = {"seconds": 0, "waited": 0, "rows": 0}
            assert last | timeless == forms.answer.plain(own) | timeless


async def test_a_stream_tells_the_id_then_the_stages_then_the_answer(make_worker: Opener) -> None:
    async with make_worker() as worker, api_of(worker) as api:
        events = await api.events(SentimentRequest("Great."))  # whose checkpoint has yet to be loaded

        names = [name for name, _ in events]
        assert names[0] == "accepted"
        assert set(names[1:-1]) == {"state"}
        assert names[-1] == "answer"
        assert events[1][1]["stage"] == "loading"
        assert events[1][1]["loading"]["checkpoint"] == "tiny-distilbert"


async def test_a_text_is_streamed_while_it_is_written(make_worker: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    async with make_worker() as worker, api_of(worker) as api:
        with held_after(monkeypatch, 5) as go_on:
            async with api.streaming(GenerateRequest("Once", 200, 2, seed=7)) as events:
                partials = [data async for name, data in until_first("partial", events) if name == "partial"]
                go_on.set()
                *_, (name, answer) = [event async for event in events]

    assert name == "answer"
    texts = [[one["text"] for one in result["continuations"]] for result in (partials[0], answer["result"])]
    for begun, whole in zip(*texts, strict=True):
        assert whole.startswith(begun.rstrip("\N{REPLACEMENT CHARACTER}"))
        assert len(whole) > len(begun)


async def test_a_partial_result_is_sent_once(
    make_worker: Opener, timers: Timers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_worker() as worker, api_of(worker) as api:
        await worker.load({"generate"})
        with held_after(monkeypatch, 5) as go_on:
            async with api.streaming(GenerateRequest("Once", 20)) as events:
                seen = [name async for name, _ in until_first("partial", events)]
                for _ in range(20):
                    await timers.skip(PARTIAL_SECONDS)
                await timers.skip(QUIET_SECONDS)
                seen += [name async for name, _ in until_first("comment", events)]
                assert seen.count("partial") == 1
                go_on.set()
                *_, (last, _) = [event async for event in events]
                assert last == "answer"


async def test_errors_of_a_backend_come_with_their_status_and_fields(make_worker: Opener, make_preset: Any) -> None:
    async with make_worker(make_preset(sentiment="distilbert")) as worker, api_of(worker) as api:
        response = await api.ask(GenerateRequest("Once"))

        assert response.status == 503
        error = decode_error(response.body)
        assert isinstance(error, ModelUnavailable)
        assert error.sentence == "No checkpoint is set for /generate. Whoever runs this bot can set one."


async def test_fifty_callers_at_once(make_worker: Opener) -> None:
    requests = [SentimentRequest(f"Number {number} was fine.") for number in range(50)]
    async with make_worker(limits=Limits(per_person=1)) as worker, api_of(worker) as api:
        responses = await asyncio.gather(
            *(api.ask(request, X_Person=str(index)) for index, request in enumerate(requests))
        )
        own = [await worker.run(request, person=1) for request in requests]

    assert [response.status for response in responses] == [200] * 50
    read = [CODEC["sentiment"].answer.decode(response.body).result for response in responses]
    assert read == [answer.result for answer in own]


async def test_what_the_worker_tells_about_itself(make_worker: Opener) -> None:
    async with make_worker() as worker, api_of(worker) as api:
        await worker.load({"translate"})
        status = CODEC.status.decode((await api.get("/v1/status")).body)
        assert status.models["translate"].name == "tiny-t5"
        description = CODEC.description.decode((await api.get("/v1/checkpoints/translate")).body)
        assert facts(description.anatomy) == facts((await worker.describe("translate")).anatomy)
        languages = CODEC.languages.decode((await api.get("/v1/languages/translate")).body)
        assert languages == worker.languages("translate")
        assert (await api.get("/v1/languages/sentiment")).body == b"null"
        for path in ("/v1/checkpoints/nothing", "/v1/languages/nothing"):
            assert (await api.get(path)).status == 404
        assert (await api.get("/v1/checkpoints/tokenize")).status == 503  # it has none of its own


async def test_there_is_an_example_of_each_task(make_worker: Opener) -> None:
    examples = example_requests()

    assert [CODEC.task_of(example) for example in examples] == list(CODEC)
    async with make_worker() as worker, api_of(worker) as api:
        for example in examples:
            assert (await api.ask(example)).status == 200, example
