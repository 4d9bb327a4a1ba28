"""Texts that nobody means well, or that nobody has thought of; and what Discord takes of a message that shows them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import regex

from bot.replies.formatting.text import units

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
LONG: Mapping[str, str] = {"one word": "a" * 4_000, "6,000 characters": "I love apples. " * 400, "astral": "𝕏" * 4_000}

_LIVE = regex.compile(
    rf"""@(?:everyone|here)                     # a zero-width space makes these inert
    | (?<!\\)<(?:@[!&]?|\#|/\w+:)\d*(?:1|12|123456789012345678)>
    | {LINK}                                     # a colon that is escaped is no link
    | (?<!\\)\[(?:click|x)\]\(
    """,
    regex.VERBOSE,
)
_UNSEEN = regex.compile(r"[\p{Cs}\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069]")
_LIMITS = {"title": 256, "description": 4_096, "name": 256, "value": 1_024, "text": 2_048, "content": 4_000}
_LABELS = {2: 80, 3: 150}


def check_embed(embed: Mapping[str, Any]) -> None:
    """Assert that Discord takes an embed, and that nothing in it pings, links or hides."""
    said = list(_said(embed))
    for key, text in said:
        assert units(text) <= _LIMITS[key], (key, units(text))
        assert_inert(text)
    assert sum(units(text) for _, text in said) <= 6_000
    assert len(embed.get("fields", ())) <= 25
    assert all(field["name"].strip() and field["value"].strip() for field in embed.get("fields", ()))


def check_message(body: Mapping[str, Any]) -> None:
    """Assert the same of the body of a message or of a modal that is sent to Discord."""
    data = body.get("data") or body
    if content := data.get("content"):
        assert units(content) <= 2_000
        assert_inert(content)
    for embed in data.get("embeds") or ():
        check_embed(embed)
    assert units(data.get("title") or "") <= 45
    parts = list(_components(data.get("components") or ()))
    assert sum(units(part.get("content", "")) for part in parts) <= 4_000
    for part in parts:
        assert_inert(part.get("content", ""))
        if part.get("label"):
            assert 0 < units(part["label"].strip()) <= _LABELS.get(part.get("type", 0), 100)
        assert len(part.get("options") or ()) <= 25
        for option in part.get("options") or ():
            assert 0 < units(option["label"].strip()) <= 100


def assert_inert(text: str) -> None:
    """Assert that Markdown holds none of the odd texts as it was typed, if that would do something."""
    assert not _UNSEEN.search(text), ascii(_UNSEEN.search(text))
    outside = regex.sub(r"```.*?```|(?<!\\)`[^`\n]+`", "", text, flags=regex.DOTALL)
    assert not _LIVE.search(outside), outside


def _said(embed: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((key, embed[key]) for key in ("title", "description") if embed.get(key))
    if (embed.get("footer") or {}).get("text"):
        yield "text", embed["footer"]["text"]
    for field in embed.get("fields", ()):
        yield from ((key, field[key]) for key in ("name", "value"))


def _components(parts: Any) -> Iterator[Mapping[str, Any]]:
    for part in parts:
        yield part
        yield from _components(part.get("components") or ())
        for one in (part.get("component"), part.get("accessory")):
            if one:
                yield from _components([one])
