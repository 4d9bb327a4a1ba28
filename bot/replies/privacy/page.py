"""What is kept about a person, and what the bot may read, on one page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass

import discord

from bot.errors import joined
from bot.replies.components.press import Item
from bot.replies.privacy.controls import ASK_TO_ERASE, EXPORT, OptOutButton, PrivacyButton
from bot.storage.opt_outs import ReadAlong
from bot.storage.personal.personal_data import Held

ACCENT = discord.Colour(0x5B6B8C)
LONGEST = 2_600
"""Characters of the list; a message with a layout has 4,000 in all."""

READING: Mapping[ReadAlong, tuple[str, str]] = {
    ReadAlong.REACTIONS: ("Flags", "Where a server wants it, a flag under a message of yours has me translate it."),
    ReadAlong.MOODS: ("Moods and topics", "Pictures of a channel count your messages, and never show whose they are."),
    ReadAlong.FORUM_TAGS: ("Forum tags", "Where a server wants it, I read your posts in a forum to propose its tags."),
    ReadAlong.CHAT: ("Conversations", "I read earlier messages of yours when others talk with me about them."),
}
"""The name and the explanation of what the bot reads that was not written to it."""

OUTSIDE = (
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
        yield _text("## What I keep about you\n" + (self._list() or "Nothing."))
        yield _text(f"-# {self._how()} {OUTSIDE}")
        buttons = [PrivacyButton.of(EXPORT), PrivacyButton.of(ASK_TO_ERASE)] if self._is_something else []
        if buttons:
            yield discord.ui.ActionRow(*buttons)
        yield discord.ui.Separator()
        yield _text("## What I may read\nMessages that were not written to me. What you opt out of, I leave out.")
        for what, (name, about) in READING.items():
            is_out = what in self.out
            state = "off: you have opted out" if is_out else "on"
            yield discord.ui.Section(_text(f"**{name}** · {state}\n{about}"), accessory=OptOutButton.of(what, is_out))

    @property
    def _is_something(self) -> bool:
        return any(one.count for one in self.held)

    def _list(self) -> str:
        lines = [_line(one) for one in self.held if one.count]
        whole = "\n".join(lines)
        return whole if len(whole) <= LONGEST else "\n".join(_line(one, "") for one in self.held if one.count)

    def _how(self) -> str:
        if self.is_encrypted:
            return "Texts are stored encrypted."
        return "Texts are stored as they are: whoever runs me has not set a key that encrypts them."


def _line(held: Held, kept: str | None = None) -> str:
    holding = held.holding
    since = "" if held.oldest is None else f", {'the oldest ' if held.count > 1 else ''}from <t:{held.oldest:.0f}:D>"
    why = f", {holding.why}" if holding.why else ""
    return f"- **{holding.words(held.count)}**{since}{why}." + (f" Kept {holding.kept}." if kept is None else kept)


def erased(held: Sequence[Held]) -> str:
    """Say what a deletion has done."""
    done = [one.holding.words(one.count) for one in held if one.count and one.holding.erasing is None]
    ending = sum(one.count for one in held if one.holding.erasing is not None)
    sentences = [f"Deleted: {joined(done)}." if done else "There was nothing to delete."]
    if ending:
        sentences.append(f"{ending:,} {'text' if ending == 1 else 'texts'} that I was writing for you ends now.")
    sentences.append("What you asked before this and is still being answered is not kept either.")
    return " ".join(sentences)


def _text(content: str) -> discord.ui.TextDisplay[discord.ui.LayoutView]:
    return discord.ui.TextDisplay(content)
