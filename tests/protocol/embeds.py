"""Rules about embeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from tests.protocol.attachments import check_url
from tests.protocol.faults import Faults, units

Json = dict[str, Any]

MOST_IN_ALL = 6000
MOST_FIELDS = 25


def check_embeds(found: Faults, embeds: Sequence[Json], files: Sequence[str] | None) -> None:
    """Check all embeds of a message.

    Args:
        files: the names of the message's files; None where they are not known.
    """
    points = wide = 0
    for embed in embeds:
        texts = list(_texts(embed))
        for what, text, most, filled in texts:
            found.measure(what, text, most, filled=filled)
            points, wide = points + len(text or ""), wide + units(text or "")
        _check_rest(found, embed, any((text or "").strip() for _, text, _, _ in texts), files)
    if points > MOST_IN_ALL:
        found.add("embed-total", f"{points} characters in all embeds, at most {MOST_IN_ALL}")
    elif wide > MOST_IN_ALL:
        found.add("embed-total", f"{wide} UTF-16 units in all embeds, at most {MOST_IN_ALL}")


def _texts(embed: Json) -> Iterator[tuple[str, str | None, int, bool]]:
    """What each text is, the text, its largest length, and whether it has to say something."""
    yield "embed title", embed.get("title"), 256, False
    yield "embed description", embed.get("description"), 4096, False
    if author := embed.get("author"):
        yield "embed author", author.get("name"), 256, True
    if footer := embed.get("footer"):
        yield "embed footer", footer.get("text"), 2048, True
    for field in embed.get("fields") or ():
        yield "field name", field.get("name"), 256, True
        yield "field value", field.get("value"), 1024, True


def _check_rest(found: Faults, embed: Json, says_something: bool, files: Sequence[str] | None) -> None:
    if (number := len(embed.get("fields") or ())) > MOST_FIELDS:
        found.add("length", f"{number} fields, at most {MOST_FIELDS}")
    for part in ("image", "thumbnail"):
        check_url(found, (embed.get(part) or {}).get("url"), files)
    for part in ("author", "footer"):
        check_url(found, (embed.get(part) or {}).get("icon_url"), files)
    if not says_something and not embed.get("image"):
        found.add("blank", "an embed without anything")
    if embed.get("type", "rich") != "rich":
        found.add("schema", f"an embed of type {embed['type']}")
