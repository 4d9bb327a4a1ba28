"""Slash commands written as text, as people see them in Discord: `/fill text:The sky is ___. top_k:3`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bot.errors import SettingsError

STRING, INTEGER, BOOLEAN, NUMBER = 3, 4, 5, 10
"""Discord's option types. Source: https://discord.com/developers/docs/interactions/application-commands"""


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
    name, _, rest = text.strip().removeprefix("/").partition(" ")
    by_name = {command["name"]: command for command in commands}
    if not name:
        raise SettingsError(f"Write a command, such as /{commands[0]['name']}. There are {_listed(by_name)}.")
    if name not in by_name:
        raise SettingsError(f"There is no command /{name}. There are {_listed(by_name)}.")
    known = {option["name"]: option for option in by_name[name].get("options", [])}
    values = _values(name, rest, known)
    for option in known.values():
        if option.get("required") and option["name"] not in values:
            raise SettingsError(f"/{name} needs {option['name']}:… ({option['description']})")
    return Invocation(name, {option: _typed(known[option], value) for option, value in values.items()})


def _values(command: str, text: str, known: Iterable[str]) -> dict[str, str]:
    names = "|".join(map(re.escape, known))
    parts = re.split(rf"(?:^|\s+)({names}):", text) if names else [text]
    if parts[0].strip():
        example = next(iter(known), "option")
        raise SettingsError(f"Write the options of /{command} as {example}:value; it has {', '.join(known) or 'none'}.")
    return {option: value.strip() for option, value in zip(parts[1::2], parts[2::2], strict=True)}


def _typed(option: Mapping[str, Any], value: str) -> str | float | bool:
    if option["type"] not in (STRING, INTEGER, BOOLEAN, NUMBER):
        raise SettingsError(f"{option['name']} cannot be written as text. Please use this command in the playground.")
    if option.get("choices"):
        return _chosen(option, value)
    try:
        if option["type"] in (INTEGER, NUMBER):
            number = int(value) if option["type"] == INTEGER else float(value)
            return _between(option, number, "value", "")
    except ValueError:
        kind = "a whole number" if option["type"] == INTEGER else "a number"
        raise SettingsError(f"{option['name']} must be {kind}, and not “{value}”.") from None
    if option["type"] == BOOLEAN:
        if value.lower() not in {"true", "false", "yes", "no"}:
            raise SettingsError(f"{option['name']} must be true or false, and not “{value}”.")
        return value.lower() in {"true", "yes"}
    _between(option, len(value), "length", " characters long")
    return value


def _chosen(option: Mapping[str, Any], value: str) -> str | float:
    """Return the value of the choice that people see under this name, or whose value this is."""
    for one in option["choices"]:
        if value.casefold() in (str(one["name"]).casefold(), str(one["value"]).casefold()):
            found: str | float = one["value"]
            return found
    names = ", ".join(str(one["name"]) for one in option["choices"])
    raise SettingsError(f"{option['name']} must be one of {names}, and not “{value}”.")


def _between(option: Mapping[str, Any], number: float, what: str, unit: str) -> float:
    """Return a number; raise `SettingsError` if it, a value or a length, is not within the option's limits."""
    least, most = option.get(f"min_{what}"), option.get(f"max_{what}")
    # NaN is not between any numbers.
    if not ((least is None or number >= least) and (most is None or number <= most)):
        wanted = " and ".join(
            f"{word} {limit:,}" for word, limit in (("at least", least), ("at most", most)) if limit is not None
        )
        raise SettingsError(f"{option['name']} must be {wanted}{unit}, and not {number:,}.")
    return number


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"/{name}" for name in sorted(names))
