"""The file of an explanation: its pages as plain text, as many as fit."""

from __future__ import annotations

from collections.abc import Sequence

from bot.locales.message import _, later
from bot.locales.numbers import whole
from bot.replies.formatting.text import visible
from bot.replies.work.blocks import plain_page
from bot.tasks.work.blocks import Page

ROOM = 4 * 1024 * 1024
"""Bytes of a file. Discord takes 10 MiB, but a text of thousands of lines has thousands of pages, and each turn to
another page renders the file again."""
APART = "\n\n\n"
CUT = later("… this step is longer than this file may be")


def work_file(pages: Sequence[Page], number: int, room: int = ROOM) -> str:
    """Return the pages in order, always with one of them; a line stands for each run of pages that have no room.

    Args:
        number: of the page that is always in it, from 0.
        room: bytes, in UTF-8.
    """
    parts = {number: _cut(_plain(pages[number]), room)}
    left = room - _bytes(parts[number])
    for index, page in enumerate(pages):
        if index == number:
            continue
        parts[index] = _plain(page)
        left -= _bytes(parts[index])
        if left < 0:
            del parts[index]
            break
    return APART.join(_with_gaps(parts, len(pages))) + "\n"


def _plain(page: Page) -> str:
    return visible(plain_page(page))


def _bytes(text: str) -> int:
    return len(text.encode()) + len(APART)


def _cut(text: str, room: int) -> str:
    """Return as many whole lines as there is room for."""
    content = text.encode()
    if len(content) <= room:
        return text
    kept = content[:room].decode(errors="ignore").rpartition("\n")[0]
    return f"{kept}\n{CUT}"


def _with_gaps(parts: dict[int, str], total: int) -> list[str]:
    shown: list[str] = []
    following = 0
    for index in [*sorted(parts), total]:
        if index > following:
            shown.append(_left_out(following + 1, index))
        if index < total:
            shown.append(parts[index])
        following = index + 1
    return shown


def _left_out(first: int, last: int) -> str:
    if first == last:
        return _(
            "… Step {step} is not in this file, which would be too long. Turn to a step to get a file that has it.",
            step=whole(first),
        )
    return _(
        "… Steps {first} to {last} are not in this file, which would be too long. "
        "Turn to a step to get a file that has it.",
        first=whole(first),
        last=whole(last),
    )
