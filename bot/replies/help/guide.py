"""What people should know of a command, from the command tree and `examples.toml`."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib.resources import files
from typing import Any

import discord
from discord import app_commands
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from bot.errors import SettingsError
from bot.invocation import parse_invocation
from bot.locales.command_tree import COMMAND, COMMAND_NAME, MENU_NAME, OPTION, OPTION_NAME, in_tree
from bot.locales.message import Message, later

Command = app_commands.Command[Any, ..., Any]


class Kind(StrEnum):
    """What commands are for, in the order in which they are listed."""

    READ = "read"
    WRITE = "write"
    LOOK = "look"
    MANAGE = "manage"

    @property
    def heading(self) -> str:
        """What stands above them, in the current locale."""
        return str(HEADINGS[self])


HEADINGS: Mapping[Kind, Message] = {
    # Translators: headings of lists of commands.
    Kind.READ: later("Understand a text"),
    # Translators: a heading of a list of commands.
    Kind.WRITE: later("Write and translate"),
    # Translators: a heading of a list of commands that show how models work.
    Kind.LOOK: later("Look inside"),
    # Translators: a heading of a list of commands.
    Kind.MANAGE: later("Files, servers and privacy"),
}


class Example(BaseModel):
    """A table of `examples.toml`. Its sentences are English, and translated when a `Guide` is made of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Kind.MANAGE
    example: str = ""
    can_try: bool = Field(default=True, alias="try")
    limits: str = ""
    about: str = Field(default="", alias="for")


NO_EXAMPLE = Example.model_validate({"try": False})
"""Of a command that has none in the file: what the tree says is still shown."""


@dataclass(frozen=True)
class Guide:
    """What people should know of a command, in the locale in which it was made.

    Attributes:
        name: with the name of its subcommand; in English.
        about: what it is for.
        options: their names, as Discord shows them, and what they are for; those that must be given first.
        example: the options of an example, as a person types them.
        can_try: whether a button may run the example.
        values: the example's options, by the names of the callback's parameters.
        permissions: that a member needs in a server unless the server has changed that; None for none.
        translated_name: as Discord shows the name; empty where it is the English one.
    """

    name: str
    kind: Kind
    about: str
    options: Sequence[tuple[str, str]]
    example: str
    can_try: bool
    limits: str
    values: Mapping[str, str | float | bool]
    permissions: discord.Permissions | None = None
    translated_name: str = ""

    @property
    def shown_name(self) -> str:
        """The name as Discord shows it."""
        return self.translated_name or self.name

    @property
    def root(self) -> str:
        """The name of the whole command."""
        return self.name.partition(" ")[0]

    @property
    def line(self) -> str:
        """The example as a person types it."""
        return f"/{self.shown_name} {self.example}".strip()


def read_examples() -> Mapping[str, Example]:
    """Read `examples.toml`."""
    text = files(__package__).joinpath("examples.toml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, Example]).validate_python(tomllib.loads(text))


def guides_of(tree: app_commands.CommandTree[Any], examples: Mapping[str, Example]) -> dict[str, Guide]:
    """Return the guides of all slash commands and subcommands, by name, in the order in which they are listed."""
    guides = [_guide(command, tree, examples.get(command.qualified_name, NO_EXAMPLE)) for command in _commands(tree)]
    order = list(Kind)
    return {one.name: one for one in sorted(guides, key=lambda one: (order.index(one.kind), one.name))}


def menus_of(tree: app_commands.CommandTree[Any]) -> list[str]:
    """Return the names of the commands in the menus of messages, as Discord shows them in the current locale."""
    return [in_tree(MENU_NAME, command.name) for command in tree.get_commands(type=discord.AppCommandType.message)]


def _commands(tree: app_commands.CommandTree[Any]) -> Iterator[Command]:
    for command in tree.walk_commands():
        if isinstance(command, app_commands.Command):
            yield command


def _guide(command: Command, tree: app_commands.CommandTree[Any], example: Example) -> Guide:
    options = sorted(command.parameters, key=lambda one: not one.required)
    names = {one.display_name: in_tree(OPTION_NAME, one.display_name) for one in options}
    return Guide(
        command.qualified_name,
        example.kind,
        _translated(example.about) or in_tree(COMMAND, command.description),
        [(names[one.display_name], in_tree(OPTION, str(one.description))) for one in options],
        _as_typed(example.example, names),
        example.can_try and command.parent is None,
        _translated(example.limits),
        _values(command, tree, example.example) if command.parent is None else {},
        (command.root_parent or command).default_permissions,
        " ".join(in_tree(COMMAND_NAME, name) for name in command.qualified_name.split()),
    )


def _as_typed(example: str, names: Mapping[str, str]) -> str:
    """Return the options of an example with their names as Discord shows them."""
    if not names:
        return example
    pattern = rf"(?<!\S)({'|'.join(map(re.escape, names))}):"
    return re.sub(pattern, lambda found: f"{names[found[1]]}:", example)


def _translated(sentence: str) -> str:
    """Return a sentence of the file in the current locale; nothing for none."""
    # gettext has its header under the empty text.
    return str(Message(sentence)) if sentence else ""


def _values(command: Command, tree: app_commands.CommandTree[Any], example: str) -> dict[str, str | float | bool]:
    """Return the options of an example; none if it does not fit the command, which a test tells."""
    try:
        given = parse_invocation(f"/{command.name} {example}", [command.to_dict(tree)]).options
    except SettingsError:
        return {}
    return {one.name: given[one.display_name] for one in command.parameters if one.display_name in given}
