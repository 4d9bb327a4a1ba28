"""How an interaction has ended, in the eyes of the person who sees Discord."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from bot.replies import guessing
from tests.discord_server import Exchange

MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, CHOICES, MODAL = 4, 5, 6, 7, 8, 9
"""Discord's types of first responses."""
EPHEMERAL, COMPONENTS_V2 = 64, 1 << 15
SHARED = "-# Shared by"
UNDER_WAY = ("*Computing: ", "Unloading **", "Loading **")
"""How pages say that something takes their place soon."""
PAGE = re.compile(r"'title': '\d+\. [^']+'")
"""The title of a page of Show the work."""
STOPS = ("Stop", "Cancel")
"""Labels of buttons that only an answer has which is not whole."""


class Ending(StrEnum):
    """What somebody has in the end."""

    ANSWERED = "answered"
    TOLD = "told"
    """A sentence that says what to do, in place of an answer."""
    CANCELLED = "cancelled"
    """They deleted the message themselves before it was answered."""
    TWICE = "answered twice"
    LOST = "lost"
    NOT_COMPLETED = "typed on"
    """What they typed was not completed, because Discord did not take the choices. So they type it themselves."""


def ending_of(exchange: Exchange, *, removed: bool) -> Ending | None:
    """Return how an interaction has ended; None if nothing final is there yet.

    Args:
        removed: whether the person has deleted the response.
    """
    answers = _distinct([one for one in (*_first(exchange), *exchange.edits, *exchange.followups) if is_whole(one)])
    answers = _closest(_revealed(answers))
    told = [one for one in exchange.followups if not is_whole(one)]
    if any(_is_shared(one) for one in exchange.followups):
        return Ending.TWICE if sum(map(_is_shared, exchange.followups)) > 1 else Ending.ANSWERED
    if removed:
        return Ending.CANCELLED
    if exchange.acknowledged == MESSAGE and not answers:
        return Ending.TOLD
    if exchange.acknowledged in (UPDATE, CHOICES, MODAL):
        return Ending.ANSWERED
    if told and all(map(_changes_buttons, answers)):  # a button was grey while something was tried
        return Ending.TOLD
    if len(answers) > 1 or (answers and told):
        return Ending.TWICE
    if answers:
        return Ending.ANSWERED
    return Ending.TOLD if told else None


def is_whole(message: Mapping[str, Any]) -> bool:
    """Whether a message is an answer, and not a notice, a sentence, or a text that is still being written."""
    shown = message.get("embeds") or message.get("components") or message.get("attachments")
    if any(sign in _described(message) for sign in UNDER_WAY):
        return False
    return bool(shown) and not any(one.get("label") in STOPS for one in pressable(message))


def _changes_buttons(message: Mapping[str, Any]) -> bool:
    """Whether an edit has nothing new but what can be pressed."""
    is_layout = int(message.get("flags") or 0) & COMPONENTS_V2
    return not (message.get("content") or message.get("embeds") or message.get("attachments") or is_layout)


def _is_shared(message: Mapping[str, Any]) -> bool:
    """Whether a private answer was posted for everybody. Then its own message loses the button Share."""
    return str(message.get("content") or "").startswith(SHARED)


def is_unfinished(message: Mapping[str, Any]) -> bool:
    """Whether a message shows a text that can be stopped."""
    return any(one.get("label") in STOPS for one in pressable(message))


def pressable(message: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the buttons and menus of texts of a message that can be used."""
    found = _walk(message.get("components") or ())
    return [one for one in found if one.get("custom_id") and one.get("type") in (2, 3) and not one.get("disabled")]


def _first(exchange: Exchange) -> Sequence[Mapping[str, Any]]:
    return [exchange.response] if exchange.acknowledged == MESSAGE else []


def _distinct(answers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without those that say the same: a try that was made again brings nothing new."""
    return [one for at, one in enumerate(answers) if all(_said(one) != _said(other) for other in answers[:at])]


def _revealed(answers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without the question of `/guess`, whose count changes, if the answer to it is there, too."""
    return [one for one in answers if str(guessing.HOW) not in _described(one)] or list(answers)


def _closest(answers: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Without pages of Show the work that the same page has replaced, computed more closely."""
    pages = [PAGE.search(str(answer.get("embeds"))) for answer in answers]
    return [
        answer
        for at, (answer, page) in enumerate(zip(answers, pages, strict=True))
        if page is None or all(later is None or later[0] != page[0] for later in pages[at + 1 :])
    ]


def _described(message: Mapping[str, Any]) -> str:
    return " ".join(str(embed.get("description")) for embed in message.get("embeds") or ())


def _said(message: Mapping[str, Any]) -> tuple[object, ...]:
    return message.get("content"), message.get("embeds"), message.get("components")


def _walk(components: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for one in components:
        yield one
        inside = [*(one.get("components") or ()), *([one["component"]] if one.get("component") else ())]
        inside += [one["accessory"]] if one.get("accessory") else []
        yield from _walk(inside)
