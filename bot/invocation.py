"""Slash commands written as text, as people see them in Discord: `/fill text:The sky is ___. top_k:3`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import SettingsError
from bot.locales.command_tree import OPTION, in_tree
from bot.locales.message import Message, later
from bot.locales.values import Later, later_enumerated, later_exact

STRING, INTEGER, BOOLEAN, NUMBER = 3, 4, 5, 10
"""Discord's option types. Source: https://discord.com/developers/docs/interactions/application-commands"""

# Translators: options of a command in a terminal. {option} is the name of one.
NO_WHOLE_NUMBER = later("{option} must be a whole number, and not “{value}”.")
NO_NUMBER = later("{option} must be a number, and not “{value}”.")
NO_BOOLEAN = later("{option} must be true or false, and not “{value}”.")


@dataclass(frozen=True)
class Limits:
    """What is said of an option that exceeds a limit: with both limits, or the only one that it has."""

    both: Message
    least: Message
    most: Message


VALUES = Limits(
    later("{option} must be at least {least} and at most {most}, and not {number}."),
    later("{option} must be at least {least}, and not {number}."),
    later("{option} must be at most {most}, and not {number}."),
)
LENGTHS = Limits(
    later("{option} must be at least {least} and at most {most} characters long, and not {number}."),
    later("{option} must be at least {least} characters long, and not {number}."),
    later("{option} must be at most {most} characters long, and not {number}."),
)


@dataclass(frozen=True)
class Invocation:
    """A command and the typed values of its options."""

    command: str
    options: Mapping[str, str | float | bool]


def parse_invocation(text: str, commands: Sequence[Mapping[str, Any]]) -> Invocation:
    """Parse a command line.

    Args:
        text: `/name option:value option:value`; a value ends at the name of the next option.
        commands: the registered commands, as Discord describes them.

    Raises:
        SettingsError: a command or an option does not exist, an option is missing, or Discord would not take a value.
    """
    name, __, rest = text.strip().removeprefix("/").partition(" ")
    by_name = {command["name"]: command for command in commands}
    if not name:
        example = f"/{commands[0]['name']}"
        raise SettingsError(
            later(
                "Write a command, such as {example}. There are {commands}.", example=example, commands=_listed(by_name)
            )
        )
    if name not in by_name:
        raise SettingsError(
            later("There is no command /{name}. There are {commands}.", name=name, commands=_listed(by_name))
        )
    options = {option["name"]: option for option in by_name[name].get("options", [])}
    values = _values(name, rest, options)
    for option in options.values():
        if option.get("required") and option["name"] not in values:
            needed = f"{option['name']}:…"
            about = in_tree(OPTION, option["description"])
            # Translators: {option} is such as "text:…", and {about} says what it is.
            raise SettingsError(later("/{name} needs {option} ({about})", name=name, option=needed, about=about))
    return Invocation(name, {option: _typed(options[option], value) for option, value in values.items()})


def _values(command: str, text: str, known: Iterable[str]) -> dict[str, str]:
    names = "|".join(map(re.escape, known))
    parts = re.split(rf"(?:^|\s+)({names}):", text) if names else [text]
    if parts[0].strip():
        example = next(iter(known), "")
        if not names:
            raise SettingsError(later("/{command} has no options.", command=command))
        raise SettingsError(
            later(
                "Write the options of /{command} as {example}:value; it has {options}.",
                command=command,
                example=example,
                options=later_enumerated(known),
            )
        )
    return {option: value.strip() for option, value in zip(parts[1::2], parts[2::2], strict=True)}


def _typed(option: Mapping[str, Any], value: str) -> str | float | bool:
    if option["type"] not in (STRING, INTEGER, BOOLEAN, NUMBER):
        raise SettingsError(
            later(
                "{option} cannot be written as text. Please use this command in the playground.", option=option["name"]
            )
        )
    if option.get("choices"):
        return _chosen(option, value)
    try:
        if option["type"] in (INTEGER, NUMBER):
            number = int(value) if option["type"] == INTEGER else float(value)
            return _between(option, number, "value", VALUES)
    except ValueError:
        sentence = NO_WHOLE_NUMBER if option["type"] == INTEGER else NO_NUMBER
        raise SettingsError(sentence.filled(option=option["name"], value=value)) from None
    if option["type"] == BOOLEAN:
        if value.lower() not in {"true", "false", "yes", "no"}:
            raise SettingsError(NO_BOOLEAN.filled(option=option["name"], value=value))
        return value.lower() in {"true", "yes"}
    _between(option, len(value), "length", LENGTHS)
    return value


def _chosen(option: Mapping[str, Any], value: str) -> str | float:
    """Return the value of the choice that people see under this name, or whose value this is."""
    for one in option["choices"]:
        if value.casefold() in (str(one["name"]).casefold(), str(one["value"]).casefold()):
            found: str | float = one["value"]
            return found
    names = later_enumerated(str(one["name"]) for one in option["choices"])
    raise SettingsError(
        later("{option} must be one of {names}, and not “{value}”.", option=option["name"], names=names, value=value)
    )


def _between(option: Mapping[str, Any], number: float, what: str, sentences: Limits) -> float:
    """Return a number; raise `SettingsError` if it, a value or a length, is not within the option's limits."""
    least, most = option.get(f"min_{what}"), option.get(f"max_{what}")
    # NaN is not between any numbers.
    if not ((least is None or number >= least) and (most is None or number <= most)):
        sentence = sentences.most if least is None else sentences.least if most is None else sentences.both
        limits = {name: later_exact(limit) for name, limit in (("least", least), ("most", most)) if limit is not None}
        raise SettingsError(sentence.filled(option=option["name"], number=later_exact(number), **limits))
    return number


def _listed(names: Iterable[str]) -> Later:
    return later_enumerated(f"/{name}" for name in sorted(names))
