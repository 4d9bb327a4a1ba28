"""The page about how the bot answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bot.inference.languages.lookup import language
from bot.locales.languages import language_name
from bot.locales.message import _, later
from bot.replies.components.autocompletion import COMMON
from bot.replies.components.press import Item
from bot.replies.settings.controls import ON, Choice, Menu, Option, text, toggle
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage, from_here, replaced
from bot.servers.languages import language_of
from bot.servers.settings import ServerSettings
from bot.servers.topics.answers import AnswerSettings

DISCORDS = "discord"
# Translators: where the value of a setting comes from.
OF_DISCORD = later("Discord's setting of this server")
LANGUAGES = COMMON[:24]
"""As many as a menu has room for, beside Discord's."""


class AnswersPage(TopicPage):
    """Who sees answers, and the server's language."""

    name = "answers"
    # Translators: a topic of /settings: how I answer.
    title = later("Answers")
    # Translators: what is set on the page "Answers"; at most 100 characters.
    about = later("Who sees them, and the server's language.")

    def items(self, shown: Shown) -> Iterator[Item]:
        now, default = shown.settings.answers, AnswerSettings()
        effect = (
            _("**Private answers**: only the person who asks sees the answers.")
            if now.private
            else _("**Private answers**: everybody in the channel sees the answers.")
        )
        origin = from_here(now.private != default.private)
        yield toggle(self.field("private"), now.private, f"{effect}\n{origin}")
        discords = _named(language_of(shown.guild.preferred_locale))
        effective = discords if now.language is None else _named(now.language)
        said = _(
            "**Language: {language}**. /translate translates into it unless another language is named.",
            language=effective,
        )
        yield text(f"{said}\n{from_here(now.language is not None, OF_DISCORD)}")
        # Translators: an option of a menu of languages: the one that Discord has for this server.
        options = [Option(DISCORDS, _("As Discord says: {language}", language=discords))]
        options += [Option(code, _named(code)) for code in LANGUAGES]
        if now.language is not None and now.language not in LANGUAGES:
            options[-1] = Option(now.language, effective)
        yield Menu(self.field("language"), options, [now.language or DISCORDS]).row()

    def change(self, choice: Choice, shown: Shown) -> Change:
        match choice.field.name, choice.value:
            case "private", (("on" | "off") as value):
                return partial(_with, private=value == ON)
            case "language", value if value == DISCORDS or value in LANGUAGES:
                return partial(_with, language=None if value == DISCORDS else value)
            case _:
                raise OutdatedPage


def _named(code: str) -> str:
    """Return a language's name in the current locale, and its own name: "French (français)"."""
    found = language(code)
    name = language_name(found.code)
    return name if name == found.own_name else f"{name} ({found.own_name})"


def _with(now: ServerSettings, **fields: object) -> ServerSettings:
    return replaced(now, "answers", now.answers, **fields)
