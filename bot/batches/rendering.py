"""A file's progress and its summary as embeds."""

from __future__ import annotations

import math
from functools import partial

import discord

from bot.batches.job import Job
from bot.batches.plan import Command, Options
from bot.batches.progress import Progress
from bot.batches.summary import Summary
from bot.errors import seconds_in_words
from bot.pictures.bars import Unit, bars
from bot.replies.components.buttons import MOST_OPTIONS
from bot.replies.formatting.bars import bar
from bot.replies.formatting.text import escape, fit, visible
from bot.replies.reply import Colour, Drawing
from bot.text.accepted import quantity

BAR_WIDTH = 20
NAME, OPTION, LABEL, WHY = 80, 120, 60, 160
"""UTF-16 units: of a file's name, an option, a counted label, and the reason why a row has no answer."""
CHART = "batch.png"
GOES_ON_HERE = "After 15 minutes I go on in a new message here, because Discord lets me edit this one no longer."
GOES_ON_PRIVATELY = "After 15 minutes I go on in a direct message, because Discord lets me edit this one no longer."
LONGER = (
    "Discord lets me write here for 15 minutes only. Then I go on in a direct message to you; if you take none from "
    "me, you get the file with the rows that are done by then."
)
_COLOURS = {
    Command.SENTIMENT: Colour.SENTIMENT,
    Command.ZERO_SHOT: Colour.ZEROSHOT,
    Command.TRANSLATE: Colour.TRANSLATE,
    Command.ENTITIES: Colour.ENTITIES,
    Command.FILL: Colour.FILL,
    Command.SIMILARITY: Colour.SIMILARITY,
}
_COUNTED = {
    Command.SENTIMENT: "Sentiments",
    Command.ZERO_SHOT: "Labels",
    Command.TRANSLATE: "Translated from",
    Command.ENTITIES: "Names by kind",
    Command.FILL: "Likeliest words",
    Command.SIMILARITY: "Similarities",
}


def asking_column(job: Job) -> discord.Embed:
    """Return the question which column holds the texts."""
    lines = ["Which column holds the texts?"]
    if len(job.columns) > MOST_OPTIONS:
        lines.append(f"The menu has the first {MOST_OPTIONS} of {len(job.columns)}; the option `column` takes any.")
    return _embed(job, lines)


def asking_to_start(job: Job, progress: Progress) -> discord.Embed:
    """Return the question if a file may take longer than can be shown."""
    left = "a while" if progress.seconds_left is None else f"about {seconds_in_words(progress.seconds_left)}"
    return _embed(job, [f"{quantity_of(progress.rows)}: this takes {left}.", LONGER])


def waiting(job: Job) -> discord.Embed:
    """Return what is shown before the first row."""
    return _embed(job, ["Your file waits for others that were given before it. It begins by itself."])


def working(job: Job, progress: Progress, *, notice: str = "", stopping: bool = False) -> discord.Embed:
    """Return a file's progress.

    Args:
        notice: a further sentence.
        stopping: whether its person has pressed Stop.
    """
    lines = [f"`{bar(progress.share, BAR_WIDTH)}` {math.floor(100 * progress.share)} %", _counted(progress)]
    if progress.faults:
        lines.append(f"{_begin(quantity_of(progress.faults))} so far cannot be answered.")
    if stopping:
        lines.append("Stopping: the file follows with the rows that are done.")
    lines += filter(None, [notice])
    embed = _embed(job, lines)
    return embed.set_footer(text="People who wait for an answer go first.")


def finished(job: Job, summary: Summary, seconds: float, guarded: int, note: str = "") -> discord.Embed:
    """Return the summary of a file that goes back.

    Args:
        seconds: since its first row was asked.
        guarded: see `Written`.
        note: a further sentence.
    """
    head = f"**{summary.answered:,}** of {quantity_of(summary.rows)} answered"
    speed = f" in {seconds_in_words(seconds)}: {summary.rows / seconds:,.0f} rows/s" if seconds >= 1 else ""
    lines = [head + (speed if summary.is_whole else "") + "."]
    if summary.unreached:
        lines.append(f"{_begin(quantity_of(summary.unreached))} {_was(summary.unreached)} not reached.")
    if summary.truncated:
        lines.append(f"{_begin(quantity_of(summary.truncated))} exceeded the model's context: only the start was read.")
    if guarded:
        lines.append(
            f"{_begin(quantity_of(guarded, 'cell'))} that a spreadsheet would compute now {_begins(guarded)} with `'`."
        )
    lines += filter(None, [note])
    embed = _embed(job, lines)
    if summary.faulty:
        # A reason may hold cells. Five of them, with their numbers, fit into a field.
        named = [f"Row {fault.row:,}: {fit(' '.join(fault.why.split()), WHY)[0]}" for fault in summary.faults]
        if summary.faulty > len(named):
            named.append(f"… and {summary.faulty - len(named):,} more, in the column `error`")
        title = f"{_begin(quantity_of(summary.faulty))} without an answer"
        embed.add_field(name=title, value="\n".join(named), inline=False)
    return embed


def failed(job: Job, sentence: str) -> discord.Embed:
    """Return why a file does not come back."""
    return _embed(job, [sentence])


def chart(options: Options, summary: Summary) -> Drawing | None:
    """Return the chart of what was answered how often; None if there is nothing to draw."""
    if not summary.counts:
        return None
    names = [fit(name, LABEL, visible)[0] for name, _ in summary.counts]
    values = [float(number) for _, number in summary.counts]
    return Drawing(CHART, partial(bars, names, values, _COUNTED[options.command], Unit.COUNT))


def quantity_of(number: int, noun: str = "row") -> str:
    """Return a number with its noun: "1,234 rows"."""
    return quantity(number, noun) if number < 2 else f"{number:,} {noun}s"


def _embed(job: Job, lines: list[str]) -> discord.Embed:
    title = f"/{job.options.command} · {fit(job.name, NAME)[0]}"
    asked = " · ".join(filter(None, _asked(job)))
    description = "\n".join([*([f"*{asked}*"] if asked else []), *lines])
    return discord.Embed(title=title, description=description, colour=_COLOURS[job.options.command])


def _asked(job: Job) -> list[str]:
    """Return the options in words."""
    options = job.options
    column = "" if job.column is None else f"column {escape(_short(job.column))}"
    second = "" if job.second is None else f"with column {escape(_short(job.second))}"
    labels = f"labels {escape(_short(', '.join(options.labels)))}" if options.labels else ""
    target = "" if options.target is None else f"to {escape(options.target)}"
    reference = "" if options.reference is None else f"with “{escape(_short(options.reference))}”"
    checkpoint = "" if options.checkpoint is None else f"by {escape(_short(options.checkpoint))}"
    return [column, second, labels, target, reference, checkpoint]


def _counted(progress: Progress) -> str:
    parts = [f"**{progress.done:,}** of {quantity_of(progress.rows)}"]
    if progress.rate is not None:
        parts.append(f"{progress.rate:,.0f} rows/s" if progress.rate >= 10 else f"{progress.rate:.1f} rows/s")
    if progress.seconds_left is not None and progress.done < progress.rows:
        parts.append(f"about {seconds_in_words(progress.seconds_left)} left")
    return " · ".join(parts)


def _short(text: str) -> str:
    return fit(" ".join(text.split()), WHY, visible)[0]


def _begin(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


def _begins(number: int) -> str:
    return "begins" if number == 1 else "begin"
