"""Texts of repeated beginnings: what reads them takes a time in proportion to their length, and not to its square."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from bot.inference.checkpoints.catalogue import FOR_TASKS, HUB_ID
from bot.inference.languages import lookup
from bot.inference.tokenization import literal
from bot.replies.comparing import columns
from bot.replies.formatting.text import escape, listed, visible
from bot.tasks.code import fence
from bot.tasks.code.ending import code_end
from bot.tasks.code.languages import guess_code_language
from bot.tasks.fill import _MASK
from bot.tasks.prompts.question_answering import clean_answer
from bot.tasks.translation.drafting import requoted
from bot.tasks.translation.protected import pieces
from bot.text.label_list import parse_labels
from bot.text.markup import markup
from bot.text.quotes import find_quote
from bot.text.sentences import sentences

SHORT, TIMES, TRIES = 2_000, 4, 5
GROWTH = 12.0
"""Of the time for a text of `TIMES` the length: about 4 if it is linear, 16 if it is quadratic."""
QUICK = 0.005
"""Seconds of the processor in which the longer text may always be read."""

READERS: Mapping[str, Callable[[str], Any]] = {
    "unfenced": fence.unfenced,
    "unfenced, Markdown": lambda text: fence.unfenced(text, "md"),
    "fence._INLINE": fence._INLINE.fullmatch,
    "fence._PROSE": fence._PROSE.fullmatch,
    "fence._LEADING_LINE": fence._LEADING_LINE.fullmatch,
    "fence._FIRST_WORD": fence._FIRST_WORD.match,
    "fence._NAMED_FENCE": fence._NAMED_FENCE.search,
    "code_end": lambda text: code_end("def f():\n  x\n", text, in_blocks=True),
    "columns._WORD": columns._WORD.findall,
    "lookup._VARIETY": lookup._VARIETY.fullmatch,
    "literal._MARKUP": literal._MARKUP.fullmatch,
    "FOR_TASKS": FOR_TASKS.match,
    "HUB_ID": HUB_ID.fullmatch,
    "_MASK": _MASK.split,
    "clean_answer": clean_answer,
    "requoted": lambda text: requoted(text, text),
    "parse_labels": parse_labels,
    "markup": markup,
    "escape": escape,
    "visible": visible,
}
"""As the code calls them."""
UNITS = (
    "`", "```", "```\n", "\n```", "~~~ ", "~~~```", "``` ", " ", "\n", "\t ", "a", "a ", "a.", "a+", "a + ", "a   +",
    "(", "a(", "(a)",
    "[",
    "[a](", "<", "<a:", "<@", "{{", "|", "'", '"', "“", "_", "a/", "-", "@a", "a@a.",
    "://", "a://", ":", "*", "\\", "\u200b",
    "e\u0301", "1.", "\r\n", "\ufe0f",
)  # fmt: skip


NESTED = (
    ("```\n", "\n```"),
    ("``` ", " ```"),
    ("~~~ ``` ", " ``` ~~~"),
    ("(", ")"),
    ("[", "]"),
    ("“", "”"),
    ("<", ">"),
)
"""What stands around itself, and what ends it."""
SLOW_ONCE: Mapping[str, tuple[Callable[[str], Any], str]] = {
    "a line's last word": (lambda text: sentences(text, "en"), "t.ex. a"),
    "a long word before the end": (lambda text: sentences(f"{text}.b! C", "en"), "a"),
    "names": (lambda text: listed(text.split(), 100), "a "),
    "which language code is in": (guess_code_language, "\n"),
    "the same of lines": (guess_code_language, "a\n"),
    "what is not translated": (lambda text: list(pieces(text)), "`"),
    "a quote everywhere": (lambda text: find_quote(text, "一", "一"), "一"),
    "a quote and many words": (lambda text: find_quote(text, "a", "b c d e f g"), "a b "),
}
"""What took a time in proportion to the square of a text's length, and a text that it took it for."""


def seconds(read: Callable[[str], Any], text: str) -> float:
    """The shortest of some times of the processor, which other processes lengthen little."""
    found = []
    for _ in range(TRIES):
        began = time.process_time()
        read(text)
        found.append(time.process_time() - began)
    return min(found)


def grows(read: Callable[[str], Any], unit: str, end: str) -> bool:
    """Whether a text of this beginning, again and again, takes more than its share of time."""
    return lengthens(
        read, *((unit * (length // len(unit) + 1))[: length - 1] + end for length in (SHORT, SHORT * TIMES))
    )


def lengthens(read: Callable[[str], Any], short: str, long: str) -> bool:
    """Whether a text of `TIMES` the length takes more than its share of time."""
    began = time.process_time()
    read(long)
    if time.process_time() - began < QUICK:
        return False
    return (longer := seconds(read, long)) > QUICK and longer > GROWTH * seconds(read, short)


@pytest.mark.parametrize("name", READERS)
def test_no_text_takes_long(name: str) -> None:
    slow = [(unit, end) for unit in UNITS for end in ("", "x", "\0") if grows(READERS[name], unit, end)]
    assert not slow, slow


@pytest.mark.parametrize("name", ["unfenced", "unfenced, Markdown", "parse_labels", "markup", "escape"])
def test_no_text_inside_of_itself_takes_long(name: str) -> None:
    def nested(opening: str, closing: str, length: int) -> str:
        layers = length // len(opening + closing)
        return f"{opening * layers}x{closing * layers}"

    slow = [pair for pair in NESTED if lengthens(READERS[name], nested(*pair, SHORT), nested(*pair, SHORT * TIMES))]
    assert not slow, slow


@pytest.mark.parametrize("name", SLOW_ONCE)
def test_what_was_slow_stays_quick(name: str) -> None:
    read, unit = SLOW_ONCE[name]
    assert not grows(read, unit, "")


def test_a_quadratic_pattern_would_be_found() -> None:
    assert grows(re.compile(r"\s*\S+\s*").findall, " ", "")


@pytest.mark.parametrize(("text", "words"), [(" a  b\n", [" a  ", "b\n"]), ("a", ["a"]), (" \n", []), ("", [])])
def test_the_words_of_an_answer(text: str, words: list[str]) -> None:
    assert columns._WORD.findall(text) == words


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("U.S.", "U.S."),
        ("the U.S.", "the U.S."),
        ("Ann.", "Ann"),
        ("x.U.S.", "x.U.S."),
        ("ab.c.", "ab.c"),
        (".a.b.", ".a.b."),
    ],
)
def test_initials_keep_their_full_stop(line: str, answer: str) -> None:
    assert clean_answer(line) == answer
