"""The components of `/help`. Their custom ids say all, so they work after a restart of the bot."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.locales.message import _, later
from bot.replies.components.buttons import MOST_OPTIONS, Action
from bot.replies.components.press import Component
from bot.replies.formatting.text import fit, visible
from bot.replies.help.guide import Guide

# Translators: the placeholder of a menu of commands.
LOOK = Action("help-look", later("Choose a command"))
"""Its detail is the name of a command; empty for the overview."""
# Translators: a button that runs a command's example.
TRY = Action("help-try", later("Try it"), discord.ButtonStyle.primary)
"""Its detail is the name of a command."""
# Translators: a button, and the title of its modal; at most 45 characters.
REPORT = Action("help-report", later("Report a problem"))
SEND_REPORT = Action("help-send-report", REPORT.wording)
"""Its detail is a `Submission`."""

LONGEST_OPTION = 100
_NAME = r"[\w -]{1,66}"

Select = discord.ui.Select[discord.ui.LayoutView]
Button = discord.ui.Button[discord.ui.LayoutView]


class CommandMenu(Component[Select], template=r"glassbox-help-menu:(?P<part>\d)"):
    """A menu of commands."""

    action = LOOK.name

    @classmethod
    def of(cls, guides: Sequence[Guide], chosen: str | None, part: int) -> CommandMenu:
        """Make the menu of some commands."""
        menu: Select = discord.ui.Select(
            custom_id=f"glassbox-help-menu:{part}", placeholder=LOOK.label if part == 0 else _("More commands")
        )
        for guide in guides[:MOST_OPTIONS]:
            menu.add_option(
                label=f"/{guide.shown_name}",
                value=guide.name,
                description=fit(guide.about, LONGEST_OPTION, visible)[0],
                default=guide.name == chosen,
            )
        return cls(menu)

    @property
    def detail(self) -> str:
        return self.item.values[0] if self.item.values else ""


class TryButton(Component[Button], template=rf"glassbox-help-try:(?P<name>{_NAME})"):
    """A button that runs a command's example."""

    action = TRY.name

    @classmethod
    def of(cls, name: str) -> TryButton:
        """Make the button of a command."""
        return cls(discord.ui.Button(label=TRY.label, style=TRY.style, custom_id=f"glassbox-help-try:{name}"))

    @property
    def detail(self) -> str:
        return self.fields["name"]


class HelpButton(Component[Button], template=r"glassbox-(?P<action>help-look|help-report)"):
    """A button to the overview, or to the modal for a report."""

    def __init__(self, button: Button) -> None:
        super().__init__(button)
        self.action = self.fields["action"]

    @classmethod
    def of(cls, action: Action, label: str | None = None) -> HelpButton:
        """Make the button of an action."""
        return cls(discord.ui.Button(label=label or action.label, custom_id=f"glassbox-{action.name}"))

    @property
    def detail(self) -> str:
        return ""
