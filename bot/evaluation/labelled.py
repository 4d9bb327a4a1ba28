"""The labelled sentences that come with the bot."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from bot.inference.requests import Request
from bot.tasks.fill import FillRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import ZeroShotRequest
from bot.text.tables import read_table

Entry: TypeAlias = Mapping[str, Any]
TARGETS = {"german": "de", "french": "fr", "spanish": "es"}


@dataclass(frozen=True)
class Example:
    """A request, and a check of its result."""

    group: str
    """The task, and for translations also the language."""
    task: str
    request: Request[object]
    accepted: frozenset[str]
    said: Callable[[Any], str]
    """Returns a result in the form that `accepted` is in."""

    def is_right(self, result: Any) -> bool:
        """Return whether a result is accepted."""
        return self.said(result) in self.accepted


def read_examples(half: str = "test") -> list[Example]:
    """Return one half of the labelled sentences: `dev`, on which prompts were chosen, or `test`, to report results."""
    tables = read_table("bot.evaluation", "labelled.toml")
    return [
        example
        for task, make in _MAKERS.items()
        for entry in tables.get(task, {}).get(half, [])
        for example in make(entry)
    ]


def _sentiment(entry: Entry) -> Iterator[Example]:
    accepted = frozenset((str(entry["label"]).casefold(),))
    request = SentimentRequest(entry["text"])
    yield Example("sentiment", "sentiment", request, accepted, lambda result: result.scores[0].label.casefold())


def _zeroshot(entry: Entry) -> Iterator[Example]:
    request = ZeroShotRequest(entry["text"], tuple(entry["labels"]))
    accepted = frozenset((str(entry["label"]),))
    yield Example("zeroshot", "zeroshot", request, accepted, lambda result: result.scores[0].label)


def _fill(entry: Entry) -> Iterator[Example]:
    accepted = frozenset(answer.casefold() for answer in entry["answers"])
    yield Example(
        "fill", "fill", FillRequest(entry["text"]), accepted, lambda result: result.masks[0][0].word.casefold()
    )


def _translate(entry: Entry) -> Iterator[Example]:
    for name, code in TARGETS.items():
        request = TranslateRequest(entry["text"], code)
        accepted = frozenset(map(_plain, entry[name]))
        group = f"translate to {name.capitalize()}"
        yield Example(group, "translate", request, accepted, lambda result: _plain(result.text))


def _plain(text: str) -> str:
    """Return a sentence without the differences that don't make a translation wrong."""
    letters = re.sub(r"[^\w\s]", " ", unicodedata.normalize("NFC", text).casefold())
    return " ".join(letters.split())


_MAKERS: dict[str, Callable[[Entry], Iterator[Example]]] = {
    "sentiment": _sentiment,
    "zeroshot": _zeroshot,
    "fill": _fill,
    "translate": _translate,
}
