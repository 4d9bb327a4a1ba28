"""Which words of a prompt made it write its text, against the model's own log-probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bot.inference.operations import run_task
from bot.inference.requests import Request
from bot.tasks import chat, complete, generate
from bot.tasks.answer import AnswerRequest
from bot.tasks.chat import ChatRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.work import writing_evidence
from bot.tasks.work.blocks import Page, PostponedWriting, Scores
from bot.tasks.work.budget import MOST_READ, weighed
from bot.tasks.work.explanations import show_work
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.writing_evidence import prompt_ids, written_value
from tests.tasks.work.page_objects import numbers

NAME = "Which words made it write this"
PROMPT = "The capital of France is"
GENERATE = GenerateRequest(PROMPT, max_new_tokens=6, seed=3)
REQUESTS: dict[str, Request[Any]] = {
    "generate": GENERATE,
    "chat": ChatRequest("Where is Paris", 1, "Alice"),
    "complete": CompleteRequest("def add(a, b):\n    return", max_new_tokens=4),
    "answer": AnswerRequest("Where does she live?", "She lives in Paris now."),
}


@pytest.fixture
def llama(load: Callable[[str], Any]) -> Any:
    return load("llama")


def page_of(head: Any, request: Request[Any], *, finer: bool = False, evidence: bool = True) -> Page:
    asked = replace(WorkRequest.of(request), evidence=evidence, finer=finer)
    [page] = [one for one in run_task(show_work(head, asked)).pages if one.name == NAME]
    return page


def by_hand(head: Any, prompt: tuple[int, ...], written: tuple[int, ...]) -> list[float]:
    with torch.inference_mode():
        logits = head.model(input_ids=torch.tensor([[*prompt, *written]])).logits[0]
    log_probs = logits.float().log_softmax(dim=-1)
    return [float(log_probs[len(prompt) - 1 + place, token]) for place, token in enumerate(written)]


def test_columns_sum_to_what_the_prompt_adds_to_each_token(llama: Any) -> None:
    written = tuple(llama.encode_rest(" Paris and more"))
    found = run_task(weighed(PROMPT, written_value(llama, GENERATE, written), 100 * MOST_READ))

    assert found.is_exact
    assert found.table.units.names == tuple(PROMPT.split())
    after = by_hand(llama, prompt_ids(llama, GENERATE, PROMPT), written)
    before = by_hand(llama, prompt_ids(llama, GENERATE, ""), written)
    added = np.array(after) - np.array(before)
    assert found.shares.values[:, :-1].sum(axis=0) == pytest.approx(added, abs=1e-3)
    assert found.shares.values[:, -1].sum() == pytest.approx(added.sum(), abs=1e-3)
    assert found.shares.values[:, :-1].sum(axis=1) == pytest.approx(found.shares.values[:, -1])


@pytest.mark.parametrize("task", REQUESTS)
def test_the_page_has_its_proof(llama: Any, task: str) -> None:
    page = page_of(llama, REQUESTS[task], finer=True)

    assert isinstance(page.picture, Scores)
    added, start, end = numbers(page.picture.note)
    assert added == pytest.approx(sum(page.picture.values)) == pytest.approx(end - start)
    assert "Proof: without " in str(page.blocks[0])
    assert not page.is_estimate


@pytest.mark.parametrize("task", REQUESTS)
def test_it_is_postponed(llama: Any, task: str) -> None:
    waiting = page_of(llama, REQUESTS[task], evidence=False).postponed

    assert isinstance(waiting, PostponedWriting)
    assert waiting.written


def test_prompts_are_those_of_the_commands(llama: Any) -> None:
    read = {
        "generate": generate.read_prompt(llama, GENERATE).ids,
        "chat": chat.read_prompt(llama, REQUESTS["chat"])[0],  # type: ignore[arg-type]
        "complete": complete.read_prompt(llama, REQUESTS["complete"]).ids,  # type: ignore[arg-type]
    }
    texts = {"generate": PROMPT, "chat": "Where is Paris", "complete": "def add(a, b):\n    return"}
    for task, ids in read.items():
        assert prompt_ids(llama, REQUESTS[task], texts[task]) == tuple(ids)


def test_a_first_picture_is_an_estimate(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing_evidence, "FIRST_READ", 1)

    assert page_of(llama, GENERATE).is_estimate


def test_one_word_is_not_weighed(llama: Any) -> None:
    work = run_task(show_work(llama, WorkRequest.of(GenerateRequest("Paris", max_new_tokens=4, seed=3))))

    assert NAME not in [page.name for page in work.pages]
