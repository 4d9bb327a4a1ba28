"""Helpers of the tests of explanations."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import pytest
import torch

from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.worker import InferenceWorker
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.coalitions import Coalition, Table
from bot.tasks.work.request import WorkRequest
from tests.tasks.work.page_objects import in_english, objects_of

T = TypeVar("T")


async def answered_and_opened(
    worker: InferenceWorker, request: Request[Any], *, evidence: bool = False
) -> tuple[Any, Explanation]:
    """The answer to a request, and then its explanation, from one worker; `evidence` computes postponed pages too."""
    answer = await worker.run(request, person=1)
    work = await worker.run(replace(WorkRequest.of(request), evidence=evidence), person=2)
    return answer.result, in_english(work.result)


def watch_attributions(monkeypatch: pytest.MonkeyPatch) -> list[Coalition]:
    """A list that grows by each coalition that is wanted for attributions."""
    taken: list[Coalition] = []
    original = Table.fill

    def watched(self: Table, coalitions: Iterable[Coalition]) -> TaskRun[None]:
        wanted = list(coalitions)
        taken.extend(wanted)
        return original(self, wanted)

    monkeypatch.setattr(Table, "fill", watched)
    return taken


def pieces_of(work: Explanation, kind: type[T]) -> list[T]:
    """The contents of the pages of one kind (see `page_objects`)."""
    return objects_of(work, kind)


def piece_of(work: Explanation, kind: type[T]) -> T:
    """The content of the only page of a kind."""
    [piece] = pieces_of(work, kind)
    return piece


def medians(states: Sequence[Any]) -> list[float]:
    """The median length of the vectors of all tokens but the first, of each of a model's hidden states."""
    return [float(np.median(torch.linalg.vector_norm(one.reshape(-1, one.shape[-1]), dim=-1)[1:])) for one in states]


def equations(text: str) -> list[tuple[float, float]]:
    """The calculations in a sentence, worked out: for each the value of its left side, and the number on its right."""
    found = re.findall(r"((?:exp\(|sigmoid\(|[\d(−])[\dexpsigmod().+−×/ ]*) = (−?[\d.]+\d)", text)
    names = {"exp": math.exp, "sigmoid": lambda value: 1 / (1 + math.exp(-value))}
    return [(eval(_in_python(left), names), float(_in_python(right))) for left, right in found]


def _in_python(text: str) -> str:
    return text.replace("−", "-").replace("×", "*")
