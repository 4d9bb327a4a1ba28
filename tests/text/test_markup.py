from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.text.markup import markup
from tests.tangled import TANGLED


@pytest.mark.parametrize(
    "hidden",
    [
        "<:KappaPride:223456789012345678>",
        "<a:Dance:223456789012345678>",
        "<@123>",
        "<@!123>",
        "<@&123>",
        "<#123>",
        "</Play song:123>",
        "<t:1618953630>",
        "<t:1618953630:R>",
        "<id:Guide>",
        ":Kappa:",
        ":+1:",
        "https://Example.com/Albert_Einstein?x=(1)#Top",
        "www.Example.com",
        "discord.gg/Kappa",
        "<https://Example.com/Ann>",
        "example.com",
        "https://en.wikipedia.org/wiki/Cat_(animal)",
        "Ann.Lee+x@Example.co.uk",
        "@Ann",
        "`Import-Module Foo`",
        "``Foo ` Bar``",
        "```py\nclass Ann: ...\n```",
    ],
)
def test_what_is_no_prose(hidden: str) -> None:
    text = f"Ann {hidden} Bob"
    assert [text[slice(*place)] for place in markup(text).spans] == [hidden]


@pytest.mark.parametrize(
    "text",
    [
        "Ann: Bob at 12:30:45, and 3 < 4 > 2",
        "Paris/London, and/or Amazon.com",
        "a `tick and **bold** ||Ann||",
        "I @ home",
    ],
)
def test_what_is_prose(text: str) -> None:
    assert markup(text).spans == ()


@pytest.mark.parametrize(
    "text", ["See https://a.b/Ann.html. Bob", "(see www.a.b/Ann)", "https://a.b/Ann, Bob", "a.de/Ann?"]
)
def test_punctuation_behind_a_link_is_the_sentences(text: str) -> None:
    [link] = markup(text).spans
    assert text[slice(*link)].endswith(("Ann", "Ann.html"))


def test_a_masked_links_text_is_prose() -> None:
    text = "[Ann Lee](https://Example.com/Bob)"
    assert not markup(text).touches(0, 9)
    assert markup(text).touches(text.index("Bob"), text.index("Bob") + 3)


@given(TANGLED, st.integers(0, 30), st.integers(0, 10))
def test_any_text(text: str, start: int, length: int) -> None:
    found = markup(text)
    borders = [border for place in found.spans for border in place]
    assert borders == sorted(borders)
    end = start + length
    inside = {character for place in found.spans for character in range(*place)}
    assert found.touches(start, end) == bool(inside & set(range(start, end)))
