"""The text of somebody's message: what they wrote, forwarded, embedded, asked in a poll, or attached as a file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from typing import Any, Protocol

import discord
import regex

from bot.errors import InvalidRequest
from bot.locales.message import later, later_plural
from bot.locales.values import later_whole
from bot.replies.attachments import MOST_BYTES, read_text
from bot.text.accepted import has_words
from bot.text.markup import LINKS

NO_TEXT = later("There is no text in this message that I can read: I read neither pictures, nor videos, nor voices.")

_TEXT_TYPES = frozenset({"application/json", "application/xml", "application/yaml", "application/toml"})
"""Files that hold text, beside those of the type `text`."""
_TEXT_ENDINGS = (".txt", ".text", ".md", ".log", ".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".srt")
"""Of files whose type Discord does not know."""
_POLL_RESULT = ("poll_question_text", "victor_answer_text")
"""The fields of a poll's result that hold words; Discord has no others for them."""
_NAMED = regex.compile(r"<(?P<mention>@[!&]?\d+)>|<a?:(?P<emoji>\w+):\d+>")
_LINK = regex.compile(LINKS, regex.VERBOSE)


class Written(Protocol):
    """What a message and the snapshot of a forwarded one have in common."""

    content: str
    embeds: list[discord.Embed]
    attachments: list[discord.Attachment]


def text_of(message: discord.Message) -> str:
    """Return the text of a message; empty if it has none.

    It is, in this order: the content and the text of components and embeds, first of the message, then of those that it
    forwards; the question and the answers of a poll. Previews of links count only where there are no other words.
    Everything is as it was written: mentions are ids (see `with_names`). Attachments are left out.
    """
    return _joined([*_words_of(message), *_poll(message.poll)])


async def read_message(message: discord.Message) -> str:
    """Return the text of a message with that of its text files, the forwarded ones included.

    Raises:
        InvalidRequest: there is no text, or a text file is too large, unavailable or not UTF-8.
    """
    files = text_files(message)
    size = sum(file.size for file in files)
    if size > MOST_BYTES:
        raise InvalidRequest(
            later_plural(
                "This message has one text file of {size} bytes, and I can read {limit} at most. Please choose a "
                "message with less.",
                "This message has {count} text files of {size} bytes, and I can read {limit} at most. Please choose a "
                "message with less.",
                len(files),
                size=later_whole(size),
                limit=later_whole(MOST_BYTES),
            )
        )
    text = _joined([text_of(message), *await asyncio.gather(*map(read_text, files))])
    if not has_words(text):
        raise InvalidRequest(NO_TEXT)
    return text


def text_files(message: discord.Message) -> list[discord.Attachment]:
    """Return the attachments of a message, and of those that it forwards, that hold text."""
    return [file for part in _parts(message) for file in part.attachments if _is_text(file)]


def with_names(text: str, message: discord.Message) -> str:
    """Return a text of a message in which people, roles and emoji have their names; unknown ones stay ids.

    Channels stay ids, because not everybody may know the name of each.
    """
    names = {f"@{person.id}": person.display_name for person in message.mentions}
    names |= {f"@&{role.id}": role.name for role in message.role_mentions}

    def name(found: regex.Match[str]) -> str:
        if found["emoji"]:
            return f":{found['emoji']}:"
        known = names.get(found["mention"].replace("!", ""))
        return found[0] if known is None else f"@{known}"

    return str(_NAMED.sub(name, text))


def _parts(message: discord.Message) -> list[Written]:
    return [message, *message.message_snapshots]


def _joined(texts: Iterable[str]) -> str:
    return "\n".join(text for one in texts if (text := one.strip()))


def _words_of(message: discord.Message) -> Iterator[str]:
    """Yield the texts of a message and of those that it forwards, without previews of links if there are others."""
    texts = [text for part in _parts(message) for text in _own_words(part)]
    yield from texts
    if not any(has_words(_LINK.sub(" ", text)) for text in texts):
        for part in _parts(message):
            yield from (text for embed in part.embeds if embed.type != "rich" for text in _embedded(embed))


def _own_words(part: Written) -> Iterator[str]:
    yield part.content
    yield from _displayed(getattr(part, "components", ()))  # unset where Discord sends none
    for embed in part.embeds:
        if embed.type == "rich":
            yield from _embedded(embed)


def _embedded(embed: discord.Embed) -> Iterator[str]:
    """Yield the texts of an embed, from top to bottom; author and footer only say where it is from."""
    if embed.type == "poll_result":
        values = {field.name: field.value for field in embed.fields}
        yield from (values.get(name) or "" for name in _POLL_RESULT)
        return
    yield from (embed.title or "", embed.description or "")
    for field in embed.fields:
        yield from (field.name or "", field.value or "")


def _displayed(components: Iterable[Any]) -> Iterator[str]:
    """Yield the text displays among components. A message that has them has neither content nor embeds."""
    for component in components:
        if isinstance(component, discord.components.TextDisplay):
            yield component.content
        yield from _displayed(getattr(component, "children", ()))


def _poll(poll: discord.Poll | None) -> Iterator[str]:
    if poll is not None:
        yield poll.question
        yield from (answer.text for answer in poll.answers)


def _is_text(file: discord.Attachment) -> bool:
    kind = (file.content_type or "").partition(";")[0].strip().casefold()
    if not kind:
        return file.filename.casefold().endswith(_TEXT_ENDINGS)
    return kind.startswith("text/") or kind in _TEXT_TYPES
