"""Rules about what people choose from: selects of messages and modals, groups of checkboxes and radio buttons."""

from __future__ import annotations

from typing import Any

from tests.protocol.faults import Faults

Json = dict[str, Any]

STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT = 3, 5, 6, 7, 8
SELECTS = frozenset({STRING_SELECT, USER_SELECT, ROLE_SELECT, MENTIONABLE_SELECT, CHANNEL_SELECT})
DEFAULTS = {
    USER_SELECT: {"user"},
    ROLE_SELECT: {"role"},
    MENTIONABLE_SELECT: {"user", "role"},
    CHANNEL_SELECT: {"channel"},
}
"""What a select's default values may be."""
MOST_CHOICES = 25


def check_select(found: Faults, select: Json) -> None:
    """Check a select."""
    found.measure("placeholder", select.get("placeholder"), 150)
    least, most = (_number(select, name, 1) for name in ("min_values", "max_values"))
    if select["type"] == STRING_SELECT:
        options = select["options"]
        check_options(found, options, MOST_CHOICES)
        number, defaults = len(options), sum(bool(one.get("default")) for one in options)
    else:
        given = select.get("default_values") or []
        number, defaults = MOST_CHOICES, len(given)
        if strange := {one["type"] for one in given} - DEFAULTS[select["type"]]:
            found.add("options", f"a select of type {select['type']} with default values of type {sorted(strange)}")
        if len({one["id"] for one in given}) < defaults:
            found.add("options", f"default values are not unique: {given}")
    check_numbers(found, least, most, number, defaults)


def check_options(found: Faults, options: list[Json], most: int) -> None:
    """Check the options that something lists."""
    if not 1 <= len(options) <= most:
        found.add("options", f"{len(options)} options, from 1 to {most}")
    values = [one["value"] for one in options]
    if len(set(values)) < len(values):
        found.add("options", f"values {values} are not unique: SELECT_COMPONENT_OPTION_VALUE_DUPLICATED")
    for one in options:
        found.measure("option label", one["label"], 100, filled=True)
        found.measure("option value", one["value"], 100, filled=True)
        found.measure("option description", one.get("description"), 100)


def check_numbers(found: Faults, least: int, most: int, options: int, defaults: int) -> None:
    """Check how many options can be chosen."""
    if defaults > most or not 0 <= least <= most <= max(options, 1):
        found.add("options", f"from {least} to {most} of {options} options, {defaults} of them chosen")


def check_group(found: Faults, group: Json, *, several: bool) -> None:
    """Check a group of checkboxes, or of radio buttons, of which one can be chosen."""
    options = group["options"]
    check_options(found, options, 10)
    least = _number(group, "min_values", 1) if several else 1
    most = _number(group, "max_values", len(options)) if several else 1
    check_numbers(found, least, most, len(options), sum(bool(one.get("default")) for one in options))
    if several and not least and group.get("required", True):
        found.add("modal", "a group of checkboxes that is required, with min_values 0")


def _number(given: Json, name: str, otherwise: int) -> int:
    value = given.get(name)
    return otherwise if value is None else value
