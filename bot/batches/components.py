"""The menu and the buttons under a file's progress. Their custom ids hold its id, so they work after a restart."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.locales.message import _, later
from bot.replies.components.buttons import MOST_OPTIONS, Action
from bot.replies.components.press import Component
from bot.replies.formatting.text import fit, visible
from bot.text import characters

# Translators: the placeholder of a menu, and three buttons: of a file whose rows are answered.
CHOOSE_COLUMN = Action("batch-column", later("Choose a column"))
STOP = Action("batch-stop", later("Stop"), discord.ButtonStyle.danger)
START = Action("batch-start", later("Start"), discord.ButtonStyle.success)
GIVE_UP = Action("batch-cancel", later("Cancel"))
BUTTONS = {action.name: action for action in (STOP, START, GIVE_UP)}
LONGEST_OPTION = 100

View = discord.ui.View


class ColumnMenu(Component[discord.ui.Select[View]], template=r"glassbox-batch-column:(?P<batch_id>[\w-]+)"):
    """A menu of a file's columns; an option's value is the index of its column."""

    action = CHOOSE_COLUMN.name

    @classmethod
    def of(cls, batch_id: str, columns: Sequence[str]) -> ColumnMenu:
        """Make the menu of the first columns."""
        menu: discord.ui.Select[View] = discord.ui.Select(
            custom_id=f"glassbox-batch-column:{batch_id}", placeholder=CHOOSE_COLUMN.label
        )
        for index, name in enumerate(columns[:MOST_OPTIONS]):
            shown = " ".join(name.split())
            # Discord refuses a menu with a label that is only white space to it.
            label = (
                fit(shown, LONGEST_OPTION, visible)[0]
                if characters.visible(shown)
                else _("column {number}", number=index + 1)
            )
            menu.add_option(label=label, value=str(index))
        return cls(menu)

    @property
    def detail(self) -> tuple[str, int | None]:
        value = next(iter(self.item.values), "")
        return self.fields["batch_id"], int(value) if value.isascii() and value.isdecimal() else None


class BatchButton(
    Component[discord.ui.Button[View]],
    template=r"glassbox-(?P<action>batch-(?:stop|start|cancel)):(?P<batch_id>[\w-]+)",
):
    """A button."""

    def __init__(self, button: discord.ui.Button[View]) -> None:
        super().__init__(button)
        self.action = self.fields["action"]

    @classmethod
    def of(cls, batch_id: str, action: Action) -> BatchButton:
        """Make the button of an action."""
        custom_id = f"glassbox-{action.name}:{batch_id}"
        return cls(discord.ui.Button(label=action.label, style=action.style, custom_id=custom_id))

    @property
    def detail(self) -> tuple[str, None]:
        return self.fields["batch_id"], None


def buttons_view(batch_id: str, *actions: Action) -> discord.ui.View:
    """Make a view of buttons."""
    view = discord.ui.View(timeout=None)
    for action in actions:
        view.add_item(BatchButton.of(batch_id, action))
    return view


def columns_view(batch_id: str, columns: Sequence[str]) -> discord.ui.View:
    """Make a view of the menu of columns, with a button that cancels."""
    view = discord.ui.View(timeout=None)
    view.add_item(ColumnMenu.of(batch_id, columns))
    view.add_item(BatchButton.of(batch_id, GIVE_UP))
    return view
