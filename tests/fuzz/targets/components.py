"""Every component whose custom id Discord hands back, also if somebody has forged it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from functools import cache
from typing import Any

import discord

import cogs
from bot.replies.components.press import Component

Kind = type[Component[Any]]


@cache
def known_components() -> tuple[Kind, ...]:
    """Return all classes of components; those of cogs are known only once these are imported."""
    for module in pkgutil.iter_modules(cogs.__path__, "cogs."):
        importlib.import_module(module.name)
    return tuple(sorted(_leaves(Component), key=lambda kind: (kind.__module__, kind.__name__)))


def _leaves(kind: Kind) -> Iterator[Kind]:
    further = kind.__subclasses__()
    if not further:
        yield kind
    for one in further:
        yield from _leaves(one)


def pressed(kind: Kind, custom_id: str, values: list[str]) -> Component[Any]:
    """Make a component as discord.py does when it was pressed, with the options that somebody says they have chosen."""
    if "Menu" not in kind.__name__ and kind.__name__ != "SettingsControl":
        return kind(discord.ui.Button(custom_id=custom_id))
    menu: Any = discord.ui.Select(custom_id=custom_id)
    menu._values = values
    return kind(menu)
