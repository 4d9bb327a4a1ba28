"""Writing texts in Discord's Markdown, in tables, and for a terminal."""

from __future__ import annotations

import io
import json
import logging

import regex
from rich.console import Console

from bot.log_formats import JsonLines
from bot.replies.formatting.code import code_block, holds_fence
from bot.replies.formatting.text import (
    bold,
    code_span,
    escape,
    fit,
    in_pieces,
    inside_quote,
    listed,
    quoted,
    unfinished_end,
    units,
    visible,
)
from bot.replies.work.text_table import TABLE_WIDTH, cut_to
from bot.replies.work.text_table import code_block as lines_block
from bot.tables import table_of_texts
from bot.text.characters import CURSOR
from tests.fuzz.choices import Choices
from tests.fuzz.invariants import UNSEEN, assert_block, assert_literal
from tests.fuzz.target import by_name

LANGUAGES = ("", "py", "md")
_ESCAPED = regex.compile(r"\\([!-/:-@\[-`{-~])|@\u200b")


def escaping(choices: Choices) -> None:
    """A text is shown literally, in whole and cut to any length."""
    text = choices.text()
    assert_literal(escape(text))
    assert _ESCAPED.sub(lambda found: found[1] or "@", escape(text)) == visible(text)
    limit = choices.number(8, 80)
    for style in (escape, bold, quoted):
        shown, whole = fit(text, limit, style)
        assert units(shown) <= limit
        assert whole is (units(style(text)) <= limit)
        assert_literal(shown.removeprefix("> ").replace("\n> ", "\n").removeprefix("**").removesuffix("**"))
    end = unfinished_end(text, limit)
    assert units(end) <= limit
    assert_literal(end.removesuffix(CURSOR))


def pieces(choices: Choices) -> None:
    """A quoted text in pieces has the same words as the text, and none of it formats but what is bold."""
    first, second = choices.text(), choices.text()
    style = in_pieces([(first, bold), (second, inside_quote)])
    shown, _ = fit(first + second, choices.number(20, 200), style)
    assert not UNSEEN.search(shown)
    assert listed([escape(first) or "x", escape(second) or "x"], 100)


def blocks(choices: Choices) -> None:
    """Nothing in a code block or a code span ends it."""
    text, language = choices.text(), choices.one_of(LANGUAGES)
    style = code_block(language)
    assert_block(style(text), language)
    assert holds_fence(text) is ("```" in visible(text))
    limit = choices.number(40, 120)
    shown, _ = fit(text, limit, style)
    assert units(shown) <= limit
    assert_block(shown, language)
    span = code_span(text, limit)
    assert span.count("`") == 2
    assert span[0] == span[-1] == "`"
    assert len(span) > 2
    assert "\n" not in span
    assert not UNSEEN.search(span)
    assert_block(lines_block(text.split("\n")))
    assert_block(lines_block([cut_to(" ".join(text.split()), TABLE_WIDTH)]))


def terminals(choices: Choices) -> None:
    """Nothing in a table is obeyed by a terminal, and a log line in JSON is one line."""
    text = choices.text()[:500]
    written = io.StringIO()
    Console(file=written, width=choices.number(30, 100), color_system=None).print(
        table_of_texts([text], [(text,)], text)
    )
    assert not UNSEEN.search(written.getvalue()), ascii(written.getvalue())
    record = logging.LogRecord("bot.x", logging.INFO, "", 0, "%s", (text,), None)
    line = JsonLines().format(record)
    assert "\n" not in line
    assert json.loads(line)["event"] == text


TARGETS = by_name(escaping, pieces, blocks, terminals)
