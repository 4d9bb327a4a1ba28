"""The labelled sentences that come with the bot.

The prompts of the causal language models were chosen on the `dev` half only; what is reported is the `test` half.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import resources
from typing import Any

from bot.inference.requests import Request
from bot.tasks.fill import FillRequest, FillResult
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from bot.tasks.translate import TranslateRequest, TranslateResult
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult

TARGETS = {"german": "de", "french": "fr", "spanish": "es"}


@dataclass(frozen=True)
class Example:
    """A request, and when its result is right.

    Attributes:
        group: what it is counted under: the task, and for translations the language.
    """

    group: str
    task: str
    request: Request[Any]
    is_right: Callable[[Any], bool]


def read_examples(half: str = "test") -> list[Example]:
    """The labelled sentences of one half: `dev` or `test`."""
    content = resources.files("bot.evaluation").joinpath("labelled.toml").read_text(encoding="utf-8")
    tables = tomllib.loads(content)
    return [
        example
        for task, make in _MAKERS.items()
        for entry in tables.get(task, {}).get(half, [])
        for example in make(entry)
    ]


def _sentiment(entry: dict[str, Any]) -> Iterator[Example]:
    def is_right(result: SentimentResult) -> bool:
        return result.scores[0].label.casefold() == str(entry["label"]).casefold()

    yield Example("sentiment", "sentiment", SentimentRequest(entry["text"]), is_right)


def _zeroshot(entry: dict[str, Any]) -> Iterator[Example]:
    def is_right(result: ZeroShotResult) -> bool:
        return result.scores[0].label == str(entry["label"])

    yield Example("zeroshot", "zeroshot", ZeroShotRequest(entry["text"], tuple(entry["labels"])), is_right)


def _fill(entry: dict[str, Any]) -> Iterator[Example]:
    accepted = {answer.casefold() for answer in entry["answers"]}

    def is_right(result: FillResult) -> bool:
        return result.masks[0][0].word.casefold() in accepted

    yield Example("fill", "fill", FillRequest(entry["text"]), is_right)


def _translate(entry: dict[str, Any]) -> Iterator[Example]:
    for name, code in TARGETS.items():
        accepted = frozenset(_plain(reference) for reference in entry[name])
        request = TranslateRequest(entry["text"], code)
        yield Example(f"translate to {name.capitalize()}", "translate", request, partial(_translated, accepted))


def _translated(accepted: frozenset[str], result: TranslateResult) -> bool:
    return _plain(result.text) in accepted


def _plain(text: str) -> str:
    """A sentence without case, punctuation and doubled spaces: they do not decide whether a translation is right."""
    letters = re.sub(r"[^\w\s]", " ", unicodedata.normalize("NFC", text).casefold())
    return " ".join(letters.split())


_MAKERS: dict[str, Callable[[dict[str, Any]], Iterator[Example]]] = {
    "sentiment": _sentiment,
    "zeroshot": _zeroshot,
    "fill": _fill,
    "translate": _translate,
}
