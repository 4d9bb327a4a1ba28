"""A file's progress and its summary as embeds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import discord

from bot.batches.job import Job
from bot.batches.plan import Command, Options
from bot.batches.progress import Progress
from bot.batches.summary import Summary
from bot.locales.message import _, later, plural
from bot.locales.numbers import decimal, in_seconds, percent, whole
from bot.pictures.bars import Unit, bars
from bot.replies.components.buttons import MOST_OPTIONS
from bot.replies.formatting.bars import bar
from bot.replies.formatting.text import escape, fit, visible
from bot.replies.reply import Colour, Drawing

BAR_WIDTH = 20
NAME, OPTION, LABEL, WHY = 80, 120, 60, 160
"""UTF-16 units: of a file's name, an option, a counted label, and the reason why a row has no answer."""
CHART = "batch.png"
GOES_ON_HERE = later("After 15 minutes I go on in a new message here, because Discord lets me edit this one no longer.")
GOES_ON_PRIVATELY = later(
    "After 15 minutes I go on in a direct message, because Discord lets me edit this one no longer."
)
LONGER = later(
    "Discord lets me write here for 15 minutes only. Then I go on in a direct message to you; if you take none "
    "from me, you get the file with the rows that are done by then."
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
    # Translators: titles of charts of how often something was answered about the rows of a file.
    Command.SENTIMENT: later("Sentiments"),
    Command.ZERO_SHOT: later("Labels"),
    Command.TRANSLATE: later("Translated from"),
    Command.ENTITIES: later("Names by kind"),
    Command.FILL: later("Likeliest words"),
    Command.SIMILARITY: later("Similarities"),
}


def asking_column(job: Job) -> discord.Embed:
    """Return the question which column holds the texts."""
    lines = [_("Which column holds the texts?")]
    if len(job.columns) > MOST_OPTIONS:
        lines.append(
            _(
                "The menu has the first {shown} of {number}; the option `column` takes any.",
                shown=MOST_OPTIONS,
                number=len(job.columns),
            )
        )
    return _embed(job, lines)


def asking_to_start(job: Job, progress: Progress) -> discord.Embed:
    """Return the question if a file may take longer than can be shown."""
    rows = whole(progress.rows)
    if progress.seconds_left is None:
        said = plural("one row: this takes a while.", "{rows} rows: this takes a while.", progress.rows, rows=rows)
    else:
        said = plural(
            "one row: this takes about {time}.",
            "{rows} rows: this takes about {time}.",
            progress.rows,
            rows=rows,
            time=in_seconds(progress.seconds_left),
        )
    return _embed(job, [said, str(LONGER)])


def waiting(job: Job) -> discord.Embed:
    """Return what is shown before the first row."""
    return _embed(job, [_("Your file waits for others that were given before it. It begins by itself.")])


def working(job: Job, progress: Progress, *, notice: str = "", stopping: bool = False) -> discord.Embed:
    """Return a file's progress.

    Args:
        notice: a further sentence.
        stopping: whether its person has pressed Stop.
    """
    lines = [
        f"`{bar(progress.share, BAR_WIDTH)}` {percent(math.floor(100 * progress.share) / 100, 0)}",
        _counted(progress),
    ]
    if progress.faults:
        lines.append(
            plural(
                "One row so far cannot be answered.",
                "{rows} rows so far cannot be answered.",
                progress.faults,
                rows=whole(progress.faults),
            )
        )
    if stopping:
        lines.append(_("Stopping: the file follows with the rows that are done."))
    lines += filter(None, [notice])
    embed = _embed(job, lines)
    return embed.set_footer(text=_("People who wait for an answer go first."))


def finished(job: Job, summary: Summary, seconds: float, guarded: int, note: str = "") -> discord.Embed:
    """Return the summary of a file that goes back.

    Args:
        seconds: since its first row was asked.
        guarded: see `Written`.
        note: a further sentence.
    """
    lines = [_answered(summary, seconds), *_remarks(summary, guarded), *filter(None, [note])]
    embed = _embed(job, lines)
    if summary.faulty:
        # A reason may hold cells. Five of them, with their numbers, fit into a field.
        named = [
            _("Row {number}: {why}", number=whole(fault.row), why=fit(" ".join(fault.why.split()), WHY)[0])
            for fault in summary.faults
        ]
        if more := summary.faulty - len(named):
            said = plural(
                "… and {number} more, in the column `error`",
                "… and {number} more, in the column `error`",
                more,
                number=whole(more),
            )
            named.append(said)
        title = plural(
            "One row without an answer",
            "{rows} rows without an answer",
            summary.faulty,
            rows=whole(summary.faulty),
        )
        embed.add_field(name=title, value="\n".join(named), inline=False)
    return embed


def failed(job: Job, sentence: str) -> discord.Embed:
    """Return why a file does not come back."""
    return _embed(job, [sentence])


def chart(options: Options, summary: Summary) -> Drawing | None:
    """Return the chart of what was answered how often; None if there is nothing to draw."""
    if not summary.counts:
        return None
    names = [fit(name, LABEL, visible)[0] for name, _number in summary.counts]
    values = [float(number) for _name, number in summary.counts]
    return Drawing(CHART, partial(bars, names, values, str(_COUNTED[options.command]), Unit.COUNT))


def _answered(summary: Summary, seconds: float) -> str:
    """Return how many rows were answered, and how fast."""
    answered, rows = whole(summary.answered), whole(summary.rows)
    if not summary.is_whole or seconds < 1:
        return plural(
            "**{answered}** of one row answered.",
            "**{answered}** of {rows} rows answered.",
            summary.rows,
            answered=answered,
            rows=rows,
        )
    return plural(
        # Translators: {time} is such as "2 minutes". "rows/s" are rows per second.
        "**{answered}** of one row answered in {time}: {speed} rows/s.",
        "**{answered}** of {rows} rows answered in {time}: {speed} rows/s.",
        summary.rows,
        answered=answered,
        rows=rows,
        time=in_seconds(seconds),
        speed=decimal(summary.rows / seconds, 0),
    )


def _remarks(summary: Summary, guarded: int) -> Iterator[str]:
    if summary.unreached:
        yield plural(
            "One row was not reached.",
            "{rows} rows were not reached.",
            summary.unreached,
            rows=whole(summary.unreached),
        )
    if summary.truncated:
        yield plural(
            "One row exceeded the model's context: only the start was read.",
            "{rows} rows exceeded the model's context: only the start was read.",
            summary.truncated,
            rows=whole(summary.truncated),
        )
    if guarded:
        yield plural(
            "One cell that a spreadsheet would compute now begins with `'`.",
            "{cells} cells that a spreadsheet would compute now begin with `'`.",
            guarded,
            cells=whole(guarded),
        )


def _embed(job: Job, lines: list[str]) -> discord.Embed:
    title = f"/{job.options.command} · {fit(job.name, NAME)[0]}"
    asked = " · ".join(filter(None, _asked(job)))
    description = "\n".join([*([f"*{asked}*"] if asked else []), *lines])
    return discord.Embed(title=title, description=description, colour=_COLOURS[job.options.command])


def _asked(job: Job) -> list[str]:
    """Return the options in words."""
    options = job.options
    said: list[str] = []
    # Translators: the options of a file, with · between them: "column review · to de · by opus-mt".
    if job.column is not None:
        said.append(_("column {name}", name=_quoted(job.column)))
    if job.second is not None:
        said.append(_("with column {name}", name=_quoted(job.second)))
    if options.labels:
        said.append(_("labels {labels}", labels=_quoted(", ".join(options.labels))))
    if options.target is not None:
        # Translators: the language that is translated into, as somebody has typed it.
        said.append(_("to {language}", language=escape(options.target)))
    if options.reference is not None:
        # Translators: the text that each row is compared with.
        said.append(_("with “{text}”", text=_quoted(options.reference)))
    if options.checkpoint is not None:
        # Translators: the name of the checkpoint that answers.
        said.append(_("by {name}", name=_quoted(options.checkpoint)))
    return said


def _counted(progress: Progress) -> str:
    parts = [
        plural(
            "**{done}** of one row",
            "**{done}** of {rows} rows",
            progress.rows,
            done=whole(progress.done),
            rows=whole(progress.rows),
        )
    ]
    if progress.rate is not None:
        # Translators: rows per second.
        parts.append(_("{speed} rows/s", speed=decimal(progress.rate, 0 if progress.rate >= 10 else 1)))
    if progress.seconds_left is not None and progress.done < progress.rows:
        parts.append(_("about {time} left", time=in_seconds(progress.seconds_left)))
    return " · ".join(parts)


def _short(text: str) -> str:
    return fit(" ".join(text.split()), WHY, visible)[0]


def _quoted(text: str) -> str:
    return escape(_short(text))
