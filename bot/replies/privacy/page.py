"""What is kept about a person, and what the bot may read, on one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import discord

from bot.locales.lists import enumerated, joined, sentences
from bot.locales.message import Message, _, later, plural
from bot.locales.numbers import whole
from bot.replies.components.press import Item
from bot.replies.privacy.controls import ASK_TO_ERASE, EXPORT, OptOutButton, PrivacyButton
from bot.storage.opt_outs import ReadAlong
from bot.storage.personal.personal_data import Held

ACCENT = discord.Colour(0x5B6B8C)
LONGEST = 2_600
"""Characters of the list; a message with a layout has 4,000 in all."""

READING: Mapping[ReadAlong, tuple[Message, Message]] = {
    ReadAlong.REACTIONS: (
        # Translators: flags of countries as reactions under messages.
        later("Flags"),
        later("Where a server wants it, a flag under a message of yours has me translate it."),
    ),
    ReadAlong.MOODS: (
        # Translators: what /mood and /topics draw of a channel.
        later("Moods and topics"),
        later("Pictures of a channel count your messages, and never show whose they are."),
    ),
    ReadAlong.FORUM_TAGS: (
        later("Forum tags"),
        later("Where a server wants it, I read your posts in a forum to propose its tags."),
    ),
    ReadAlong.CHAT: (
        later("Conversations"),
        later("I read earlier messages of yours when others talk with me about them."),
    ),
}
"""The name and the explanation of what the bot reads that was not written to it."""

OUTSIDE = later(
    "What I have written into a channel stays there until you or a moderator delete it in Discord. When a server "
    "removes me, everything of that server is deleted after 30 days."
)


@dataclass(frozen=True)
class PrivacyPage:
    """What the page shows.

    Attributes:
        held: see `PersonalData.held`.
        out: what the person has opted out of.
        is_encrypted: whether texts are encrypted at rest.
        notice: what has just been done.
    """

    held: Sequence[Held]
    out: Set[ReadAlong]
    is_encrypted: bool
    notice: str = ""

    def layout(self) -> discord.ui.LayoutView:
        """Make the message."""
        container: discord.ui.Container[discord.ui.LayoutView] = discord.ui.Container(accent_colour=ACCENT)
        for item in self._items():
            container.add_item(item)
        view = discord.ui.LayoutView(timeout=None)
        view.add_item(container)
        view.stop()  # components are found by their custom ids
        return view

    def _items(self) -> Iterator[Item]:
        if self.notice:
            yield _text(self.notice)
            yield discord.ui.Separator()
        heading = _("What I keep about you")
        # Translators: what I keep about a person.
        listed = self._list() or _("Nothing.")
        yield _text(f"## {heading}\n{listed}")
        yield _text(f"-# {sentences(self._how(), OUTSIDE)}")
        buttons = [PrivacyButton.of(EXPORT), PrivacyButton.of(ASK_TO_ERASE)] if self._is_something else []
        if buttons:
            yield discord.ui.ActionRow(*buttons)
        yield discord.ui.Separator()
        heading = _("What I may read")
        note = _("Messages that were not written to me. What you opt out of, I leave out.")
        yield _text(f"## {heading}\n{note}")
        for what, (name, about) in READING.items():
            is_out = what in self.out
            # Translators: whether I may read something.
            state = _("off: you have opted out") if is_out else _("on")
            yield discord.ui.Section(_text(f"**{name}** · {state}\n{about}"), accessory=OptOutButton.of(what, is_out))

    @property
    def _is_something(self) -> bool:
        return any(one.count for one in self.held)

    def _list(self) -> str:
        long = "\n".join(_line(one) for one in self.held if one.count)
        return long if len(long) <= LONGEST else "\n".join(_facts(one) for one in self.held if one.count)

    def _how(self) -> str:
        if self.is_encrypted:
            return _("Texts are stored encrypted.")
        return _("Texts are stored as they are: whoever runs me has not set a key that encrypts them.")


def _line(held: Held) -> str:
    return sentences(_facts(held), held.holding.kept)


def _facts(held: Held) -> str:
    """Return what is kept, since when, and what for, as an item of a list."""
    facts = [f"**{held.holding.words(held.count)}**"]
    if held.oldest is not None:
        date = f"<t:{held.oldest:.0f}:D>"
        # Translators: since when I keep something: the date of the only one, or of the oldest of several.
        facts.append(_("from {date}", date=date) if held.count == 1 else _("the oldest from {date}", date=date))
    if held.holding.why is not None:
        facts.append(str(held.holding.why))
    # Translators: an item of a list. {facts} are such as "5 requests of yours, the oldest from 3 May".
    return "- " + _("{facts}.", facts=enumerated(facts))


def erased(held: Sequence[Held]) -> str:
    """Say what a deletion has done."""
    done = [one.holding.words(one.count) for one in held if one.count and one.holding.erasing is None]
    ending = sum(one.count for one in held if one.holding.erasing is not None)
    # Translators: {things} are such as "5 requests of yours and 2 guesses of yours".
    said = [_("Deleted: {things}.", things=joined(done)) if done else _("There was nothing to delete.")]
    if ending:
        ends = plural(
            "{number} text that I was writing for you ends now.",
            "{number} texts that I was writing for you end now.",
            ending,
            number=whole(ending),
        )
        said.append(ends)
    said.append(_("What you asked before this and is still being answered is not kept either."))
    return sentences(*said)


def _text(content: str) -> discord.ui.TextDisplay[discord.ui.LayoutView]:
    return discord.ui.TextDisplay(content)
