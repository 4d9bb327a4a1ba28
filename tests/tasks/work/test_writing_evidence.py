"""Which words of a prompt made it write its text, against the model's own log-probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from bot.inference.operations import TaskRun, run_task
from bot.inference.requests import Request
from bot.tasks import chat, complete, generate
from bot.tasks.answer import AnswerRequest
from bot.tasks.chat import ChatRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.scores import Floats
from bot.tasks.work import writing_evidence
from bot.tasks.work.blocks import Form, Page, PostponedWriting, Scores, Table
from bot.tasks.work.budget import MOST_READ, weighed
from bot.tasks.work.explanations import show_work
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.standard_errors import digits, error_column
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


def test_sampled_scores_have_as_many_digits_as_their_errors_allow(llama: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the picture, which has no room for the errors."""
    monkeypatch.setattr(writing_evidence, "MOST_READ", 6_000)
    prompt = "The capital of France is a town where many people live and love"
    page = page_of(llama, replace(GENERATE, prompt=prompt), finer=True)

    scores, errors, _ = next(one for one in page.blocks if isinstance(one, Table)).columns
    assert (scores.title, errors.title) == ("score", "±")
    largest: Any = max(errors.cells)  # type: ignore[type-var]
    assert largest > 0.05
    assert scores.form is Form.SIGNED_ONE
    assert isinstance(page.picture, Scores)
    assert page.picture.decimals == 1


@pytest.mark.parametrize(
    ("error", "form", "beside"),
    [
        (None, Form.SIGNED_THREE, Form.THREE),
        (0.004, Form.SIGNED_THREE, Form.THREE),
        (0.04, Form.SIGNED_TWO, Form.TWO),
        (0.4, Form.SIGNED_ONE, Form.TWO),
    ],
)
def test_digits(error: float | None, form: Form, beside: Form) -> None:
    assert digits([error, None, 0.001]) is form
    assert error_column([error], form).form is beside


def test_the_fewest_parts_are_weighed_exactly_however_little_time_there_is() -> None:
    """One order and its reverse would have no standard error."""

    def value(text: str) -> TaskRun[Floats]:
        yield from ()
        return np.array([float(len(text))])

    found = run_task(weighed("one two three four five six", value, 1))
    assert (len(found.table.units), found.is_exact) == (3, True)
