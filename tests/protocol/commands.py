"""Rules about definitions of commands, and about what autocompletion offers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import regex

from tests.protocol.faults import Faults, units

Json = dict[str, Any]

SLASH, USER_MENU, MESSAGE_MENU = 1, 2, 3
MOST = {SLASH: 100, USER_MENU: 15, MESSAGE_MENU: 15}
"""Global commands of an app, by type; together the 130 that the schema of PUT has."""
MOST_OPTIONS = 25
MOST_SIZE = 8000
SUBCOMMAND, SUBCOMMAND_GROUP, STRING, INTEGER, CHANNEL, NUMBER = 1, 2, 3, 4, 7, 10
BOUNDS = (
    ("min_value", "max_value", {INTEGER, NUMBER}, (-(2**53), 2**53)),
    ("min_length", "max_length", {STRING}, (0, 6000)),
)

_NAME = regex.compile(r"[-_'\p{L}\p{N}\p{sc=Deva}\p{sc=Thai}]{1,32}")


def check_commands(found: Faults, commands: Sequence[Json]) -> None:
    """Check all global commands of an app."""
    kinds = Counter(one.get("type") or SLASH for one in commands)
    for kind, number in kinds.items():
        if number > MOST.get(kind, 0):
            found.add("command", f"{number} commands of type {kind}, at most {MOST.get(kind, 0)}")
    names = Counter((one.get("type") or SLASH, one["name"]) for one in commands)
    if twice := [name for (_, name), number in names.items() if number > 1]:
        found.add("command", f"names are not unique: {twice}")
    for command in commands:
        with found.at(f"definition of {command['name']}"):
            _check_command(found, command)


def _check_command(found: Faults, command: Json) -> None:
    options = command.get("options") or []
    if (command.get("type") or SLASH) == SLASH:
        _check_named(found, command)
    else:  # a menu: its name is a text, and it has nothing else
        for name in _localized(command, "name"):
            found.measure("name of a menu", name, 32, filled=True)
        if command.get("description") or options:
            found.add("command", "a menu with a description or options")
    if (size := _size(command)) > MOST_SIZE:
        found.add("command", f"{size} characters, at most {MOST_SIZE}")
    _check_options(found, options)


def _check_options(found: Faults, options: Sequence[Json]) -> None:
    if len(options) > MOST_OPTIONS:
        found.add("command", f"{len(options)} options")
    required = [bool(one.get("required")) for one in options]
    if required != sorted(required, reverse=True):
        found.add("command", f"required options are not first: {[one['name'] for one in options]}")
    if len({one["name"] for one in options}) < len(options):
        found.add("command", "names of options are not unique")
    nested = [one["type"] in (SUBCOMMAND, SUBCOMMAND_GROUP) for one in options]
    if any(nested) and not all(nested):
        found.add("command", "subcommands beside options")
    for one in options:
        _check_option(found, one)


def _check_option(found: Faults, option: Json) -> None:
    _check_named(found, option)
    kind, choices = option["type"], option.get("choices") or []
    if option.get("autocomplete") and (choices or kind not in (STRING, INTEGER, NUMBER)):
        found.add("command", f"{option['name']}: autocomplete beside choices, or of type {kind}")
    check_choices(found, choices)
    if len({one["value"] for one in choices}) < len(choices):
        found.add("choices", f"{option['name']}: values of choices are not unique")
    for low, high, kinds, (lowest, highest) in BOUNDS:
        if (low in option or high in option) and kind not in kinds:
            found.add("command", f"{option['name']}: {low} or {high} of type {kind}")
        least, most = option.get(low, lowest), option.get(high, highest)
        if not lowest <= least <= most <= highest or option.get("max_length") == 0:
            found.add("command", f"{option['name']}: {low} {least}, {high} {most}")
    if "channel_types" in option and kind != CHANNEL:
        found.add("command", f"{option['name']}: channel_types of type {kind}")
    _check_options(found, option.get("options") or [])


def check_choices(found: Faults, choices: Sequence[Json]) -> None:
    """Check what an option's choices or its autocompletion offer."""
    if len(choices) > 25:
        found.add("choices", f"{len(choices)} choices, at most 25")
    for one in choices:
        for name in _localized(one, "name"):
            found.measure("choice name", name, 100, filled=True)
        if isinstance(one["value"], str):
            found.measure("choice value", one["value"], 100, filled=True)
    names = Counter(one["name"] for one in choices)
    if twice := [name for name, number in names.items() if number > 1]:
        found.add("choices", f"nobody can tell these apart: {twice}")


def _check_named(found: Faults, named: Json) -> None:
    for name in _localized(named, "name"):
        if _NAME.fullmatch(name) is None or name != name.lower():
            found.add("command", f"the name {name!r}")
    for text in _localized(named, "description"):
        found.measure("description", text, 100, filled=True)


def _localized(named: Json, part: str) -> list[str]:
    return [named.get(part) or "", *(named.get(f"{part}_localizations") or {}).values()]


def _size(node: Json) -> int:
    """Name, description and value of a command, its options and choices; only the longest localisation counts."""
    size = sum(max(map(units, _localized(node, part))) for part in ("name", "description"))
    if "value" in node:
        size += units(str(node["value"]))
    return size + sum(map(_size, [*(node.get("options") or []), *(node.get("choices") or [])]))
