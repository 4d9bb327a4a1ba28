"""What is in the simulated server: a second person, her messages and a file, a week of chatter, and a forum."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from bot.locales.message import Message


@dataclass(frozen=True)
class Post:
    """A post of the forum."""

    title: str
    text: str


@dataclass(frozen=True)
class Scenery:
    """The texts of `scenery.toml`.

    Attributes:
        welcome, welcome_directly, welcome_to_forum: what the bot says at first, on each page.
        topic, chatter_topic: of the channels.
        menu: the name of a message menu to show.
        rows: of the file, the header first.
        chatter: one message a line, in order.
    """

    welcome: str
    welcome_directly: str
    welcome_to_forum: str
    topic: str
    chatter_topic: str
    menu: str
    friend: str
    hello: str
    with_file: str
    file: str
    rows: tuple[tuple[str, ...], ...]
    chatter: tuple[str, ...]
    forum: str
    tags: tuple[str, ...]
    posts: tuple[Post, ...]

    @classmethod
    def read(cls) -> Scenery:
        """Read the file of the package; what it says to whoever tries the bot is translated."""
        text = resources.files("bot.playground").joinpath("scenery.toml").read_text(encoding="utf-8")
        fields = tomllib.loads(text)
        forum = fields.pop("forum")
        return cls(
            welcome=str(Message(fields["welcome"])),
            welcome_directly=str(Message(fields["welcome_directly"])),
            welcome_to_forum=str(Message(fields["welcome_to_forum"])),
            topic=str(Message(fields["topic"])),
            chatter_topic=str(Message(fields["chatter_topic"])),
            menu=fields["menu"],
            friend=fields["friend"],
            hello=fields["hello"],
            with_file=str(Message(fields["with_file"])),
            file=fields["file"],
            rows=tuple(map(tuple, fields["rows"])),
            chatter=tuple(fields["chatter"]),
            forum=forum["name"],
            tags=tuple(forum["tags"]),
            posts=tuple(Post(**post) for post in forum["posts"]),
        )


def csv_of(rows: Sequence[Sequence[str]]) -> bytes:
    """Write rows as a CSV file."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()
