from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.invariance.batch_invariance import BatchInvariance
from bot.inference.operations import run_task
from bot.inference.requests import LabelScore
from bot.tasks.fill import FillRequest, weigh_sentences
from bot.tasks.sentiment import SentimentResult
from tests.bench.batch_invariance import answers_of, measure, moved

BF16 = Device("cpu", "bfloat16")


def said(positive: float) -> SentimentResult:
    scores = (LabelScore("POSITIVE", positive), LabelScore("NEGATIVE", 1 - positive))
    return SentimentResult(tuple(sorted(scores, key=lambda score: -score.probability)), truncated=False)


def test_what_has_moved() -> None:
    found = moved([said(0.5625), said(0.75), said(0.25)], [said(0.4375), said(0.75), said(0.375)])
    assert (found.by, found.answers, found.labels, found.asked) == (0.125, 2, 1, 3)


def test_requests_together_are_answered_in_their_order(checkpoints: Mapping[str, Path]) -> None:
    head: Any = load_head(checkpoints["llama"], BF16)
    asked = [FillRequest(text) for text in ("I love ___.", "What a ___ day", "The ___ is sour and ___.")]
    found = answers_of([weigh_sentences(head, one) for one in asked])
    assert found == [run_task(weigh_sentences(head, one)) for one in asked]
    assert moved(found, found).by == 0


@pytest.mark.parametrize(("task", "name"), [("sentiment", "distilbert"), ("zeroshot", "llama")])
def test_a_measurement(checkpoints: Mapping[str, Path], task: str, name: str) -> None:
    head: Any = load_head(checkpoints[name], BF16)
    moves, lone, crowd = measure(head, task, asked=8, rounds=1)
    assert moves[head.batch_invariance].by == 0
    assert moves[BatchInvariance.PADDED].by > 0
    assert lone > 0
    assert crowd > 0
