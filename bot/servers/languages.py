"""The language of an answer that nobody has named one for."""

from __future__ import annotations

from collections.abc import Iterator

import discord

from bot.inference.languages.lookup import language
from bot.inference.languages.pairs import LanguagePairs, serving
from bot.private_answers import is_answered_privately
from bot.servers.settings import ServerSettings

ENGLISH = "en"
REGIONAL = ("zh", "pt")
"""Languages that are written differently in different regions."""


def default_language(
    interaction: discord.Interaction,
    settings: ServerSettings,
    known: LanguagePairs | None = None,
    source: str | None = None,
    own: str | None = None,
) -> str:
    """Return the code of the language for an answer.

    It is the one that the person has chosen; otherwise that of their Discord, if only they see the answer; otherwise
    the server's, as it has set it or as Discord has it; otherwise English.

    Args:
        settings: of the server.
        known: the pairs of the checkpoint that translates. The first of these languages that it can write is chosen.
        source: the language of the text, which is not an answer's.
        own: the locale that the person has chosen.
    """
    chosen = [] if own is None else [code_of(own.replace("_", "-"))]
    candidates = [code for code in (*chosen, *_candidates(interaction, settings)) if code != source]
    if known is not None:
        for code in candidates:
            if able := serving(code, known.into(source)):
                return able[0]
    return candidates[0] if candidates else ENGLISH


def server_language(guild_locale: discord.Locale | None, settings: ServerSettings) -> str | None:
    """Return the code of a server's language; None if neither it nor Discord says one."""
    if settings.answers.language is not None:
        return settings.answers.language
    return None if guild_locale is None else language_of(guild_locale)


def language_of(locale: discord.Locale) -> str:
    """Return the code of a language of Discord's: `en` for `en-US`. Chinese and Portuguese keep their regions."""
    return code_of(locale.value)


def code_of(code: str) -> str:
    """Return our code of a language by its tag: `en` for `en-US`."""
    return language(code if code.startswith(REGIONAL) else code.partition("-")[0]).code


def _candidates(interaction: discord.Interaction, settings: ServerSettings) -> Iterator[str]:
    if interaction.guild_id is None:
        if interaction.context.dm_channel:
            yield language_of(interaction.locale)
    elif is_answered_privately(interaction):
        yield language_of(interaction.locale)
    elif (code := server_language(interaction.guild_locale, settings)) is not None:
        yield code
    yield ENGLISH
