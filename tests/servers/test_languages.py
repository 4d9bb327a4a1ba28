"""The language of an answer that nobody has named one for."""

from __future__ import annotations

from typing import Any

import discord
import pytest

from bot.inference.languages.pairs import LanguagePairs
from bot.private_answers import answer_privately
from bot.servers.languages import default_language
from bot.servers.settings import ServerSettings
from bot.servers.topics.answers import AnswerSettings

ALL = LanguagePairs.among(["en", "de", "fr", "es", "pt-BR", "zh-Hant"])
TO_FRENCH = LanguagePairs.of([("en", "fr")])


class Asked:
    """An interaction as far as its language matters: in a server, or in a direct message or a group."""

    def __init__(
        self, locale: str, guild_locale: str | None = None, *, private: bool = False, dm: bool = False
    ) -> None:
        self.locale = discord.Locale(locale)
        self.guild_locale = None if guild_locale is None else discord.Locale(guild_locale)
        self.guild_id = None if guild_locale is None else 1
        self.context = discord.app_commands.AppCommandContext(dm_channel=dm)
        self.extras: dict[Any, Any] = {}
        if private:
            answer_privately(self)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "set_", "known", "source", "code"),
    [
        (Asked("de", "fr"), None, None, None, "fr"),  # Discord's language of the server
        (Asked("de", "fr"), "es", None, None, "es"),  # the server's own setting
        (Asked("de", "fr", private=True), "es", None, None, "de"),  # only one person sees it
        (Asked("de", dm=True), None, None, None, "de"),
        (Asked("de"), None, None, None, "en"),  # a group: nobody knows what all of them read
        (Asked("en-GB", "en-US"), None, ALL, None, "en"),
        (Asked("pt-BR", dm=True), None, ALL, None, "pt-BR"),
        (Asked("zh-TW", dm=True), None, ALL, None, "zh-Hant"),
        (Asked("pl", dm=True), None, ALL, None, "en"),  # the checkpoint does not write Polish
        (Asked("pl", dm=True), None, TO_FRENCH, None, "pl"),  # nor English: /translate says what it does write
        (Asked("de", dm=True), None, ALL, "de", "en"),  # what is German already
        (Asked("en-US", dm=True), None, ALL, "en", "en"),
    ],
)
def test_the_language(asked: Any, set_: str | None, known: LanguagePairs | None, source: str | None, code: str) -> None:
    settings = ServerSettings(answers=AnswerSettings(language=set_))
    assert default_language(asked, settings, known, source) == code


@pytest.mark.parametrize(
    ("own", "known", "source", "code"),
    [
        ("ja", None, None, "ja"),
        ("pt_BR", ALL, None, "pt-BR"),
        ("de", ALL, "de", "fr"),  # what is in the person's language already
        ("hi", ALL, None, "fr"),  # the checkpoint does not write it
        (None, ALL, None, "fr"),
    ],
)
def test_a_persons_own_choice_comes_first(
    own: str | None, known: LanguagePairs | None, source: str | None, code: str
) -> None:
    asked: Any = Asked("de", "fr")
    assert default_language(asked, ServerSettings(), known, source, own) == code
