"""The page about how long the bot keeps what is asked."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bot.locales.message import later, plural
from bot.locales.numbers import whole
from bot.replies.components.press import Item
from bot.replies.settings.controls import Choice, Menu, Option, text
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage, from_here, replaced
from bot.servers.settings import ServerSettings
from bot.servers.topics.retention import MOST_DAYS

DEFAULT = "default"
DAYS = (1, 2, 3, 7, 14, 21)
ABOUT = later(
    "The buttons under an answer need what was asked, and /chat needs the last exchanges of each channel. When they "
    "are gone, the buttons say so, and a conversation begins anew. A shorter time also applies to what I already "
    "have.\n-# If I am removed from this server, its settings and everything else of it are deleted 30 days later. "
    "Everybody can delete what is theirs at once, with /privacy."
)


class RetentionPage(TopicPage):
    """How long requests and conversations are kept."""

    name = "retention"
    # Translators: a topic of /settings: how long I keep what is asked.
    title = later("Retention")
    # Translators: what is set on the page "Retention"; at most 100 characters.
    about = later("How long I keep what is asked in this server.")

    def items(self, shown: Shown) -> Iterator[Item]:
        days = shown.settings.retention.days
        number = days or MOST_DAYS
        kept = plural("**Kept for {number} day.**", "**Kept for {number} days.**", number, number=whole(number))
        yield text(f"{kept}\n{from_here(days is not None)}")
        options = [
            Option(DEFAULT, _default()),
            *(Option(str(one), _days(one)) for one in DAYS),
        ]
        chosen = DEFAULT if days is None else str(days)
        if chosen not in {option.value for option in options}:
            options.append(Option(chosen, _days(number)))
        yield Menu(self.field("days"), options, [chosen]).row()
        yield text(ABOUT)

    def change(self, choice: Choice, shown: Shown) -> Change:
        value = choice.value
        if choice.field.name != "days" or value not in {DEFAULT, *map(str, DAYS)}:
            raise OutdatedPage
        return partial(_with, days=None if value == DEFAULT else int(value))


def _days(days: int) -> str:
    return plural("{number} day", "{number} days", days, number=whole(days))


def _default() -> str:
    return plural(
        "{number} day (the bot's default)",
        "{number} days (the bot's default)",
        MOST_DAYS,
        number=whole(MOST_DAYS),
    )


def _with(now: ServerSettings, **fields: object) -> ServerSettings:
    return replaced(now, "retention", now.retention, **fields)
