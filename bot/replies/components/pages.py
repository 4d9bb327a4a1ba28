"""A menu of pages, with buttons to the next and the previous one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import discord

from bot.inference.requests import Request
from bot.locales.message import _, in_context, later
from bot.replies.components.buttons import LONGEST_LABEL, MOST_OPTIONS, Action
from bot.replies.components.press import Component, Item
from bot.replies.formatting.text import fit, visible

TURN_PAGE = Action("page", later("Another page"))
"""Its detail is the number of the page, from 0."""
SHOW_VARIANT = Action("variant", later("Another view of the page"))
"""Its detail is a `ChosenVariant`."""
LONGEST_OPTION = 100
BEFORE = "map"
"""Stands for what comes before the first page, whose number is -1."""
# Translators: the first option of a menu of views of a page, such as at another temperature: the page without a change.
AS_IT_IS = later("As it is")

View = discord.ui.View


@dataclass(frozen=True)
class Pages:
    """The pages about a request: their names, and the number of the current one, from 0."""

    request: Request[object]
    names: tuple[str, ...]
    current: int
    variants: tuple[str, ...] = ()
    """Other views of the current page."""
    variant: int | None = None
    """The one that is shown; None for the page itself."""
    first: int = 0
    """The number of the first name: below 0 for what stands before the pages."""

    def items(self, request_id: str) -> Iterator[Item]:
        """Yield a menu of all pages, and the buttons Back and Next; nothing for a single page."""
        if len(self.names) < 2:
            return
        yield PageMenu.of(self, request_id)
        if self.variants:
            yield VariantMenu.of(self, request_id)
        if self.current > self.first:
            # Translators: the label of a button that leads to the page before.
            back = in_context("page", "Back")
            yield PageButton.of(request_id, self.current - 1, back, discord.ButtonStyle.secondary)
        if (index := self.current - self.first + 1) < len(self.names):
            following = fit(self.names[index], 60, visible)[0]
            # Translators: the label of a button that leads to the next page, whose name may have 60 characters: {page}.
            # At most 20 characters of your own.
            label = _("Next: {page}", page=following)
            yield PageButton.of(request_id, self.current + 1, label, discord.ButtonStyle.primary)


class PageMenu(Component[discord.ui.Select[View]], template=r"glassbox-pages:(?P<request_id>[\w-]+)"):
    """A menu of pages."""

    action = TURN_PAGE.name

    @classmethod
    def of(cls, pages: Pages, request_id: str) -> PageMenu:
        """Make a menu of all pages, or of those around the current one if there are too many."""
        current = pages.current - pages.first
        first = max(0, min(current - MOST_OPTIONS // 2, len(pages.names) - MOST_OPTIONS))
        menu: discord.ui.Select[View] = discord.ui.Select(custom_id=f"glassbox-pages:{request_id}")
        for page, name in list(enumerate(pages.names, pages.first))[first : first + MOST_OPTIONS]:
            label = fit(f"{page + 1}  {name}", LONGEST_OPTION, visible)[0]
            menu.add_option(label=label, value=_value(page), default=page == pages.current)
        return cls(menu)

    @property
    def detail(self) -> int:
        return _number(self.item.values[0]) if self.item.values else 0


class PageButton(
    Component[discord.ui.Button[View]], template=r"glassbox-page:(?P<page>map|\d{1,4}):(?P<request_id>[\w-]+)"
):
    """A button to one page."""

    action = TURN_PAGE.name

    @classmethod
    def of(cls, request_id: str, page: int, label: str, style: discord.ButtonStyle) -> PageButton:
        """Make a button."""
        custom_id = f"glassbox-page:{_value(page)}:{request_id}"
        shown = fit(label, LONGEST_LABEL, visible)[0]
        return cls(discord.ui.Button(label=shown, style=style, custom_id=custom_id))

    @property
    def detail(self) -> int:
        return _number(self.fields["page"])


def _value(page: int) -> str:
    return BEFORE if page < 0 else str(page)


def _number(value: str) -> int:
    return -1 if value == BEFORE else int(value)


@dataclass(frozen=True)
class ChosenVariant:
    """A page's number, and the index of its variant; None for the page itself."""

    page: int
    variant: int | None


class VariantMenu(
    Component[discord.ui.Select[View]], template=r"glassbox-variant:(?P<page>\d{1,4}):(?P<request_id>[\w-]+)"
):
    """A menu of the views of a page, such as a distribution at several temperatures."""

    action = SHOW_VARIANT.name

    @classmethod
    def of(cls, pages: Pages, request_id: str) -> VariantMenu:
        """Make the menu of the current page."""
        custom_id = f"glassbox-variant:{pages.current}:{request_id}"
        menu: discord.ui.Select[View] = discord.ui.Select(custom_id=custom_id)
        for index, name in enumerate((str(AS_IT_IS), *pages.variants)):
            value = "page" if not index else str(index - 1)
            is_shown = pages.variant == (index - 1 if index else None)
            menu.add_option(label=fit(name, LONGEST_OPTION, visible)[0], value=value, default=is_shown)
        return cls(menu)

    @property
    def detail(self) -> ChosenVariant:
        chosen = self.item.values[0] if self.item.values else "page"
        return ChosenVariant(int(self.fields["page"]), int(chosen) if chosen.isdecimal() else None)
