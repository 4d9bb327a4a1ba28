"""Texts that nobody means well, or that nobody has thought of; and what Discord takes of a message that shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import regex

from tests.protocol.components import walk
from tests.protocol.embeds import check_embeds
from tests.protocol.faults import Faults
from tests.protocol.messages import MOST_CONTENT

LINK = "https://evil.example"
ODD: Mapping[str, str] = {
    "empty": "",
    "blank": " \t\u3000",
    "zero width": "\u200b\u2060\u200d\ufeff",
    "emoji": "😀",
    "family": "👩\u200d👩\u200d👧\u200d👦 and 👍🏽 in 🇩🇪",
    "sticker": "<:apple:123456789012345678>",
    "zalgo": "Z" + "\u0301\u0323\u0336" * 40 + "algo",
    "right to left": "שלום عليكم abc",
    "override": "abc\u202edef\u2066ghi",
    "hidden": "a\u200bb\u2060c\u00add\ufeffe",
    "half characters": "a\ud83d b\udc00 c",
    "controls": "a\0b\x07c\x1b[31mred\x1b[0m",
    "everyone": "@everyone @here and @\u200beveryone",
    "mentions": "<@123456789012345678> <@!1> <@&12> <#12> </help:12> <t:1:R>",
    "masked link": f"[click]({LINK}) [x](<{LINK}>) discord.gg/abc {LINK}",
    "fence": "```py\nx = 1\n``` `a` ``` end",
    "nested": "***__~~||`a` b||~~__*** \\* \\\\*",
    "blocks": "# heading\n> quote\n>>> all\n- one\n1. two\n-# small",
    "formula": "=1+1",
    "command": "@SUM(A1)|cmd",
    "quotes": '"a", \'b\', “c”; "',
    "breaks": "a\rb\r\nc\nd\x0be\x85f\u2028g",
}
"""By what is odd about them."""
NASTY: Mapping[str, str] = {
    "spelt mentions": "@everyone @\u2060here <@1> <@!12> <@&1> <#1> < @1> <@\u200b1> \\<@1> \\\\<@12> `<@1>` <<@1>>",
    "wide mentions": "\uff20everyone @\u0435veryone \uff1c@1\uff1e @everyone\u202e",
    "quoted mentions": "> @everyone\n>>> <@1>\n||<@12>|| **@here** [@here](https://evil.example)",
    "broken out of a span": "``` `` ` <@1> ` `` ``` `@everyone`` <@12>",
    "bidirectional": "a\u202eb\u202dc\u2066d\u2067e\u2068f\u2069g\u061ch\u200fi",
    "invisible": "a\u00ad\u034f\u115f\u180e\u3164\U000e0041\u2800z",
    "fences in fences": "```\n```py\n~~~\n````\nx\n````\n```\n``````",
    "half a fence": "``",
    "a fence's end": "x\n```\n# Free\n[click](https://evil.example)\n```",
    "backslashes": "\\" * 7 + "`" * 3 + "\\" * 3 + "*",
    "spoilers": "||" * 9 + "a||b|| ||||",
    "large": "# one\n## two\n### three\n-# small\n# <@1>",
    "links": "[click]( <https://evil.example> 'x') [x](https://evil.example\n) <https://evil.example> https://evil.example",
    "times": "<t:1:R> <t:-1> <id:customize> <a:b:12> </help:12> <:apple:12>",
    "terminal": "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b31m\x1b]8;;https://evil.example\x1b\\x\x1b]8;;\x1b\\ \x08\x08",
    "cells": '=1\n+1\n-1\n@SUM(1)\n\t=1\n\r=1\n\uff1d1\n=cmd|\' /C calc\'!A0\n=DDE("a";"b")',
    "zalgo word": ("Z" + "\u0301\u0323\u0336\u20dd" * 30) * 20,
    "lone halves": "\ud800 \udfff \udfff\ud800",
    "nul": "\0" * 9 + "a\0",
    "megabyte word": "w" * 1_000_000,
}
"""What a model may write, or a checkpoint call its labels, to harm those who read it."""
LONG: Mapping[str, str] = {"one word": "a" * 4_000, "6,000 characters": "I love apples. " * 400, "astral": "𝕏" * 4_000}

_LIVE = regex.compile(
    rf"""@(?:everyone|here)                     # a zero-width space makes these inert
    | (?<!\\)<(?:@[!&]?|\#|/\w+:)(?:1|12|123456789012345678)>
    | {LINK}                                     # a colon that is escaped is no link
    | (?<!\\)\[(?:click|x)\]\(
    """,
    regex.VERBOSE,
)
_UNSEEN = regex.compile(r"[\p{Cs}\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


@contextmanager
def taken() -> Iterator[Faults]:
    """Assert that Discord takes what the body of the `with` checks."""
    found = Faults()
    yield found
    assert not found.found, list(map(str, found.found))


def check_embed(embed: Mapping[str, Any]) -> None:
    """Assert that Discord takes an embed, and that nothing in it pings, links or hides."""
    with taken() as found:
        check_embeds(found, [dict(embed)], None)
    for text in _said(embed):
        assert_inert(text)


def check_sentence(sentence: str) -> None:
    """Assert the same of a message of these words."""
    with taken() as found:
        found.measure("content", sentence, MOST_CONTENT, filled=True)
    assert_inert(sentence)


def check_body(body: Mapping[str, Any]) -> None:
    """Assert that nothing in a message or a modal pings, links or hides. The scene's end checks if Discord takes it."""
    data = body.get("data") or body
    texts = [data.get("content") or ""]
    texts += [text for embed in data.get("embeds") or () for text in _said(embed)]
    texts += [part.get("content", "") for part in walk(data.get("components") or ())]
    for text in texts:
        assert_inert(text)


def assert_inert(text: str) -> None:
    """Assert that Markdown holds none of the odd texts as it was typed, if that would do something."""
    assert not _UNSEEN.search(text), ascii(_UNSEEN.search(text))
    outside = regex.sub(r"```.*?```|(?<!\\)`[^`\n]+`", "", text, flags=regex.DOTALL)
    assert not _LIVE.search(outside), outside


def _said(embed: Mapping[str, Any]) -> Iterator[str]:
    yield from (embed[key] for key in ("title", "description") if embed.get(key))
    yield (embed.get("footer") or {}).get("text") or ""
    for field in embed.get("fields", ()):
        yield from (field["name"], field["value"])
