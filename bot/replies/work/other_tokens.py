"""Menus under a written text: a place at which the model was unsure, and another token to go on from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import discord

from bot.inference.requests import Request
from bot.locales import numbers
from bot.locales.message import _, later
from bot.replies.components.buttons import MOST_OPTIONS, Action
from bot.replies.components.pages import LONGEST_OPTION, Pages
from bot.replies.components.parts import part_of, turned_to
from bot.replies.components.press import Component, Item
from bot.replies.formatting.text import fit, visible
from bot.replies.work.numbers import percent, token_text
from bot.tasks.work.other_tokens import OtherToken, Place, Places

SHOW_PLACE = Action("place", later("Another place"))
"""Its detail is a `ShownPlace`."""
TAKE_TOKEN = Action("token", later("Another token"))
"""Its detail is a `TakenToken`."""
TOKEN = 60
"""Units of a token in a label."""
LONGEST_PLACEHOLDER = 150
# Translators: stands in a menu in which nothing is chosen; at most 150 characters.
PLACEHOLDER = later("Choose a place of the text")
"""Shown where the menu has other places than the current one."""

Menu = discord.ui.Select[discord.ui.View]


@dataclass(frozen=True)
class ShownPlace:
    """What is shown of a page with the places of a text."""

    page: int
    """Its number, from 0."""
    place: int | None
    """The number of the place, from 1; None for the most uncertain one."""
    first: int = 0
    """Of the places by uncertainty, the first that the menu has."""


@dataclass(frozen=True)
class TakenToken:
    """The index of a text of an answer, the number of a place of it, from 1, and the id of the token to take there."""

    text: int
    place: int
    token: int


@dataclass(frozen=True)
class PlaceMenus:
    """The menus of pages, of which the current one has a text that can go on from another token."""

    pages: Pages
    places: Places
    place: Place
    """The current one."""
    first: int = 0
    """As of `ShownPlace`."""

    @property
    def request(self) -> Request[object]:
        """The request of the pages."""
        return self.pages.request

    def items(self, request_id: str) -> Iterator[Item]:
        """Yield those of the pages, a menu of the places, and one of the tokens at the current place."""
        yield from self.pages.items(request_id)
        yield PlaceMenu.of(self, request_id)
        yield TokenMenu.of(self, request_id)


class PlaceMenu(
    Component[Menu],
    template=r"glassbox-places:(?P<page>\d{1,4})(?:\.(?P<place>\d{1,4})\.(?P<first>\d{1,4}))?:(?P<request_id>[\w-]+)",
):
    """A menu of places, the most uncertain first. Its custom id has what is shown, in earlier versions the page."""

    action = SHOW_PLACE.name

    @classmethod
    def of(cls, shown: PlaceMenus, request_id: str) -> PlaceMenu:
        """Make the menu."""
        view = f"{shown.pages.current}.{shown.place.number}.{shown.first}"
        menu: Menu = discord.ui.Select(custom_id=f"glassbox-places:{view}:{request_id}", placeholder=str(PLACEHOLDER))
        part = part_of(len(shown.places.places), shown.first, MOST_OPTIONS)
        for one in shown.places.places[part.first : part.end]:
            menu.add_option(
                label=fit(_at(one), LONGEST_OPTION, visible)[0],
                description=fit(_unsure(one.bits), LONGEST_OPTION, visible)[0],
                value=str(one.number),
                default=one is shown.place,
            )
        menu.options += part.turns("places")
        return cls(menu)

    @property
    def detail(self) -> ShownPlace:
        chosen, place = self.item.values[0], self.fields["place"]
        view = ShownPlace(int(self.fields["page"]), int(place) if place else None, int(self.fields["first"] or 0))
        first = turned_to(chosen)
        return replace(view, place=int(chosen)) if first is None else replace(view, first=first)


class TokenMenu(
    Component[Menu],
    template=r"glassbox-tokens:(?P<text>\d{1,2}):(?P<place>\d{1,4}):(?P<request_id>[\w-]+)",
):
    """A menu of the likeliest other tokens at a place."""

    action = TAKE_TOKEN.name

    @classmethod
    def of(cls, shown: PlaceMenus, request_id: str) -> TokenMenu:
        """Make the menu."""
        place = shown.place
        # A phone shows the start, and Discord says the rest aloud.
        # Translators: stands in a menu of tokens; at most 60 characters besides {token}.
        instead = _(
            "Instead of {number}, {token}: take another token, and go on from there",
            number=place.number,
            token=_named(place.taken),
        )
        menu: Menu = discord.ui.Select(
            custom_id=f"glassbox-tokens:{shown.places.text}:{place.number}:{request_id}",
            placeholder=fit(instead, LONGEST_PLACEHOLDER, visible)[0],
        )
        for one in place.others:
            menu.add_option(label=_named(one), value=str(one.token.id))
        return cls(menu)

    @property
    def detail(self) -> TakenToken:
        return TakenToken(int(self.fields["text"]), int(self.fields["place"]), int(self.item.values[0]))


def _at(place: Place) -> str:
    # Translators: an option of a menu, at most 30 characters besides {token}, which has its probability behind it.
    return _("At token {number}: {token}", number=place.number, token=_named(place.taken))


def _unsure(bits: float) -> str:
    # Translators: below an option of a menu, at most 100 characters: the entropy of a prediction, and what it means.
    return _(
        "{bits} bits: as unsure as among {number} equal tokens",
        bits=numbers.decimal(bits, 2),
        number=numbers.whole(max(round(2**bits), 1)),
    )


def _named(one: OtherToken) -> str:
    """Write a token with its probability."""
    return f"{fit(token_text(one.token), TOKEN, visible)[0]}  {percent(one.probability)}"
