"""A request of every command, and tiny checkpoints that may compute nonsense."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch

from bot.inference.checkpoints import pool
from bot.inference.checkpoints.loading import load_head
from bot.inference.requests import Request
from bot.inference.worker import Limits
from bot.tasks.answer import AnswerRequest
from bot.tasks.attention import AttentionRequest
from bot.tasks.chat import ChatRequest
from bot.tasks.compare import CompareRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.entities import EntitiesRequest
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.request import WorkRequest
from bot.tasks.zeroshot import ZeroShotRequest
from tests import tiny
from tests.faults.asking import Crowd, Ends
from tests.support import COURSE, open_worker, preset_of
from tests.timers import PATIENCE


def requests() -> list[Request[Any]]:
    """Return a request of every command, then those of Show the work and of `/compare`."""
    sentiment = SentimentRequest("I love apples")
    commands: list[Request[Any]] = [
        sentiment,
        FillRequest("I love [MASK]."),
        GenerateRequest("I love", max_new_tokens=8, seed=1),
        TranslateRequest("Good morning", "de", "en"),
        ZeroShotRequest("I love apples", ("food", "music")),
        EntitiesRequest("Ann lives in Berlin."),
        SimilarityRequest(("I love apples", "I love music")),
        AnswerRequest("Who lives in Berlin?", "Ann lives in Berlin."),
        SummarizeRequest("I love apples. They are sour.", "short"),
        CompleteRequest("def add(a, b):", max_new_tokens=8),
        ChatRequest("Hello!", channel_id=1, speaker="Alice"),
    ]
    works = [WorkRequest.of(one) for one in commands]
    evidence = [replace(WorkRequest.of(sentiment), evidence=True), AttentionRequest("I love apples", "sentiment")]
    return [*commands, *works, *evidence, *CompareRequest.of(sentiment, ("tiny-distilbert", "tiny-llama")).parts]


@asynccontextmanager
async def opened_real(bad: float | None) -> AsyncIterator[Crowd]:
    """People who ask a worker with a tiny checkpoint for each command.

    Args:
        bad: a number that stands in each matrix of all checkpoints; None leaves them as they are.
    """

    def load(*arguments: Any) -> Any:
        head = load_head(*arguments, packed=bad is None)
        if bad is not None:
            with torch.no_grad():
                for parameter in head.model.parameters():
                    parameter.view(-1)[0] = bad
        return head

    with tempfile.TemporaryDirectory() as folder, patch.object(pool, "load_head", load):
        built = tiny.build_all(Path(folder))
        preset = preset_of({task: built[name] for task, name in COURSE.items()})
        ends = Ends()
        limits = Limits(requests=1_000, per_person=100, seconds=PATIENCE)
        async with open_worker(preset, Path(folder) / "cache", limits=limits, observer=ends) as worker:
            yield Crowd(worker, ends)
