"""What can be pressed and chosen on the pages of `/settings`. A custom id says all, so restarts lose nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from bot.locales.message import Message, _, later
from bot.replies.components.buttons import MOST_OPTIONS, Action
from bot.replies.components.press import Component, Item
from bot.replies.formatting.text import fit, visible

CHANGE = Action("settings", later("Settings"))
"""Its detail is a `Choice`."""
ON, OFF = "on", "off"
MOST_VALUES = 25
"""Of a menu of channels, roles or members, by Discord's rules."""
LONGEST_OPTION = 100
LONGEST_PLACEHOLDER = 150
"""Characters of a menu's placeholder, by Discord's rules."""
PLACES = [
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
    discord.ChannelType.category,
    discord.ChannelType.public_thread,
    discord.ChannelType.private_thread,
    discord.ChannelType.news_thread,
]


@dataclass(frozen=True)
class Field:
    """A setting on a page.

    Attributes:
        topic: the name of the page.
        name: of the setting.
        focus: what the page is about: a feature, or the id of a role or a channel; empty for the whole server.
    """

    topic: str
    name: str
    focus: str = ""

    def custom_id(self, value: str = "") -> str:
        """Return the custom id of its menu, or of the button that sets it to a value."""
        return f"glassbox-settings:{self.topic}:{self.name}:{self.focus}:{value}"


@dataclass(frozen=True)
class Choice:
    """What somebody has chosen, in a menu or by a button. Custom ids can be forged, so nothing is certain about it."""

    field: Field
    values: tuple[str, ...]

    @property
    def value(self) -> str:
        """The only one; empty if there is none."""
        return self.values[0] if self.values else ""

    @property
    def ids(self) -> tuple[int, ...]:
        """The values as ids, as far as they are."""
        return tuple(int(value) for value in self.values if value.isascii() and value.isdecimal() and len(value) < 20)


class SettingsControl(
    Component[Item],
    template=r"glassbox-settings:(?P<topic>[a-z-]{1,20}):(?P<name>[a-z-]{1,20}):(?P<focus>[^:]{0,32}):(?P<value>[\w-]{0,20})",
):
    """A button or a menu."""

    action = CHANGE.name

    @property
    def detail(self) -> Choice:
        fields = self.fields
        chosen = getattr(self.item, "values", None)
        values = [fields["value"]] if chosen is None else [str(getattr(value, "id", value)) for value in chosen]
        return Choice(Field(fields["topic"], fields["name"], fields["focus"]), tuple(values))


@dataclass(frozen=True)
class Option:
    """An option of a menu."""

    value: str
    label: str | Message
    about: str | Message | None = None


@dataclass(frozen=True)
class Menu:
    """A menu of options, of which some are chosen now."""

    field: Field
    options: Sequence[Option]
    chosen: Iterable[str]
    placeholder: str | Message | None = None
    most: int = 1
    least: int = 1

    def row(self) -> Item:
        """Make the menu in a row of its own."""
        chosen = set(self.chosen)
        options = [
            discord.SelectOption(
                label=fit(str(option.label), LONGEST_OPTION, visible)[0],
                value=option.value,
                description=None if option.about is None else fit(str(option.about), LONGEST_OPTION, visible)[0],
                default=option.value in chosen,
            )
            for option in self.options[:MOST_OPTIONS]
        ]
        return discord.ui.ActionRow(
            discord.ui.Select(
                custom_id=self.field.custom_id(),
                options=options,
                placeholder=None if self.placeholder is None else placeholder_of(self.placeholder),
                min_values=min(self.least, len(options)),
                max_values=min(self.most, len(options)),
            )
        )


def placeholder_of(content: str | Message) -> str:
    """Return what a menu says in which nothing is chosen, as long as it may be."""
    return fit(str(content), LONGEST_PLACEHOLDER, visible)[0]


def text(content: str | Message) -> Item:
    """Make a paragraph of Markdown."""
    return discord.ui.TextDisplay(str(content))


def small(content: str | Message) -> Item:
    """Make a paragraph in small print."""
    return text(f"-# {content}")


def toggle(field: Field, is_on: bool, content: str) -> Item:
    """Make a paragraph with a button beside it, which says whether the setting is on, and changes that."""
    button: discord.ui.Button[discord.ui.LayoutView] = discord.ui.Button(
        # Translators: the state of a setting, on a button that changes it.
        label=_("On") if is_on else _("Off"),
        style=discord.ButtonStyle.success if is_on else discord.ButtonStyle.secondary,
        custom_id=field.custom_id(OFF if is_on else ON),
    )
    return discord.ui.Section(discord.ui.TextDisplay(content), accessory=button)


def press(field: Field, label: str, content: str, value: str = "") -> Item:
    """Make a paragraph with a button beside it."""
    button: discord.ui.Button[discord.ui.LayoutView] = discord.ui.Button(label=label, custom_id=field.custom_id(value))
    return discord.ui.Section(discord.ui.TextDisplay(content), accessory=button)


def channels(field: Field, chosen: Iterable[int], placeholder: str, most: int = MOST_VALUES) -> Item:
    """Make a menu of channels, categories and threads."""
    return discord.ui.ActionRow(
        discord.ui.ChannelSelect(
            custom_id=field.custom_id(),
            placeholder=placeholder_of(placeholder),
            channel_types=PLACES,
            min_values=0,
            max_values=most,
            default_values=_defaults(chosen, discord.SelectDefaultValueType.channel)[:most],
        )
    )


def roles(field: Field, chosen: Iterable[int], placeholder: str, most: int = MOST_VALUES) -> Item:
    """Make a menu of roles."""
    return discord.ui.ActionRow(
        discord.ui.RoleSelect(
            custom_id=field.custom_id(),
            placeholder=placeholder_of(placeholder),
            min_values=0,
            max_values=most,
            default_values=_defaults(chosen, discord.SelectDefaultValueType.role)[:most],
        )
    )


def members(field: Field, chosen: Iterable[int], placeholder: str) -> Item:
    """Make a menu of members."""
    return discord.ui.ActionRow(
        discord.ui.UserSelect(
            custom_id=field.custom_id(),
            placeholder=placeholder_of(placeholder),
            min_values=0,
            max_values=MOST_VALUES,
            default_values=_defaults(chosen, discord.SelectDefaultValueType.user)[:MOST_VALUES],
        )
    )


class _Default(discord.SelectDefaultValue):
    """A channel, role or member that is chosen now. Discord's description wants ids as strings."""

    def to_dict(self) -> Any:
        return {"id": str(self.id), "type": self.type.value}


def _defaults(ids: Iterable[int], kind: discord.SelectDefaultValueType) -> list[discord.SelectDefaultValue]:
    return [_Default(id=one, type=kind) for one in sorted(ids)]
