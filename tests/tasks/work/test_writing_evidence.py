"""Which words of a text made it write another one, against its own log-probabilities, captum, and all orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations, permutations
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import LLMAttribution, ShapleyValues, TextTemplateInput

from bot.inference.operations import TaskRun, run_task
from bot.inference.requests import Request
from bot.replies.work.blocks import plain
from bot.replies.work.numbers import signed
from bot.tasks import chat, complete, generate
from bot.tasks.answer import AnswerRequest
from bot.tasks.chat import ChatRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.scores import Floats
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work import writing_evidence
from bot.tasks.work.blocks import Page, PostponedWriting, Scores, Table
from bot.tasks.work.budget import MOST_READ, weighed
from bot.tasks.work.explanations import show_work
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.standard_errors import digits, error_column
from bot.tasks.work.texts import Form
from bot.tasks.work.writing_evidence import written_value
from bot.tasks.work.writing_readings import reading_of
from bot.tasks.work.written_shares import of_word
from tests.tasks.work.page_objects import in_english, numbers

NAME = "Which words made it write this"
PROMPT = "The capital of France is"
GENERATE = GenerateRequest(PROMPT, max_new_tokens=6, seed=3)
ENGLISH = "I love this course"


@dataclass(frozen=True)
class Case:
    """A request, the checkpoint that answers it, and the text whose words are weighed."""

    checkpoint: str
    request: Request[Any]
    text: str


CASES = {
    "generate": Case("llama", GENERATE, PROMPT),
    "chat": Case("llama", ChatRequest("Where is Paris", 1, "Alice"), "Where is Paris"),
    "complete": Case(
        "llama", CompleteRequest("def add(a, b):\n    return", max_new_tokens=4), "def add(a, b):\n    return"
    ),
    "answer": Case(
        "llama", AnswerRequest("Where does she live?", "She lives in Paris now."), "She lives in Paris now."
    ),
    "translate by drafts": Case("llama", TranslateRequest(ENGLISH, "de"), ENGLISH),
    "translate with T5": Case("t5", TranslateRequest(ENGLISH, "de"), ENGLISH),
    "translate with Marian": Case("marian", TranslateRequest(ENGLISH, "de"), ENGLISH),
    "translate with M2M100": Case("m2m100", TranslateRequest(ENGLISH, "de"), ENGLISH),
    "summarize by drafts": Case("llama", SummarizeRequest(ENGLISH), ENGLISH),
    "summarize with BART": Case("bart", SummarizeRequest(ENGLISH), ENGLISH),
    "summarize with T5": Case("t5", SummarizeRequest(ENGLISH), ENGLISH),
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(autouse=True)
def short_summaries(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = dict.fromkeys(["short", "medium", "long"], 8)  # random models never end a text by themselves
    monkeypatch.setattr("bot.tasks.summarize.MOST_NEW_TOKENS", lengths)
    monkeypatch.setattr("bot.tasks.translate.MOST_NEW_TOKENS", 8)


def pages_of(head: Any, request: Request[Any], *, finer: bool = False, evidence: bool = True) -> list[Page]:
    asked = replace(WorkRequest.of(request), evidence=evidence, finer=finer)
    return [one for one in in_english(run_task(show_work(head, asked))).pages if one.name.startswith(NAME)]


def page_of(head: Any, request: Request[Any], *, finer: bool = False, evidence: bool = True) -> Page:
    [page] = pages_of(head, request, finer=finer, evidence=evidence)
    return page


def by_hand(head: Any, start: tuple[int, ...], source: tuple[int, ...], written: tuple[int, ...]) -> Floats:
    """The log-probabilities of written tokens, by transformers alone."""
    read = torch.tensor([[*start, *written]])
    with torch.inference_mode():
        if source:
            logits = head.model(input_ids=torch.tensor([source]), decoder_input_ids=read).logits[0]
        else:
            logits = head.model(input_ids=read).logits[0]
    log_probs = logits.float().log_softmax(dim=-1)
    return np.array([float(log_probs[len(start) - 1 + place, token]) for place, token in enumerate(written)])


def in_all_orders(head: Any, case: Case, written: tuple[int, ...]) -> Floats:
    """Exact Shapley values of the words, (words, tokens): the mean over all orders in which they can join."""
    words = case.text.split(" ")
    reading = reading_of(head, case.request)
    kept = [one for size in range(len(words) + 1) for one in combinations(range(len(words)), size)]
    known = {one: by_hand(head, *reading(" ".join(words[index] for index in one)), written) for one in kept}
    orders = list(permutations(range(len(words))))
    found = np.zeros((len(words), len(written)))
    for order in orders:
        for size, word in enumerate(order):
            found[word] += known[tuple(sorted(order[: size + 1]))] - known[tuple(sorted(order[:size]))]
    return found / len(orders)


def test_all_numbers_of_the_page(load: Callable[[str], Any], case: Case) -> None:
    head = load(case.checkpoint)
    postponed = page_of(head, case.request, evidence=False).postponed
    assert isinstance(postponed, PostponedWriting)
    page = page_of(head, case.request, finer=True)
    reading = reading_of(head, case.request)
    after, before = (by_hand(head, *reading(text), postponed.written).sum() for text in (case.text, ""))

    assert isinstance(page.picture, Scores)
    added, start, end = numbers(in_english(page.picture).note)
    assert start == pytest.approx(before, abs=2e-3)
    assert end == pytest.approx(after, abs=2e-3)
    assert added == pytest.approx(sum(page.picture.values)) == pytest.approx(end - start)
    assert abs(added) > 0.1
    assert "Proof: without " in plain(page.blocks[0])
    assert not page.is_estimate

    shares = page.written_shares
    assert shares is not None
    assert sum(shares.start) == pytest.approx(start)
    assert sum(shares.end) == pytest.approx(end)
    for index in range(len(shares.words)):
        chosen = of_word(page, index)
        assert isinstance(chosen.picture, Scores)
        assert numbers(in_english(chosen.picture).note) == [
            pytest.approx(sum(chosen.picture.values)), shares.start[index], shares.end[index],
        ]  # fmt: skip
        assert sum(shares.values[index]) == pytest.approx(shares.end[index] - shares.start[index])
        line = plain(shares).splitlines()[index]
        assert f", added {signed(shares.end[index] - shares.start[index], 2)}; " in line or "added 0.00; " in line
        assert all(part in line for part in shares.parts)
    assert of_word(page, len(shares.words)) is page


@pytest.mark.parametrize("name", ["generate", "translate with T5", "translate with M2M100", "summarize with BART"])
def test_as_in_all_orders(load: Callable[[str], Any], name: str) -> None:
    case = CASES[name]
    head = load(case.checkpoint)
    written = (5, 60, 31)
    value = written_value(head, case.request, written)
    found = run_task(weighed(case.text, value, 100 * MOST_READ))

    assert found.is_exact
    assert found.table.units.names == tuple(case.text.split())
    assert found.shares.values[:, :-1] == pytest.approx(in_all_orders(head, case, written), abs=1e-3)


def test_as_captums(load: Callable[[str], Any]) -> None:
    llama = load("llama")
    text, target = "Paris is big", " and old"
    words = text.split()
    written = tuple(llama.encode_rest(target))
    value = written_value(llama, replace(GENERATE, prompt=text), written)
    found = run_task(weighed(text, value, 100 * MOST_READ))

    def prompt(*kept: str) -> str:
        return " ".join(filter(None, kept)) or llama.decode([llama.tokenizer.bos_token_id], skip_special_tokens=False)

    method = LLMAttribution(ShapleyValues(llama.model), llama.tokenizer)
    template = TextTemplateInput(prompt, words, baselines=[""] * len(words))
    oracle = method.attribute(template, target=target, use_cached_outputs=False)
    assert found.shares.values[:, :-1] == pytest.approx(oracle.token_attr.numpy().T, abs=1e-3)


def test_each_text_has_a_page_of_its_own(load: Callable[[str], Any]) -> None:
    """They are computed one at a time: several would take several times as long as somebody waits for one."""
    head, request = load("t5"), TranslateRequest(f"{ENGLISH}\nParis\n{PROMPT}", "de")
    work = in_english(run_task(show_work(head, WorkRequest.of(request))))
    numbers_of = [index for index, one in enumerate(work.pages) if one.name.startswith(NAME)]
    assert [work.pages[index].name for index in numbers_of] == [f"{NAME}: part 1", f"{NAME}: part 3"]  # not of one word

    asked = replace(WorkRequest.of(request), evidence=True, page=numbers_of[1])
    computed = run_task(show_work(head, asked)).pages
    first, second = (computed[index] for index in numbers_of)
    assert first.postponed is not None
    assert second.written_shares is not None
    assert second.written_shares.parts == tuple(PROMPT.split())


def test_texts_and_parts_of_summaries_have_names(load: Callable[[str], Any]) -> None:
    texts = pages_of(load("llama"), replace(GENERATE, num_return_sequences=2), evidence=False)
    assert [one.name for one in texts] == [f"{NAME}: text 1", f"{NAME}: text 2"]

    messages = "\n".join(f"alice: Apples are sour, says number {number}." for number in range(8))
    parts = pages_of(load("t5"), SummarizeRequest(messages, messages=8), evidence=False)
    assert [one.name for one in parts][:2] == [f"{NAME}: part 1", f"{NAME}: part 2"]
    of_messages = [isinstance(one.postponed, PostponedWriting) and one.postponed.by_lines for one in parts]
    assert of_messages[:2] == [True, True]
    assert not of_messages[-1]  # the last summary is one of summaries


def test_prompts_are_those_of_the_commands(load: Callable[[str], Any]) -> None:
    llama = load("llama")
    read = {
        "generate": generate.read_prompt(llama, GENERATE).ids,
        "chat": chat.read_prompt(llama, CASES["chat"].request)[0],  # type: ignore[arg-type]
        "complete": complete.read_prompt(llama, CASES["complete"].request).ids,  # type: ignore[arg-type]
    }
    for task, ids in read.items():
        assert reading_of(llama, CASES[task].request)(CASES[task].text) == (tuple(ids), ())


def test_sampled_scores_have_as_many_digits_as_their_errors_allow(
    load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also in the picture, which has no room for the errors."""
    monkeypatch.setattr(writing_evidence, "MOST_READ", 6_000)
    prompt = "The capital of France is a town where many people live and love"
    page = page_of(load("llama"), replace(GENERATE, prompt=prompt), finer=True)

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
