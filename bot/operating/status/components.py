"""The menus and buttons of `/status`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

import discord

from bot.inference.status import CheckpointStatus, Phase
from bot.locales.message import Message, _, later
from bot.locales.numbers import Unit, in_bytes, in_units
from bot.replies.checkpoints.state import commands, name_of
from bot.replies.components.buttons import MOST_OPTIONS, Action
from bot.replies.components.labelled import hint_of, labelled
from bot.replies.components.modals import FIELD, PREFIX
from bot.replies.components.press import Component, Item
from bot.replies.formatting.text import fit, visible

View = discord.ui.View
LONGEST = 100
"""UTF-16 units of an option's label, value or description."""

SHOW_PAGE = Action("status-page", later("Show"))
LOAD = Action("status-load", later("Load a checkpoint"))
UNLOAD = Action("status-unload", later("Unload a checkpoint"))
# Translators: the title of a modal; at most 45 characters.
BEGIN = Action("status-begin", later("Begin the maintenance"))
"""Of the menu of durations, and of the modal that asks for the reason."""
# Translators: a button.
END = Action("status-end", later("End the maintenance"))

DURATIONS: Mapping[int, tuple[int, Unit] | None] = {
    0: None,
    10: (10, "minute"),
    30: (30, "minute"),
    60: (1, "hour"),
    120: (2, "hour"),
    480: (8, "hour"),
}
"""Of a maintenance, by minutes: as it is said. 0 is an open end."""
LONGEST_REASON = 200


class Page(StrEnum):
    """The pages of `/status`."""

    OVERVIEW = "overview"
    CHECKPOINTS = "checkpoints"
    MAINTENANCE = "maintenance"


PAGE_NAMES: Mapping[Page, Message] = {
    # Translators: a page of /status.
    Page.OVERVIEW: later("Overview"),
    # Translators: a page of /status.
    Page.CHECKPOINTS: later("Checkpoints"),
    # Translators: a page of /status.
    Page.MAINTENANCE: later("Maintenance"),
}


class PageMenu(Component[discord.ui.Select[View]], template=r"glassbox-status-page"):
    """A menu of the pages."""

    action = SHOW_PAGE.name

    @classmethod
    def of(cls, current: Page) -> PageMenu:
        """Make the menu on a page."""
        menu: discord.ui.Select[View] = discord.ui.Select(custom_id="glassbox-status-page")
        for page in Page:
            menu.add_option(label=str(PAGE_NAMES[page]), value=page.value, default=page is current)
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
        # Translators: a button that shows the same page with new numbers.
        return cls(discord.ui.Button(label=_("Refresh"), custom_id=f"glassbox-status-refresh:{page}"))

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
            # Translators: of a checkpoint that no command uses by itself: people can choose it.
            what = commands(one) or _("to choose from")
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
        # Translators: the placeholder of a menu of durations.
        placeholder = _("Change the reason and the expected end") if is_on else _("Begin a maintenance: for how long?")
        menu: discord.ui.Select[View] = discord.ui.Select(custom_id="glassbox-status-begin", placeholder=placeholder)
        for minutes, duration in DURATIONS.items():
            # Translators: in a menu of how long a maintenance takes.
            label = _("With no end yet") if duration is None else in_units(*duration)
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
    modal = discord.ui.Modal(title=BEGIN.title, custom_id=f"{PREFIX}{BEGIN.name}:{minutes}")
    field: discord.ui.TextInput[View] = discord.ui.TextInput(
        custom_id=FIELD,
        required=False,
        max_length=LONGEST_REASON,
        # Translators: an example of the reason for a maintenance; at most 100 characters.
        placeholder=hint_of(_("I am getting a larger model")),
    )
    # Translators: explains the field of a reason; at most 100 characters.
    about = _("People read it when they ask something. You may leave it empty.")
    # Translators: the label of a field: why there is a maintenance; at most 45 characters.
    modal.add_item(labelled(field, _("Reason"), about))
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
