from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import transformers

from bot.errors import InvalidRequest
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.operations import run_task
from bot.tasks.sentiment import TASK, SentimentRequest, SentimentResult
from tests.support import run_crowd, run_together
from tests.tiny import TEXTS

REQUESTS = [SentimentRequest(text) for text in TEXTS]


@pytest.fixture(scope="module")
def expected(checkpoints: Mapping[str, Path]) -> list[dict[str, float]]:
    pipe = transformers.pipeline("sentiment-analysis", model=str(checkpoints["distilbert"]), top_k=None, device="cpu")
    return [as_dict(pipe(request.text)) for request in REQUESTS]


def as_dict(scores: Any) -> dict[str, float]:
    scores = scores[0] if isinstance(scores[0], list) else scores
    return {one["label"]: one["score"] for one in scores}


def probabilities(result: SentimentResult) -> dict[str, float]:
    return {score.label: score.probability for score in result.scores}


def test_alone_as_the_pipeline(load: Callable[[str], Any], expected: list[dict[str, float]]) -> None:
    head = load("distilbert")
    for request, right in zip(REQUESTS, expected, strict=True):
        result = run_task(TASK.start(head, request))
        assert probabilities(result) == pytest.approx(right, abs=1e-5)
        assert result.scores[0].label == max(right, key=right.__getitem__)
        assert not result.truncated


def test_together_as_the_pipeline(load: Callable[[str], Any], expected: list[dict[str, float]]) -> None:
    results = run_together(*(TASK.start(load("distilbert"), request) for request in REQUESTS))
    assert [probabilities(result) for result in results] == [pytest.approx(right, abs=1e-5) for right in expected]


async def test_through_the_worker_as_the_pipeline(
    make_worker: Callable[..., Any], expected: list[dict[str, float]]
) -> None:
    async with make_worker() as worker:
        results = await run_crowd(worker, REQUESTS * 5)
        status = worker.status()
    assert [probabilities(result) for result in results] == [pytest.approx(right, abs=1e-5) for right in expected * 5]
    assert status.rows == len(set(REQUESTS))  # equal requests are computed once
    assert status.batches < status.rows


def test_same_label_in_bfloat16(checkpoints: Mapping[str, Path], expected: list[dict[str, float]]) -> None:
    head = load_head(checkpoints["distilbert"], Device("cpu", "bfloat16"))
    results = run_together(*(TASK.start(head, request) for request in REQUESTS))
    clear = [
        (result, right) for result, right in zip(results, expected, strict=True) if abs(right["POSITIVE"] - 0.5) > 0.05
    ]
    assert len(clear) >= 4
    for result, right in clear:
        assert result.scores[0].label == max(right, key=right.__getitem__)


def test_says_what_it_did_not_read(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    result = run_task(TASK.start(head, SentimentRequest("I love apples. " * 200)))
    assert result.truncated
    assert sum(probabilities(result).values()) == pytest.approx(1)


@pytest.mark.parametrize("text", ["", "  \n", "😀😀", "\u200b\u202e", "a" * 4_001])
def test_texts_that_cannot_be_read(text: str) -> None:
    with pytest.raises(InvalidRequest):
        SentimentRequest(text)
