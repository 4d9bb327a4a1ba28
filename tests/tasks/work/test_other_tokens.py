"""A text that goes on from another token: it begins with what was kept, and with the shown probability."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.errors import InvalidRequest
from bot.inference.operations import run_task
from bot.inference.task import Task
from bot.replies.work.numbers import percent
from bot.tasks import chat, complete, generate
from bot.tasks.chat import ChatRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.prompts.begun import UNKNOWN, taken_token
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.explanations import show_work
from bot.tasks.work.other_tokens import Branching, Places, branched
from bot.tasks.work.request import WorkRequest
from tests.support import refusal_of

PROMPT = "The capital of France is"
ASKED: list[tuple[Task[Any], Branching]] = [
    (generate.TASK, GenerateRequest(PROMPT, 8, 2, seed=1)),
    (complete.TASK, CompleteRequest("x = [", "Python", 8, 0.0)),
    (chat.TASK, ChatRequest(PROMPT, 1, "Alice", temperature=0.0)),
]
TASKS = pytest.mark.parametrize(("task", "request_"), ASKED, ids=["generate", "complete", "chat"])


@pytest.fixture
def llama(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Any:
    """A model that ends no text by itself: a random one would do so at random."""
    monkeypatch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 8)
    monkeypatch.setattr("bot.inference.heads.causal_lm.CausalLM.end_ids", frozenset())
    return load("llama")


def opened(head: Any, request: Branching, written: tuple[tuple[int, ...], ...]) -> list[Places]:
    """The places of each text of an answer."""
    found: Explanation = run_task(show_work(head, WorkRequest.of(request, written)))
    return [one.places for one in found.pages if one.places is not None]


@TASKS
def test_the_other_token_has_the_probability_that_was_shown(llama: Any, task: Task[Any], request_: Branching) -> None:
    written = run_task(task.start(llama, request_)).generated
    places = opened(llama, request_, written)[-1]
    place = places.at(4)
    other = place.others[1]

    request = branched(request_, places.written, place.number, other.token.id)
    result = run_task(task.start(llama, request))

    [ids] = result.generated
    assert places.written == written[-1]
    assert ids[:4] == (*written[-1][:3], other.token.id)
    assert len(ids) == 8
    assert result.taken == taken_token(llama, request.begun)
    [shown] = opened(llama, request, result.generated)
    assert shown.at(4).taken.token.id == other.token.id
    assert percent(shown.at(4).taken.probability) == percent(other.probability)


@TASKS
def test_the_most_uncertain_places_come_first(llama: Any, task: Task[Any], request_: Branching) -> None:
    [places, *_] = opened(llama, request_, run_task(task.start(llama, request_)).generated)
    bits = [one.bits for one in places.places]
    assert bits == sorted(bits, reverse=True)
    assert sorted(one.number for one in places.places) == list(range(1, 9))
    assert places.at(None) is places.at(99) is places.places[0]


def test_goes_on_as_the_prompt_with_these_tokens_would(llama: Any) -> None:
    request = GenerateRequest(PROMPT, 8, top_p=0.01)
    [whole] = run_task(generate.TASK.start(llama, request)).continuations
    begun = run_task(generate.TASK.start(llama, replace(request, begun=whole.ids[:5])))
    assert begun.continuations == (whole,)
    so_far = generate.so_far(llama, replace(request, begun=whole.ids[:5]), [whole.ids[5:7]])
    assert whole.text.startswith(so_far.continuations[0].text)
    assert so_far.continuations[0].tokens == 7


def test_the_same_seed_gives_the_same_text_again(llama: Any) -> None:
    request = GenerateRequest(PROMPT, 8, temperature=2.0, seed=3, begun=(5, 6))
    first, second = (run_task(generate.TASK.start(llama, request)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("ended", [True, False])
def test_a_last_token_leaves_nothing_to_write(llama: Any, monkeypatch: pytest.MonkeyPatch, ended: bool) -> None:
    if ended:
        monkeypatch.setattr("bot.inference.heads.causal_lm.CausalLM.end_ids", frozenset({7}))
    request = GenerateRequest(PROMPT, 8 if ended else 3, begun=(5, 6, 7))
    [found] = run_task(generate.TASK.start(llama, request)).continuations
    assert found.ids == (5, 6, 7)
    assert found.finished is ended
    assert found.tokens == (2 if ended else 3)


def test_a_rule_of_the_command_may_end_it_at_once(llama: Any) -> None:
    # A block is complete where another statement begins at the left margin.
    begun = llama.encode_rest(" 1\na =")
    request = CompleteRequest("def f(x):\n    return", "Python", 40, 0.0, begun=begun)
    result = run_task(complete.TASK.start(llama, request))
    assert result.ids == begun
    assert result.finished


def test_what_follows_begins_with_nothing(llama: Any) -> None:
    request = GenerateRequest(PROMPT, 4, begun=(5, 6))
    [found] = run_task(generate.TASK.start(llama, request)).continuations
    assert request.continued(found).begun == ()
    code = CompleteRequest("x = [", "Python", 4, begun=(5, 6))
    assert code.continued("1, 2").begun == ()


@pytest.mark.parametrize("begun", [(-1,), tuple(range(9))])
def test_impossible_tokens_are_refused(begun: tuple[int, ...]) -> None:
    assert "ids of tokens" in (refusal_of(lambda: GenerateRequest(PROMPT, 8, begun=begun)) or "")


def test_tokens_of_another_model_are_refused(llama: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        run_task(generate.TASK.start(llama, GenerateRequest(PROMPT, 8, begun=(10**6,))))
    assert refused.value.sentence == str(UNKNOWN)
