"""Show the work for people of several languages: in a made-up locale that marks what is translated."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bot.locales.current import written_in
from bot.pictures.picture import Picture
from bot.replies.reply import SHORTENED, Reply
from bot.replies.work import pictures
from bot.replies.work.blocks import plain_page
from bot.replies.work.numbers import written
from bot.tasks.work.blocks import Page
from bot.tasks.work.pages import explanation
from bot.tasks.work.texts import LanguageName
from bot.tasks.work.wording import later
from tests.locales.pseudo import marked, unmarked
from tests.replies.test_work import sample, shown

WORD = "qqq"
"""Stands where people's and models' words can stand."""
SIGNS = {"id", "p", "log p", "e^z", "e^-z", "e^", "max", "cos", "v", "u", "w", "h1", "tiny · cpu float32"}
"""Of calculations and of the checkpoint, the same in all languages."""
NOT_OURS = {
    "CLS",
    "lov",
    "ing",
    "POSITIVE",
    "NEGATIVE",
    "B-PER",
    "LOC",
    "ORG",
    "PER",
    "neu",
    "ent",
    "model type",
    "window 2",
}
"""Tokens and labels of the sample, which are in no language."""


def words_outside(text: str) -> list[str]:
    """Return the words of a text that were not translated."""
    whole = re.sub(r"(?m)^> .*$", "", text).replace(str(SHORTENED), "")
    rest = re.sub(r"⟦[^⟦⟧\n]*…", "", unmarked(whole))  # a column was too narrow for a mark
    for known in sorted(SIGNS | NOT_OURS, key=len, reverse=True):
        rest = re.sub(rf"(?<![A-Za-z]){re.escape(known)}(?![A-Za-z])", "", rest)
    return [one for one in re.findall(r"[A-Za-z]{2,}", rest) if WORD not in one]


def texts_of(reply: Reply) -> Iterator[str]:
    """Yield what people read of a reply, but for the buttons that all pages have."""
    yield from filter(None, (reply.embed.title, reply.embed.description, reply.embed.footer.text))
    items: Any = reply.pages.items("id") if reply.pages else ()
    for one in items:
        item = one.item
        options = [] if not hasattr(item, "options") or "glassbox-variant" in item.custom_id else item.options
        yield from filter(None, (getattr(item, "placeholder", ""), *(one.description for one in options)))
        yield from (one.label for one in options)


def is_about_names(one: Page) -> bool:
    """Return whether a page quotes the questions or prompts of a model, which are in English."""
    return any(words in str(one) for words in ("an organization", "The neutral text:"))


@pytest.mark.parametrize("number", range(len(sample(WORD))))
def test_nothing_on_a_page_stays_english(number: int) -> None:
    with marked():
        pages = sample(WORD)
        if is_about_names(pages[number]):
            pytest.skip("it quotes prompts")
        said = [*texts_of(shown(*pages, number=number)), plain_page(explanation(*pages).pages[number])]

    assert "⟦" in said[0]
    assert not [(word, text) for text in said for word in words_outside(text)]


def test_no_alt_text_stays_english() -> None:
    with marked():
        drawn = [pictures.draw(view.picture) for page in sample(WORD) for view in views(page) if view.picture]

    assert len(drawn) > 20
    assert not [(word, one.alt) for one in drawn for word in words_outside(one.alt)]


def views(page: Page) -> Iterator[Any]:
    yield page
    yield from page.variants


def test_people_of_two_languages_read_the_same_explanation() -> None:
    """It is computed once, and shared."""
    pages = sample("word")
    english = [plain_page(page) for page in pages]
    with written_in("de"):
        german = [plain_page(page) for page in pages]

    assert english == [plain_page(page) for page in pages]
    assert german != english
    number = next(index for index, text in enumerate(english) if "e^z" in text)
    assert "1.649" in english[number]
    assert "1,649" in german[number]


def test_languages_have_their_names_in_the_readers() -> None:
    told = later("It is {language}.", language=LanguageName("de"))

    assert written(told) == "It is German."
    with written_in("fr"):
        assert written(told) == "It is allemand."


@pytest.mark.parametrize("locale", ["de", "ja", "hi", "ar"])
def test_pictures_are_drawn_in_every_language(locale: str) -> None:
    with written_in(locale):
        drawn: list[Picture] = [pictures.draw(page.picture) for page in sample("word") if page.picture]
    assert all(one.png.startswith(b"\x89PNG") and 0 < len(one.alt) <= 1024 for one in drawn)
