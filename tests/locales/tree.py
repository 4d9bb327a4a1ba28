"""The texts of the command tree, as discord.py asks a translator for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import discord
from discord import app_commands
from discord.app_commands import TranslationContextTypes

from bot.locales.command_tree import CHOICE, COMMAND, COMMAND_NAME, MENU_NAME, OPTION, OPTION_NAME, context_of
from tests.command_table import commands

LIMITS: Mapping[str, int] = {
    MENU_NAME: 32,
    COMMAND_NAME: 32,
    COMMAND: 100,
    OPTION_NAME: 32,
    OPTION: 100,
    CHOICE: 100,
}
"""Characters, by Discord's rules. Source: https://docs.discord.com/developers/interactions/application-commands"""
_ONE_WORD = "one word in small letters, without spaces; leave it empty where practitioners use the English word"
HINTS: Mapping[str, str] = {COMMAND_NAME: _ONE_WORD, OPTION_NAME: _ONE_WORD}


class Collecting(app_commands.Translator):
    """Notes what it is asked to translate: contexts and texts, in the tree's order."""

    def __init__(self) -> None:
        self.asked: dict[tuple[str, str], None] = {}

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: TranslationContextTypes
    ) -> str | None:
        self.asked[context_of(context), string.message] = None
        return None


async def texts() -> Sequence[tuple[str, str]]:
    """Return all texts of the tree, each with its context."""
    collecting = Collecting()
    await payloads(collecting)
    return sorted(collecting.asked)


async def payloads(translator: app_commands.Translator) -> list[dict[str, Any]]:
    """Return what Discord is told of the tree."""
    tree, known = await commands()
    ordered = sorted(known, key=lambda one: (type(one).__name__, one.name))
    return [await one.get_translated_payload(tree, translator) for one in ordered]
