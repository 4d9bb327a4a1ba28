"""How a picture of a channel came about, in words that stand under each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.channels.history import ENOUGH
from bot.channels.timeline import DAY, HOUR, MINUTE, WEEK, Timeline
from bot.errors import InvalidRequest
from bot.locales.lists import sentences
from bot.locales.message import _, plural
from bot.locales.numbers import Unit, in_units, whole
from bot.pictures.plot import Tick
from bot.replies.channels.survey import Facts
from bot.replies.formatting.text import fit, visible
from bot.replies.reply import FOOTER, duration

LONGEST_NAME = 60
TICKS = 4


@dataclass(frozen=True)
class Place:
    """A channel of a server, for links and titles."""

    guild_id: int
    channel_id: int
    name: str

    @property
    def title(self) -> str:
        """Its name in a picture."""
        return f"#{fit(self.name, LONGEST_NAME - 1, visible)[0]}"

    @property
    def markdown(self) -> str:
        """Its name in a message."""
        return f"#{fit(self.name, 2 * LONGEST_NAME)[0]}"

    def link(self, message: int) -> str:
        """Return the URL of a message in it."""
        return f"https://discord.com/channels/{self.guild_id}/{self.channel_id}/{message}"


def check_enough(facts: Facts) -> None:
    """Raise `InvalidRequest` if too few messages were judged to draw anything."""
    if facts.judged < ENOUGH:
        raise InvalidRequest(
            plural(
                "Only {count} message was judged, and a picture needs {enough}. Let it run a little longer.",
                "Only {count} messages were judged, and a picture needs {enough}. Let it run a little longer.",
                facts.judged,
                enough=ENOUGH,
            )
        )


def counted_sentence(facts: Facts) -> str:
    """Return the number of messages and their period, in Markdown."""
    # Translators: {judged} of all {number} messages; {first} and {last} are times, which Discord writes.
    return plural(
        "{judged} messages of {number}, from {first} to {last}. Bots, messages without words and people who have opted "
        "out are not counted.",
        "{judged} messages of {number}, from {first} to {last}. Bots, messages without words and people who have opted "
        "out are not counted.",
        facts.judged,
        judged=whole(facts.judged),
        number=whole(facts.looked_at),
        first=f"<t:{int(facts.first)}:f>",
        last=f"<t:{int(facts.last)}:f>",
    )


def footer(facts: Facts) -> str:
    """Return the checkpoint, the device and the time, then what is missing."""
    sample = facts.sample
    line = " · ".join((sample.checkpoint, f"{sample.device} {sample.precision}", duration(facts.seconds)))
    return fit("\n".join(filter(None, (line, sample.note, sentences(*_remarks(facts))))), FOOTER, visible)[0]


def _remarks(facts: Facts) -> Iterator[str]:
    if facts.is_stopped:
        yield _("You have stopped it: this is a random part of the messages.")
    if facts.is_late:
        yield _("Discord's time for an answer was up: this is a random part of the messages.")
    if facts.is_cut:
        yield _("Discord gave me fewer messages in time than you asked for.")
    if facts.failed:
        yield plural(
            "{number} message could not be judged.",
            "{number} messages could not be judged.",
            facts.failed,
            number=whole(facts.failed),
        )
    if facts.truncated:
        yield plural(
            "Of {number} message the model has read only the beginning.",
            "Of {number} messages the model has read only the beginning.",
            facts.truncated,
            number=whole(facts.truncated),
        )


def note(facts: Facts, timeline: Timeline) -> str:
    """Return the line under a picture's title."""
    return plural(
        # Translators: the line under the title of a chart; {length} is the time that a bar stands for, "15 minutes".
        "{number} message, {length} a bar, times in UTC",
        "{number} messages, {length} a bar, times in UTC",
        facts.judged,
        number=whole(facts.judged),
        length=length_in_words(timeline.length),
    )


def ticks(timeline: Timeline) -> list[Tick]:
    """Return a few labels for the time axis, at borders of parts."""
    step = max(1, round(timeline.parts / TICKS))
    shown: Sequence[float] = timeline.borders[::step]
    return [Tick(timeline.share(when), timeline.label(when)) for when in shown]


def length_in_words(seconds: int) -> str:
    """Return the length of a part: "15 minutes", "1 day"."""
    units: tuple[tuple[int, Unit], ...] = ((WEEK, "week"), (DAY, "day"), (HOUR, "hour"), (MINUTE, "minute"))
    for size, unit in units:
        if seconds % size == 0 and seconds >= size:
            return in_units(seconds // size, unit)
    return in_units(seconds, "second")
