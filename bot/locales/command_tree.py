"""The command tree in people's languages: names, descriptions, options and choices."""

from __future__ import annotations

from collections.abc import Mapping

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location
from discord.app_commands import TranslationContextTypes

from bot.locales.catalogue import catalogue
from bot.locales.choice import offered_for
from bot.locales.current import ENGLISH, current_locale

MENU_NAME, COMMAND_NAME, COMMAND = "menu name", "command name", "command description"
OPTION_NAME, OPTION, CHOICE = "option name", "option description", "choice"

CONTEXTS: Mapping[Location, str] = {
    Location.command_name: COMMAND_NAME,
    Location.command_description: COMMAND,
    Location.group_name: COMMAND_NAME,
    Location.group_description: COMMAND,
    Location.parameter_name: OPTION_NAME,
    Location.parameter_description: OPTION,
    Location.choice_name: CHOICE,
}
"""The contexts of the tree's messages in the catalogues."""
MAY_STAY_ENGLISH = frozenset({COMMAND_NAME, OPTION_NAME})
"""Contexts in which a message without a translation makes no catalogue incomplete: no natural word may fit."""


class CommandTranslator(app_commands.Translator):
    """Gives Discord the tree in each language that is offered, when the commands are registered."""

    async def translate(
        self, string: app_commands.locale_str, locale: discord.Locale, context: TranslationContextTypes
    ) -> str | None:
        """Return a text of the tree in a language of Discord's; None where Discord should show the English one."""
        ours = offered_for(locale.value)
        if ours is None or ours == ENGLISH:
            return None
        text = catalogue(ours).pgettext(context_of(context), string.message)
        return None if text == string.message else text


def context_of(context: TranslationContextTypes) -> str:
    """Return the context in the catalogues of a text of the tree."""
    if isinstance(context.data, app_commands.ContextMenu):
        return MENU_NAME
    return CONTEXTS[context.location]


def in_tree(context: str, text: str) -> str:
    """Return a text of the tree in the current locale, as Discord shows it.

    Args:
        context: COMMAND for a command's description, and so on.
        text: the English one.
    """
    return catalogue(current_locale()).pgettext(context, text)
