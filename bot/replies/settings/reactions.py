"""The page about translations by flag reactions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from bot.replies.components.press import Item
from bot.replies.settings.controls import ON, Choice, Menu, Option, text, toggle
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage, from_here, replaced
from bot.servers.settings import ServerSettings
from bot.servers.topics.reactions import ReactionSettings

KEEP = "keep"
TIMES: Mapping[str, str] = {
    "60": "After a minute",
    "600": "After 10 minutes",
    "3600": "After an hour",
    "86400": "After a day",
}
WITHOUT_INTENT = (
    "**Flags don't work here yet.** Discord shows me the text of other people's messages only with its Message "
    "Content intent, which whoever runs this bot has not switched on.\n\n"
    "**The message menu does the same without it:** right-click a message (on a phone, hold it) → **Apps** → "
    "**Translate**. Only you see the translation, in your own language, and you can share it."
)


PRIVATE = (
    "**Flags wait for public answers.** This server shows answers only to the person who asks (page Answers), and a "
    "reaction can have no such answer."
)


class ReactionsPage(TopicPage):
    """Whether a flag translates, and for how long the translation stays."""

    name = "reactions"
    title = "Flag reactions"
    about = "A flag under a message translates it into a language of that country."

    def items(self, shown: Shown) -> Iterator[Item]:
        if not shown.operator.message_content:
            yield text(WITHOUT_INTENT)
            return
        now, default = shown.settings.reactions, ReactionSettings()
        works = shown.settings.translates_flags
        effect = "a flag under a message translates it" if works else "flags under messages do nothing"
        yield toggle(
            self.field("translate"),
            now.translate,
            f"**Translate on flag reactions**: {effect}.\n{from_here(now.translate != default.translate)}",
        )
        if shown.settings.answers.private:
            yield text(PRIVATE)
        chosen = KEEP if now.delete_after is None else str(now.delete_after)
        options = [Option(KEEP, "Never"), *(Option(value, label) for value, label in TIMES.items())]
        if chosen not in {KEEP, *TIMES}:
            options.append(Option(chosen, f"After {chosen} seconds"))
        yield text(f"**Delete translations automatically:**\n{from_here(now.delete_after is not None)}")
        yield Menu(self.field("delete"), options, [chosen]).row()
        yield text(
            "-# People who have opted out with /privacy are not translated. The page Access says where and for whom."
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
