"""A report of a problem: what a person wrote, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

import discord
from cachetools import TTLCache

from bot.errors import Refused
from bot.locales.message import _, later
from bot.replies.components.modals import text_modal
from bot.replies.formatting.text import escape, fit
from bot.replies.help.controls import SEND_REPORT

MOST_CHARACTERS = 1_500
PERSON_SECONDS = 300.0
"""Between two reports of one person."""
MOST_PEOPLE = 100
"""Reports within that time of everybody together: the channel is for people to read."""
COLOUR = 0xC9913D


class ReportLimit:
    """Lets each person report once in a while, and everybody together not too much."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._reported: TTLCache[int, None] = TTLCache(MOST_PEOPLE, PERSON_SECONDS, now)

    def check(self, person: int) -> None:
        """Raise `Refused` if somebody may not report now."""
        if person in self._reported:
            raise Refused(later("You have just reported something. Please wait five minutes before the next report."))
        if len(self._reported) >= MOST_PEOPLE:
            raise Refused(later("Many people are reporting problems now. Please try again in five minutes."))

    def count(self, person: int) -> None:
        """Count a report."""
        self._reported[person] = None

    def take_back(self, person: int) -> None:
        """Do not count a report that did not arrive."""
        self._reported.pop(person, None)


def report_modal() -> discord.ui.Modal:
    """Make the modal that asks for the problem."""
    return text_modal(
        SEND_REPORT,
        "",
        # Translators: the label of a field; at most 45 characters.
        label=_("What went wrong?"),
        # Translators: in an empty field; at most 100 characters.
        placeholder=_("What you did, what you expected, and what happened instead"),
        most=MOST_CHARACTERS,
        # Translators: explains the field; at most 100 characters.
        about=_("Whoever runs me reads just this text: no name, no server, no message of yours."),
    )


def report(text: str) -> discord.Embed:
    """Make the message for the operator: in English, like the log, whatever the person reads who reports."""
    return discord.Embed(title="A problem was reported", description=fit(text, 4_000, escape)[0], colour=COLOUR)
