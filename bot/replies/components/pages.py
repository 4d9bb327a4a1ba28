"""Leafing through an answer of several pages. Like the buttons, a menu holds nothing but an id and a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import discord

from bot.inference.requests import Request
from bot.replies.components.buttons import MOST_OPTIONS
from bot.replies.components.items import Counted
from bot.replies.formatting.text import fit, visible

LONGEST_OPTION = 100

View = discord.ui.View
ANY_PAGE = r"glassbox-pages:(?P<identity>[\w-]+)"
ONE_PAGE = r"glassbox-page:(?P<page>\d{1,4}):(?P<identity>[\w-]+)"


@dataclass(frozen=True)
class Turn:
    """Somebody wants to see a page.

    Attributes:
        identity: of the kept request that the pages are about.
        page: its number, from 0.
    """

    identity: str
    page: int


@dataclass(frozen=True)
class Pages:
    """Which of several pages is shown.

    Attributes:
        request: what they are about.
        names: of all of them.
        current: the number of the one that is shown, from 0.
    """

    request: Request[Any]
    names: tuple[str, ...]
    current: int

    def items(self, identity: str) -> Iterator[discord.ui.Item[Any]]:
        """A menu of all pages, and a button to the one before and to the next; nothing where there is one page.

        Args:
            identity: of the kept request.
        """
        if len(self.names) < 2:
            return
        yield PageMenu.of(self, identity)
        if self.current > 0:
            yield PageButton.of(Turn(identity, self.current - 1), "Back", discord.ButtonStyle.secondary)
        if self.current + 1 < len(self.names):
            following = fit(self.names[self.current + 1], 60, visible)[0]
            yield PageButton.of(Turn(identity, self.current + 1), f"Next: {following}", discord.ButtonStyle.primary)


class PageMenu(Counted, discord.ui.DynamicItem[discord.ui.Select[View]], template=ANY_PAGE):
    """A menu of pages."""

    def __init__(self, menu: discord.ui.Select[View], identity: str) -> None:
        super().__init__(menu)
        self.identity = identity

    @classmethod
    def of(cls, pages: Pages, identity: str) -> PageMenu:
        """A new menu. Where there are more pages than it can hold, it has those around the current one."""
        first = max(0, min(pages.current - MOST_OPTIONS // 2, len(pages.names) - MOST_OPTIONS))
        menu: discord.ui.Select[View] = discord.ui.Select(custom_id=f"glassbox-pages:{identity}")
        for page, name in list(enumerate(pages.names))[first : first + MOST_OPTIONS]:
            label = fit(f"{page + 1}  {name}", LONGEST_OPTION, visible)[0]
            menu.add_option(label=label, value=str(page), default=page == pages.current)
        return cls(menu, identity)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> PageMenu:
        assert isinstance(item, discord.ui.Select)
        return cls(item, match["identity"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        chosen = self.item.values
        await interaction.client.turned(interaction, Turn(self.identity, int(chosen[0]) if chosen else 0))


class PageButton(Counted, discord.ui.DynamicItem[discord.ui.Button[View]], template=ONE_PAGE):
    """A button to one page."""

    def __init__(self, button: discord.ui.Button[View], turn: Turn) -> None:
        super().__init__(button)
        self.turn = turn

    @classmethod
    def of(cls, turn: Turn, label: str, style: discord.ButtonStyle) -> PageButton:
        """A new button."""
        custom_id = f"glassbox-page:{turn.page}:{turn.identity}"
        button: discord.ui.Button[View] = discord.ui.Button(label=label, style=style, custom_id=custom_id)
        return cls(button, turn)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> PageButton:
        assert isinstance(item, discord.ui.Button)
        return cls(item, Turn(match["identity"], int(match["page"])))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.client.turned(interaction, self.turn)
