"""A menu of the words that a model wrote: the page then shows what made it write the chosen one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import discord

from bot.inference.requests import Request
from bot.locales.message import _, later
from bot.replies.components.buttons import MOST_OPTIONS, Action
from bot.replies.components.pages import LONGEST_OPTION, Pages
from bot.replies.components.parts import part_of, turned_to
from bot.replies.components.press import Component, Item
from bot.replies.formatting.text import fit, visible
from bot.replies.work.numbers import decimal, signed, written
from bot.tasks.work.blocks import WrittenShares
from bot.tasks.work.written_shares import by_interest, named

CHOOSE_WORD = Action("written-word", later("What made it write a word"))
"""Its detail is the chosen `WrittenView`."""
# Translators: stands in a menu in which nothing is chosen; at most 150 characters.
PLACEHOLDER = later("Choose a written word to see what made it")
ALL_WORDS = "all"
ROOM = MOST_OPTIONS - 1
"""Options of a menu besides the one for all words together."""

View = discord.ui.View


@dataclass(frozen=True)
class WrittenView:
    """What is shown of a page: one of its written words, and which of them its menu has."""

    page: int
    """From 0."""
    word: int | None = None
    """Index among the written words; None for all of them together."""
    first: int = 0
    """Of the words by interest, the first that the menu has."""


@dataclass(frozen=True)
class WrittenMenus:
    """The menu and buttons of pages, and below them the menu of written words."""

    pages: Pages
    shares: WrittenShares
    view: WrittenView

    @property
    def request(self) -> Request[object]:
        """The request of the pages."""
        return self.pages.request

    def items(self, request_id: str) -> Iterator[Item]:
        """Yield all items, in order."""
        yield from self.pages.items(request_id)
        if self.shares.words:
            yield WrittenMenu.of(self.shares, self.view, request_id)


class WrittenMenu(
    Component[discord.ui.Select[View]],
    template=r"glassbox-written:(?P<page>\d{1,4})\.(?P<word>all|\d{1,5})\.(?P<first>\d{1,5}):(?P<request_id>[\w-]+)",
):
    """The menu as Discord knows it. Its custom id has the current view, of which an option changes a part."""

    action = CHOOSE_WORD.name

    @classmethod
    def of(cls, shares: WrittenShares, view: WrittenView, request_id: str) -> WrittenMenu:
        """Make a menu of the words, first those to which the text makes the largest difference."""
        word = ALL_WORDS if view.word is None else view.word
        custom_id = f"glassbox-written:{view.page}.{word}.{view.first}:{request_id}"
        options = list(_options(shares, view))
        return cls(discord.ui.Select(custom_id=custom_id, options=options, placeholder=str(PLACEHOLDER)))

    @property
    def detail(self) -> WrittenView:
        word = None if self.fields["word"] == ALL_WORDS else int(self.fields["word"])
        view = WrittenView(int(self.fields["page"]), word, int(self.fields["first"]))
        if (first := turned_to(self.item.values[0])) is not None:
            return replace(view, first=first)
        kind, _, number = self.item.values[0].partition(":")
        return replace(view, word=int(number) if kind == "word" else None)


def _options(shares: WrittenShares, view: WrittenView) -> Iterator[discord.SelectOption]:
    order = by_interest(shares)
    part = part_of(len(order), view.first, ROOM)
    if view.word is not None:
        # Translators: an option of a menu, at most 100 characters.
        yield discord.SelectOption(label=_("All written words together"), value=ALL_WORDS)
    for index in order[part.first : part.end]:
        yield discord.SelectOption(
            label=fit(f"{index + 1}  {written(named(shares.words[index]))}", LONGEST_OPTION, visible)[0],
            value=f"word:{index}",
            description=_described(shares, index),
            default=index == view.word,
        )
    yield from part.turns("words")


def _described(shares: WrittenShares, index: int) -> str:
    start, end = shares.start[index], shares.end[index]
    # Translators: below an option of a menu: what a text adds to the logarithm of a word's probability.
    return _(
        "{added}: log p from {start} to {end}",
        added=signed(end - start, 2),
        start=decimal(start, 2),
        end=decimal(end, 2),
    )
