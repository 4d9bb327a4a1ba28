"""A reply: one embed, with a text file if the embed cannot hold everything."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import discord

from bot.inference.requests import Answer, LabelScore, Request
from bot.locales.message import Message, _, later, plural
from bot.locales.numbers import decimal, whole
from bot.pictures.picture import Picture
from bot.pictures.wording import as_chip
from bot.replies.components.buttons import Button
from bot.replies.components.press import Item
from bot.replies.formatting.bars import bar_line, plain_line
from bot.replies.formatting.text import Keep, Style, escape, fit, visible

QUOTE = 800
"""UTF-16 units of a quoted text: about the screen of a phone."""
LABEL = 60
"""UTF-16 units of a label beside its bar."""
MOST_BARS = 25
FOOTER = 1_000
# Translators: below an answer that is too long for a message. The asterisks make it italic.
SHORTENED = later("*Shortened; the file has everything.*")
# Translators: below an answer. The context is what the model can read at once.
TRUNCATED: Mapping[tuple[str, str], Message] = {
    ("text", "end"): later("The end of the text exceeds this model's context and was not read."),
    ("longest text", "end"): later("The end of the longest text exceeds this model's context and was not read."),
    ("context", "end"): later("The end of the context exceeds this model's context and was not read."),
    ("post", "end"): later("The end of the post exceeds this model's context and was not read."),
    ("code", "start"): later("The start of the code exceeds this model's context and was not read."),
    ("prompt", "start"): later("The start of the prompt exceeds this model's context and was not read."),
}
"""By what was cut, and at which end."""


class Colour:
    """Accents: one for each command, and two outcomes of `/sentiment`."""

    POSITIVE = 0x4CA771
    NEGATIVE = 0xC7595C
    SENTIMENT = 0x7D8590
    FILL = 0x8C7AD0
    GENERATE = 0x3E9C9C
    TRANSLATE = 0x4F86C6
    ZEROSHOT = 0xC9913D
    ENTITIES = 0x5B8C5A
    SIMILARITY = 0x4A7FA7
    ANSWER = 0xB0708A
    WORK = 0x5B6B8C


@dataclass(frozen=True)
class TextFile:
    """A text file to attach."""

    name: str
    text: str

    def open(self) -> discord.File:
        """Make the attachment, which can be sent once."""
        return discord.File(io.BytesIO(self.text.encode("utf-8")), self.name)


@dataclass(frozen=True)
class Drawing:
    """A picture to attach, under the name of its file. It is drawn off the event loop, when the reply is sent."""

    name: str
    draw: Callable[[], Picture]

    def open(self, picture: Picture) -> discord.File:
        """Make the attachment, which can be sent once."""
        return discord.File(io.BytesIO(picture.png), self.name, description=picture.alt)


class Menus(Protocol):
    """Menus and buttons that replace a reply by another one about the same request."""

    @property
    def request(self) -> Request[object]:
        """The request that is kept for their custom ids."""
        ...

    def items(self, request_id: str) -> Iterable[Item]:
        """Make the items, in order."""
        ...


@dataclass(frozen=True)
class Reply:
    """An embed with its picture, a file if something in it was cut, and components."""

    embed: discord.Embed
    file: TextFile | None = None
    buttons: tuple[Button, ...] = ()
    drawing: Drawing | None = None
    pages: Menus | None = None

    def files(self) -> list[discord.File]:
        """Make the attachments besides the picture, which can be sent once."""
        return [] if self.file is None else [self.file.open()]

    def with_picture(self, picture: Picture | None) -> tuple[discord.Embed, list[discord.File]]:
        """Make the embed and the attachments, which can be sent once; without a picture if drawing has failed."""
        if self.drawing is None or picture is None:
            return self.embed, self.files()
        embed = self.embed.copy().set_image(url=f"attachment://{self.drawing.name}")
        return embed, [self.drawing.open(picture), *self.files()]


@dataclass
class Draft:
    """A reply that is being composed.

    Attributes:
        cut: whether anything had to be cut.
        lines: of the description.
    """

    colour: int
    title: str | None = None
    cut: bool = False
    lines: list[str] = field(default_factory=list)
    fields: list[tuple[str, str]] = field(default_factory=list)

    def fit(self, text: str, limit: int, style: Style = escape, keep: Keep = Keep.START) -> str:
        """Return as much of a text as fits (see `bot.replies.formatting.text.fit`)."""
        shown, whole = fit(text, limit, style, keep)
        self.cut |= not whole
        return shown

    def bars(self, scores: Sequence[LabelScore], bold: int, label: int = LABEL) -> str:
        """Return a bar for each of the first scores.

        Args:
            bold: how many labels are in bold.
            label: the most UTF-16 units of a label.
        """
        lines = []
        for index, score in enumerate(scores[:MOST_BARS]):
            shown = self.fit(score.label, label)
            lines.append(bar_line(score.probability, f"**{shown}**" if index < bold and shown.strip() else shown))
        if len(scores) > MOST_BARS:
            self.cut = True
            # Translators: the end of a list of labels, of which the first ones are shown.
            lines.append(plural("… and {count} more", "… and {count} more", len(scores) - MOST_BARS))
        return "\n".join(lines)

    def preview(self, said: str) -> Reply:
        """Return the reply while the answer isn't complete, with a footer."""
        embed = discord.Embed(description="\n".join(self.lines), colour=self.colour)
        return Reply(embed.set_footer(text=said))

    def reply(
        self, name: str, answer: Answer[object], whole: str, remark: str | None = None, *, fact: str | None = None
    ) -> Reply:
        """Return the finished reply.

        Args:
            name: the command's, for the file.
            whole: the contents of the file.
            remark: sentences for the footer.
            fact: a few words for the first line of the footer.
        """
        description = "\n".join([*self.lines, "", str(SHORTENED)] if self.cut else self.lines)
        embed = discord.Embed(title=self.title, description=description, colour=self.colour)
        for field_name, value in self.fields:
            embed.add_field(name=field_name, value=value, inline=False)
        embed.set_footer(text=footer(answer, remark, fact))
        return Reply(embed, TextFile(f"{name}.txt", visible(whole) + "\n") if self.cut else None)


def footer(answer: Answer[object], remark: str | None = None, fact: str | None = None) -> str:
    """Return the checkpoint, the device and the time, then remarks. Discord shows footers as plain text."""
    facts = (answer.checkpoint, f"{answer.device} {answer.precision}", duration(answer.seconds), fact)
    lines = (" · ".join(filter(None, facts)), answer.note, remark)
    return fit("\n".join(filter(None, lines)), FOOTER, visible)[0]


def duration(seconds: float) -> str:
    """Write seconds: 0.034 as "34 ms", 12.3 as "12.3 s"."""
    if seconds >= 10:
        # Translators: seconds.
        return _("{number} s", number=decimal(seconds, 1))
    # Translators: milliseconds.
    return _("{number} ms", number=whole(max(1, round(seconds * 1000))))


def truncation(truncated: bool, what: str = "text", part: str = "end") -> str | None:
    """Return a sentence that the model has not read everything, if that is so."""
    return str(TRUNCATED[what, part]) if truncated else None


def gone_on(begun: Sequence[int], taken: str) -> str | None:
    """Return a sentence that a text goes on from another token, if it does.

    Args:
        begun: the ids of the tokens that it begins with.
        taken: the last one of them, as text.
    """
    if not begun:
        return None
    return _(
        "Goes on from token {number}, “{token}”, which took another one's place.",
        number=len(begun),
        token=as_chip(taken),
    )


def plain_scores(scores: Sequence[LabelScore]) -> str:
    """List every label and its probability, for a file."""
    return "\n".join(plain_line(score.probability, score.label) for score in scores)
