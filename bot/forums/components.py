"""Buttons and menus about forums and their posts. Their custom ids hold nothing but ids, so they outlive the bot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import discord

from bot.locales.message import later
from bot.replies.components.buttons import Action
from bot.replies.components.press import Component

ItemT = TypeVar("ItemT", bound=discord.ui.Item[Any])

# Translators: buttons, and titles and placeholders of menus, of the pages about tags for the posts of a forum.
ADD = Action("forum-add", later("Add all"), discord.ButtonStyle.success)
"""Adds a proposed tag to a post, or all of them."""
DISMISS = Action("forum-dismiss", later("No, thanks"))
UNDO = Action("forum-undo", later("Remove these tags"))
MODE = Action("forum-mode", later("What happens to new posts"))
THRESHOLD = Action("forum-threshold", later("How sure the model must be"))
USE = Action("forum-use", later("Use another threshold"))
MOST = Action("forum-most", later("Most tags a post"))
LOG = Action("forum-log", later("Log"))
TAG = Action("forum-tag", later("Settings of a tag"))
SAVE_TAG = Action("forum-tag-save", later("Settings of a tag"))
DRY_RUN = Action("forum-dry-run", later("Dry run"), discord.ButtonStyle.primary)
REPORT = Action("forum-report", later("Report"))
SETUP = Action("forum-setup", later("Setup"))

CHANNEL = discord.SelectDefaultValueType.channel
ALL = 0
"""Instead of a tag's id."""


@dataclass(frozen=True)
class Pressed:
    """The detail of a press (see `Press`).

    Attributes:
        place: the id of a forum, or of a post.
        tag: the id of a tag, or `ALL`.
        values: that were chosen in a menu.
    """

    place: int
    tag: int = ALL
    values: tuple[str, ...] = ()


class ForumComponent(Component[ItemT], template=r"(?!)"):
    """A component about a forum or a post."""

    def __init__(self, item: ItemT) -> None:
        super().__init__(item)
        self.action = self.fields["action"]

    @property
    def detail(self) -> Pressed:
        chosen = (str(getattr(value, "id", value)) for value in getattr(self.item, "values", ()))
        return Pressed(int(self.fields["place"]), int(self.fields.get("tag") or ALL), tuple(chosen))


class ForumButton(
    ForumComponent[discord.ui.Button[Any]],
    template=r"glassbox-(?P<action>forum-[a-z-]+):(?P<place>\d{1,20})(?::(?P<tag>\d{1,20}))?:button",
):
    """A button."""

    @classmethod
    def of(
        cls, action: Action, place: int, *, tag: int = ALL, label: str = "", style: discord.ButtonStyle | None = None
    ) -> ForumButton:
        """Make a button; its label and style replace the action's own."""
        custom_id = f"glassbox-{action.name}:{place}:{tag}:button"
        return cls(discord.ui.Button(label=label or action.label, style=style or action.style, custom_id=custom_id))


class ForumMenu(
    ForumComponent[discord.ui.Select[Any]], template=r"glassbox-(?P<action>forum-[a-z-]+):(?P<place>\d{1,20}):menu"
):
    """A menu of options."""

    @classmethod
    def of(cls, action: Action, place: int, options: Sequence[discord.SelectOption]) -> ForumMenu:
        """Make a menu."""
        custom_id = f"glassbox-{action.name}:{place}:menu"
        return cls(discord.ui.Select(custom_id=custom_id, placeholder=action.label, options=list(options)))


class ChosenChannel(discord.SelectDefaultValue):
    """A channel that a menu shows as chosen. discord.py writes ids as numbers there, Discord describes strings."""

    def to_dict(self) -> Any:
        return {"id": str(self.id), "type": self.type.value}


class ForumChannelMenu(
    ForumComponent[discord.ui.ChannelSelect[Any]],
    template=r"glassbox-(?P<action>forum-[a-z-]+):(?P<place>\d{1,20}):channel",
):
    """A menu of channels, of which none may be chosen."""

    @classmethod
    def of(cls, action: Action, place: int, chosen: int | None, placeholder: str) -> ForumChannelMenu:
        """Make a menu of text channels."""
        return cls(
            discord.ui.ChannelSelect(
                custom_id=f"glassbox-{action.name}:{place}:channel",
                channel_types=[discord.ChannelType.text],
                placeholder=placeholder,
                min_values=0,
                default_values=[] if chosen is None else [ChosenChannel(id=chosen, type=CHANNEL)],
            )
        )


COMPONENTS = (ForumButton, ForumMenu, ForumChannelMenu)
