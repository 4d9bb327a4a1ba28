"""No text of up to 512 tokens is too long to be weighed: its parts are longer then, and a picture comes soon."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bot.inference.operations import TaskRun, run_task
from bot.inference.requests import Request
from bot.tasks.answer import AnswerRequest
from bot.tasks.chat import ChatRequest
from bot.tasks.complete import CompleteRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work import word_evidence, writing_evidence
from bot.tasks.work.blocks import Scores
from bot.tasks.work.budget import FIRST_READ, Weighed
from bot.tasks.work.explanations import show_work
from bot.tasks.work.request import WorkRequest
from bot.tasks.zeroshot import ZeroShotRequest
from tests.tasks.work.page_objects import in_english

TOKENS = 512
SAID = "Apples are sour, and lemons are sourer than that. Nobody knows who wrote this book about them! "
FEWEST_READINGS = 8
"""Of a text in three parts."""
MAKE: dict[str, tuple[str, Callable[[str], Request[Any]]]] = {
    "sentiment": ("distilbert", SentimentRequest),
    "sentiment of a language model": ("llama", SentimentRequest),
    "zeroshot": ("bart_mnli", lambda text: ZeroShotRequest(text, ("sports", "politics"))),
    "generate": ("llama", lambda text: GenerateRequest(text, max_new_tokens=4, seed=1)),
    "chat": ("llama", lambda text: ChatRequest(text, 1, "Alice")),
    "complete": ("llama", lambda text: CompleteRequest(text, max_new_tokens=4)),
    "answer": ("llama", lambda text: AnswerRequest("What is sour?", text)),
    "translate": ("t5", lambda text: TranslateRequest(text, "de")),
    "translate without a space": ("m2m100", lambda text: TranslateRequest(text.replace(" ", ""), "de")),
    "summarize": ("t5", SummarizeRequest),
}


@dataclass
class Read:
    """How much was read for the scores of one page."""

    parts: int
    tokens: int
    mean: int
    """For one reading of some of the text."""


@pytest.fixture(autouse=True)
def short_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.tasks.translate.MOST_NEW_TOKENS", 8)  # random models never end a text by themselves
    monkeypatch.setattr("bot.tasks.chat.room_for_answer", lambda head: 8)
    monkeypatch.setattr("bot.tasks.summarize.MOST_NEW_TOKENS", dict.fromkeys(["short", "medium", "long"], 8))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Read]:
    """Grows by what is read for each page, the proof left out."""
    found: list[Read] = []

    def watched(original: Callable[..., Any]) -> Callable[..., Any]:
        def weighed(*args: Any) -> TaskRun[Weighed]:
            made: Weighed = yield from original(*args)
            mean = made.table.tokens // len(made.table.known)
            found.append(Read(len(made.table.units), made.table.tokens, mean))
            return made

        return weighed

    for module in (word_evidence, writing_evidence):
        monkeypatch.setattr(module, "weighed", watched(module.weighed))
    return found


def opened(head: Any, request: Request[Any]) -> Any:
    return in_english(run_task(show_work(head, replace(WorkRequest.of(request), evidence=True))))


@pytest.mark.parametrize("name", MAKE)
def test_a_text_of_512_tokens(load: Callable[[str], Any], reads: list[Read], name: str) -> None:
    checkpoint, make = MAKE[name]
    head = load(checkpoint)
    times = -(-TOKENS // len(head.tokenize(SAID, add_special_tokens=False)))
    request = make((SAID * times).strip())

    pages = [one for one in opened(head, request).pages if one.name.startswith("Which words")]

    assert pages
    for page in pages:
        assert page.postponed is None
        assert isinstance(page.picture, Scores)
        assert len(page.picture.values) > 1
        assert page.is_estimate or not reads  # a closer one follows
    for one in reads:
        assert one.parts > 1
        assert one.tokens <= 2 * max(FIRST_READ, FEWEST_READINGS * one.mean), one
