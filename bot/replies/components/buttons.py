"""Buttons under answers. They hold the id of a kept request, so they work after a restart of the bot."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import discord

from bot.inference.requests import Request
from bot.locales.message import Message, later
from bot.replies.components.press import Component, Item
from bot.replies.formatting.text import fit, visible

log = logging.getLogger(__name__)

MOST_OPTIONS = 25
"""Of one menu, by Discord's rules."""
LONGEST_LABEL = 80
"""Characters of a button's label, by Discord's rules."""
LONGEST_TITLE = 45
"""Characters of a modal's title, and of the label of a field in it, by Discord's rules."""


@dataclass(frozen=True)
class Action:
    """What a component or modal does.

    Attributes:
        name: part of the custom ids of messages that have been sent, so it never changes.
        wording: of its button, or the title of its modal, in the language of whoever reads it.
    """

    name: str
    wording: str | Message
    style: discord.ButtonStyle = discord.ButtonStyle.secondary

    @property
    def label(self) -> str:
        """Its wording in the current locale, as long as a button has room for."""
        return fit(str(self.wording), LONGEST_LABEL, visible)[0]

    @property
    def title(self) -> str:
        """Its wording as the title of a modal."""
        return fit(str(self.wording), LONGEST_TITLE, visible)[0]


# Translators: the label of a button that ends what the bot is doing.
STOP = Action("stop", later("Stop"), discord.ButtonStyle.danger)


@dataclass(frozen=True)
class Button:
    """A button of a reply, which applies an action to a request; its label replaces the action's own."""

    action: Action
    request: Request[object]
    label: str | None = None


class RequestButton(
    Component[discord.ui.Button[discord.ui.View]], template=r"glassbox:(?P<action>[a-z-]+):(?P<request_id>[\w-]+)"
):
    """A button as Discord knows it."""

    names_any_action = True

    def __init__(self, button: discord.ui.Button[discord.ui.View]) -> None:
        super().__init__(button)
        self.action = self.fields["action"]

    @classmethod
    def of(cls, button: Button, request_id: str) -> RequestButton:
        """Make the button for a kept request."""
        action = button.action
        custom_id = f"glassbox:{action.name}:{request_id}"
        return cls(discord.ui.Button(label=_label(button), style=action.style, custom_id=custom_id))


def _label(button: Button) -> str:
    return fit(button.label or button.action.label, LONGEST_LABEL, visible)[0]


def view_of(buttons: Mapping[Button, str], menus: Iterable[Item] = ()) -> discord.ui.View | None:
    """Make the view of a message; None if it has no component.

    Args:
        buttons: with the ids of their requests.
        menus: items that come before the buttons.
    """
    # Discord refuses a whole message, answer included, if two custom ids or two values of a menu are equal, or if there
    # are too many components. So all views are made here, and the first of equal components is kept.
    view = discord.ui.View(timeout=None)
    items = (RequestButton.of(button, request_id) for button, request_id in buttons.items())
    seen: set[str] = set()
    for item in (*menus, *items):
        inner = item.item if isinstance(item, discord.ui.DynamicItem) else item
        custom_id = str(getattr(inner, "custom_id", ""))
        if isinstance(inner, discord.ui.Select):
            inner.options = distinct(inner.options)
        if custom_id in seen or (isinstance(inner, discord.ui.Select) and not inner.options):
            continue
        seen.add(custom_id)
        try:
            view.add_item(item)
        except ValueError:  # a message has five rows, each of five buttons or one menu
            log.error("there is no room for %s under a message", type(item).__name__)
    # Components are found by their custom ids, and discord.py would hold the view of a private message for 15 minutes.
    view.stop()
    return view if view.children else None


def distinct(options: Iterable[discord.SelectOption]) -> list[discord.SelectOption]:
    """Return as many options as a menu may have, without repeated values."""
    first: dict[str, discord.SelectOption] = {}
    for option in options:
        first.setdefault(option.value, option)
    return list(first.values())[:MOST_OPTIONS]
