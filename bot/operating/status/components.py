"""The menus and buttons of `/status`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

import discord

from bot.inference.status import CheckpointStatus, Phase
from bot.replies.checkpoints.state import commands, name_of
from bot.replies.components.buttons import MOST_OPTIONS, Action
from bot.replies.components.modals import FIELD, PREFIX
from bot.replies.components.press import Component, Item
from bot.replies.formatting.quantities import in_bytes
from bot.replies.formatting.text import fit, visible

View = discord.ui.View
LONGEST = 100
"""UTF-16 units of an option's label, value or description."""

SHOW_PAGE = Action("status-page", "Show")
LOAD = Action("status-load", "Load a checkpoint")
UNLOAD = Action("status-unload", "Unload a checkpoint")
BEGIN = Action("status-begin", "Begin the maintenance")
"""Of the menu of durations, and of the modal that asks for the reason."""
END = Action("status-end", "End the maintenance")

DURATIONS = {0: "With no end yet", 10: "10 minutes", 30: "30 minutes", 60: "1 hour", 120: "2 hours", 480: "8 hours"}
"""Of a maintenance, by minutes; 0 is an open end."""
LONGEST_REASON = 200


class Page(StrEnum):
    """The pages of `/status`."""

    OVERVIEW = "overview"
    CHECKPOINTS = "checkpoints"
    MAINTENANCE = "maintenance"


class PageMenu(Component[discord.ui.Select[View]], template=r"glassbox-status-page"):
    """A menu of the pages."""

    action = SHOW_PAGE.name

    @classmethod
    def of(cls, current: Page) -> PageMenu:
        """Make the menu on a page."""
        menu: discord.ui.Select[View] = discord.ui.Select(custom_id="glassbox-status-page")
        for page in Page:
            menu.add_option(label=page.capitalize(), value=page.value, default=page is current)
        return cls(menu)

    @property
    def detail(self) -> str:
        return self.item.values[0] if self.item.values else Page.OVERVIEW


class Refresh(Component[discord.ui.Button[View]], template=r"glassbox-status-refresh:(?P<page>[a-z]{1,20})"):
    """A button that shows the same page anew."""

    action = SHOW_PAGE.name

    @classmethod
    def of(cls, page: Page) -> Refresh:
        """Make the button of a page."""
        return cls(discord.ui.Button(label="Refresh", custom_id=f"glassbox-status-refresh:{page}"))

    @property
    def detail(self) -> str:
        return self.fields["page"]


class CheckpointMenu(Component[discord.ui.Select[View]], template=r"glassbox-status-(?P<what>load|unload)"):
    """A menu of checkpoints to load, or to unload."""

    @classmethod
    def of(cls, action: Action, checkpoints: Sequence[CheckpointStatus]) -> CheckpointMenu:
        """Make a menu."""
        menu: discord.ui.Select[View] = discord.ui.Select(custom_id=f"glassbox-{action.name}", placeholder=action.label)
        for one in checkpoints[:MOST_OPTIONS]:
            what = commands(one) or "to choose from"
            described = f"{what} · {in_bytes(one.bytes)}" if one.bytes else what
            menu.add_option(
                label=name_of(one, LONGEST, visible),
                value=handle_of(one),
                description=fit(described, LONGEST, visible)[0],
            )
        return cls(menu)

    @property
    def action(self) -> str:  # type: ignore[override]
        """Load or unload."""
        return f"status-{self.fields['what']}"

    @property
    def detail(self) -> str:
        return self.item.values[0] if self.item.values else ""


class DurationMenu(Component[discord.ui.Select[View]], template=r"glassbox-status-begin"):
    """A menu of how long a maintenance should take; a choice asks for its reason."""

    action = BEGIN.name

    @classmethod
    def of(cls, is_on: bool) -> DurationMenu:
        """Make the menu, which begins a maintenance or changes what is said about it."""
        placeholder = "Change the reason and the expected end" if is_on else "Begin a maintenance: for how long?"
        menu: discord.ui.Select[View] = discord.ui.Select(custom_id="glassbox-status-begin", placeholder=placeholder)
        for minutes, label in DURATIONS.items():
            menu.add_option(label=label, value=str(minutes))
        return cls(menu)

    @property
    def detail(self) -> str:
        return self.item.values[0] if self.item.values else ""


class EndButton(Component[discord.ui.Button[View]], template=r"glassbox-status-end"):
    """Ends the maintenance."""

    action = END.name

    @classmethod
    def of(cls) -> EndButton:
        """Make the button."""
        style = discord.ButtonStyle.success
        return cls(discord.ui.Button(label=END.label, style=style, custom_id="glassbox-status-end"))


def handle_of(one: CheckpointStatus) -> str:
    """Return what a menu calls a checkpoint: a task of it, which stays valid if its checkpoint changes, or its name."""
    return one.tasks[0] if one.tasks else one.name[:LONGEST]


def reason_modal(minutes: int) -> discord.ui.Modal:
    """Ask for the reason of a maintenance, which may be left empty."""
    modal = discord.ui.Modal(title=BEGIN.label, custom_id=f"{PREFIX}{BEGIN.name}:{minutes}")
    field: discord.ui.TextInput[View] = discord.ui.TextInput(
        custom_id=FIELD, required=False, max_length=LONGEST_REASON, placeholder="I am getting a larger model"
    )
    about = "People read it when they ask something. You may leave it empty."
    modal.add_item(discord.ui.Label(text="Reason", description=about, component=field))
    modal.stop()  # otherwise discord.py keeps it until it is submitted
    return modal


def page_items(page: Page, *, checkpoints: Sequence[CheckpointStatus] = (), is_on: bool = False) -> Iterable[Item]:
    """Yield the components of a page, the menu of pages last.

    Args:
        checkpoints: that can be loaded and unloaded from here.
        is_on: whether there is a maintenance.
    """
    if page is Page.CHECKPOINTS and checkpoints:
        loaded = [one for one in checkpoints if one.phase is Phase.READY]
        others = [one for one in checkpoints if one.phase in (Phase.WAITING, Phase.EVICTED, Phase.FAILED)]
        yield CheckpointMenu.of(LOAD, others)
        yield CheckpointMenu.of(UNLOAD, loaded)
    if page is Page.MAINTENANCE:
        yield DurationMenu.of(is_on)
        if is_on:
            yield EndButton.of()
    yield PageMenu.of(page)
    yield Refresh.of(page)
