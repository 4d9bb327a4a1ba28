from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from typing import Any

import pytest

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.catalogue import Preset
from bot.inference.requests import Answer, Request
from bot.inference.wire.codec import Codec
from bot.inference.worker import InferenceWorker
from bot.tasks import all_tasks
from bot.tasks.chat import ChatRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.guess import GuessRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.request import WorkRequest
from tests.inference.wire.support import ATTENTION, COMMANDS, facts
from tests.support import COURSE, under_way

Opener = Callable[..., AbstractAsyncContextManager[InferenceWorker]]

codec = Codec(all_tasks())


async def answers_of(worker: InferenceWorker, requests: tuple[Request[Any], ...]) -> list[tuple[Request[Any], Any]]:
    """The answers to requests, to the requests for how they came about, and to those for their evidence."""
    found: list[tuple[Request[Any], Answer[Any]]] = []
    for request in requests:
        answer = await worker.run(request, person=1)
        found.append((request, answer))
        work = WorkRequest.of(request, answer.result.generated, answer.result.headline)
        for opened in (work, replace(work, evidence=True)):
            try:
                found.append((opened, await worker.run(opened, person=1)))
            except ModelUnavailable:  # an attention picture is its own explanation
                assert codec.task_of(request) in ("tokenize", "attention")
    return found


def assert_exact(found: list[tuple[Request[Any], Answer[Any]]]) -> None:
    for request, answer in found:
        forms = codec[codec.task_of(request)]
        assert facts(forms.request.decode(forms.request.encode(request))) == facts(request)
        assert facts(forms.answer.decode(forms.answer.encode(answer))) == facts(answer)
        assert facts(forms.result.decode(forms.result.encode(answer.result))) == facts(answer.result)
        json.loads(forms.answer.encode(answer), parse_constant=pytest.fail)  # NaN is no JSON


async def test_answers_and_explanations_of_the_courses_checkpoints(make_worker: Opener) -> None:
    async with make_worker() as worker:
        found = await answers_of(worker, (*COMMANDS, *ATTENTION))
        guess = GuessRequest.of(SentimentRequest("I love apples."))
        found.append((guess, await worker.run(guess, person=1)))

    assert_exact(found)
    assert {codec.task_of(request) for request, _ in found} == set(codec)


async def test_answers_and_explanations_of_a_language_model(
    make_worker: Opener, make_preset: Callable[..., Preset]
) -> None:
    tasks = dict.fromkeys(COURSE.keys() - {"similarity"}, "llama")
    requests = tuple(one for one in COMMANDS if codec.task_of(one) in tasks)
    async with make_worker(make_preset(**tasks)) as worker:
        assert_exact(await answers_of(worker, requests))


async def test_partial_results(make_worker: Opener) -> None:
    requests = (
        GenerateRequest("Once", 200, 2),
        CompleteRequest("def a():", max_new_tokens=200),
        ChatRequest("Why?", 1, "a"),
    )
    async with make_worker() as worker:
        for request in requests:
            answering = worker.submit(request, person=1)
            partial = await under_way(answering)
            form = codec[codec.task_of(request)].result
            assert facts(form.decode(form.encode(partial))) == facts(partial)
            answering.stop()
            await answering


async def test_what_a_worker_tells_about_itself(make_worker: Opener) -> None:
    async with make_worker() as worker:
        await worker.load({"sentiment", "translate"})
        status = worker.status()
        assert codec.status.decode(codec.status.encode(status)) == status
        for task in COURSE:
            description = await worker.describe(task)
            assert facts(codec.description.decode(codec.description.encode(description))) == facts(description)
            languages = worker.languages(task)
            assert codec.languages.decode(codec.languages.encode(languages)) == languages
        assert worker.languages("translate") is not None
