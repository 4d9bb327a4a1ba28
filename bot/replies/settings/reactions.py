"""The page about translations by flag reactions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from bot.locales.message import Message, _, later, plural
from bot.locales.numbers import whole
from bot.replies.components.press import Item
from bot.replies.settings.controls import ON, Choice, Menu, Option, small, text, toggle
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage, from_here, replaced
from bot.servers.settings import ServerSettings
from bot.servers.topics.reactions import ReactionSettings

KEEP = "keep"
TIMES: Mapping[str, Message] = {
    # Translators: when translations are deleted.
    "60": later("After a minute"),
    # Translators: when translations are deleted.
    "600": later("After 10 minutes"),
    # Translators: when translations are deleted.
    "3600": later("After an hour"),
    # Translators: when translations are deleted.
    "86400": later("After a day"),
}
WITHOUT_INTENT = later(
    "**Flags don't work here yet.** Discord shows me the text of other people's messages only with its Message "
    "Content intent, which whoever runs this bot has not switched on.\n\n"
    "**The message menu does the same without it:** right-click a message (on a phone, hold it) → **Apps** → "
    "**Translate**. Only you see the translation, in your own language, and you can share it."
)


PRIVATE = later(
    "**Flags wait for public answers.** This server shows answers only to the person who asks (page Answers), and a "
    "reaction can have no such answer."
)


class ReactionsPage(TopicPage):
    """Whether a flag translates, and for how long the translation stays."""

    name = "reactions"
    # Translators: a topic of /settings: flags of countries as reactions under messages.
    title = later("Flag reactions")
    # Translators: what is set on the page "Flag reactions"; at most 100 characters.
    about = later("A flag under a message translates it into a language of that country.")

    def items(self, shown: Shown) -> Iterator[Item]:
        if not shown.operator.message_content:
            yield text(WITHOUT_INTENT)
            return
        now, default = shown.settings.reactions, ReactionSettings()
        effect = (
            _("**Translate on flag reactions**: a flag under a message translates it.")
            if shown.settings.translates_flags
            else _("**Translate on flag reactions**: flags under messages do nothing.")
        )
        origin = from_here(now.translate != default.translate)
        yield toggle(self.field("translate"), now.translate, f"{effect}\n{origin}")
        if shown.settings.answers.private:
            yield text(PRIVATE)
        chosen = KEEP if now.delete_after is None else str(now.delete_after)
        # Translators: when translations are deleted.
        options = [Option(KEEP, _("Never")), *(Option(value, label) for value, label in TIMES.items())]
        if chosen not in {KEEP, *TIMES}:
            seconds = int(chosen)
            # Translators: when translations are deleted.
            label = plural("After {number} second", "After {number} seconds", seconds, number=whole(seconds))
            options.append(Option(chosen, label))
        when = _("**Delete translations automatically:**")
        yield text(f"{when}\n{from_here(now.delete_after is not None)}")
        yield Menu(self.field("delete"), options, [chosen]).row()
        yield small(
            _("People who have opted out with /privacy are not translated. The page Access says where and for whom.")
        )

    def change(self, choice: Choice, shown: Shown) -> Change:
        if not shown.operator.message_content:
            raise OutdatedPage
        match choice.field.name, choice.value:
            case "translate", (("on" | "off") as value):
                return partial(_with, translate=value == ON)
            case "delete", value if value == KEEP or value in TIMES:
                return partial(_with, delete_after=None if value == KEEP else int(value))
            case _:
                raise OutdatedPage


def _with(now: ServerSettings, **fields: object) -> ServerSettings:
    return replaced(now, "reactions", now.reactions, **fields)
