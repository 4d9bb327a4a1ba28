"""Buttons under answers. They hold nothing but the id of a kept request, so they work after a restart of the bot."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import discord

from bot.inference.requests import Request
from bot.replies.components.items import Counted

log = logging.getLogger(__name__)

MOST_OPTIONS = 25
"""Of one menu."""


@dataclass(frozen=True)
class Action:
    """What a button does.

    Attributes:
        name: in the custom ids of buttons that are out there: it never changes.
        label: what the button says.
    """

    name: str
    label: str
    style: discord.ButtonStyle = discord.ButtonStyle.secondary


STOP = Action("stop", "Stop", discord.ButtonStyle.danger)


@dataclass(frozen=True)
class Offer:
    """A button to be: an action, and the request that it is done with.

    Attributes:
        label: instead of the action's own.
    """

    action: Action
    request: Request[Any]
    label: str | None = None


class RequestButton(
    Counted,
    discord.ui.DynamicItem[discord.ui.Button[discord.ui.View]],
    template=r"glassbox:(?P<action>[a-z-]+):(?P<identity>[\w-]+)",
):
    """A button whose custom id says all. What it does is the client's business (see `Glassbox.pressed`)."""

    def __init__(self, button: discord.ui.Button[discord.ui.View], action: str, identity: str) -> None:
        super().__init__(button)
        self.action = action
        self.identity = identity

    @classmethod
    def of(cls, action: Action, identity: str, label: str | None = None) -> RequestButton:
        """A new button for a kept request."""
        custom_id = f"glassbox:{action.name}:{identity}"
        button: discord.ui.Button[discord.ui.View] = discord.ui.Button(
            label=label or action.label, style=action.style, custom_id=custom_id
        )
        return cls(button, action.name, identity)

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction[Any], item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> RequestButton:
        assert isinstance(item, discord.ui.Button)
        return cls(item, match["action"], match["identity"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        await interaction.client.pressed(interaction, self.action, self.identity)


def view_of(offers: Mapping[Offer, str], further: Iterable[discord.ui.Item[Any]] = ()) -> discord.ui.View | None:
    """The buttons and menus of a message; None for none. The client keeps no trace of them.

    Every message's are built here, because Discord refuses a whole message, answer included, where two custom ids are
    equal, two options of a menu have the same value, or there is no room. Of equal ones, the first is shown.

    Args:
        offers: each with the id of its request.
        further: dynamic items, which come first.
    """
    view = discord.ui.View(timeout=None)
    buttons = (RequestButton.of(offer.action, identity, offer.label) for offer, identity in offers.items())
    seen: set[str] = set()
    for item in (*further, *buttons):
        inner = item.item if isinstance(item, discord.ui.DynamicItem) else item
        custom_id = str(getattr(inner, "custom_id", ""))
        if isinstance(inner, discord.ui.Select):
            inner.options = distinct(inner.options)
        if custom_id in seen or (isinstance(inner, discord.ui.Select) and not inner.options):
            continue
        seen.add(custom_id)
        try:
            view.add_item(item)
        except ValueError:  # five rows of five buttons, or of one menu
            log.error("there is no room for %s under a message", type(item).__name__)
    return view if view.children else None


def distinct(options: Iterable[discord.SelectOption]) -> list[discord.SelectOption]:
    """The options of a menu, without those whose value another one has, and no more than a menu may have."""
    first: dict[str, discord.SelectOption] = {}
    for option in options:
        first.setdefault(option.value, option)
    return list(first.values())[:MOST_OPTIONS]
