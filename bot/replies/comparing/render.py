"""The answers of several checkpoints as one reply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import discord

from bot.inference.requests import Answer
from bot.inference.together import Outcome, Outcomes
from bot.locales.message import _, in_context, later, plural
from bot.replies.comparing.columns import VIEWS, Column, Columns
from bot.replies.comparing.families import families_drawing
from bot.replies.components.buttons import LONGEST_LABEL, Button
from bot.replies.formatting.text import fit, quoted, visible
from bot.replies.pending import loading_progress
from bot.replies.reply import FOOTER, QUOTE, SHORTENED, Colour, Drawing, Reply, TextFile, duration
from bot.replies.work.offer import SHOW_WORK, work_of
from bot.tasks.compare import CompareRequest
from bot.tasks.work.request import Journey

ALL_ROOM = 3_400
"""Units of all columns together; an embed has 6,000."""
MOST_ROOM = 1_000
"""Units of one of them; a field has 1,024."""
NAME, SENTENCE = 200, 400
UNDERLINED = later("Underlined: not the same in all of them.")
# Translators: models; drawing is taking tokens at random.
GREEDY = later("Each writes its likeliest text, without drawing.")
# Translators: keep the asterisks: Discord shows the words in italics.
WAITING = later("*Waiting for its turn …*")


@dataclass(frozen=True)
class _Part:
    """A checkpoint with what became of its answer."""

    name: str
    outcome: Outcome
    column: Column | None


def render(request: CompareRequest, answer: Answer[Outcomes]) -> Reply:
    """Render all answers, and a button for each that opens it."""
    compared, parts = _compared(request, answer.result.outcomes)
    embed = _embed(request, parts, compared)
    remarks = [str(UNDERLINED)] if compared is not None and compared.marks else []
    if request.task in ("generate", "complete"):
        remarks.append(str(GREEDY))
    facts = f"{answer.device} {answer.precision} · {duration(answer.seconds)}"
    embed.set_footer(text=fit("\n".join([facts, *remarks]), FOOTER, visible)[0])
    cut = any(part.column is not None and part.column.cut for part in parts)
    if cut:
        embed.description = f"{embed.description}\n\n{SHORTENED}"
    file = TextFile("compare.txt", visible(_whole(request, parts)) + "\n") if cut else None
    drawing = _drawing(parts) if request.task == "attention" else None
    return Reply(embed, file, tuple(_buttons(request, answer.result.outcomes)), drawing)


def _drawing(parts: Sequence[_Part]) -> Drawing | None:
    found = [part for part in parts if part.outcome.result is not None]
    return families_drawing([part.name for part in found], [part.outcome.result for part in found]) if found else None


def preview(request: CompareRequest, outcomes: Outcomes) -> Reply:
    """Render the answers that there are so far."""
    compared, parts = _compared(request, outcomes.outcomes)
    embed = _embed(request, parts, compared)
    return Reply(embed.set_footer(text=_("The others follow.")))


def _compared(request: CompareRequest, outcomes: Sequence[Outcome]) -> tuple[Columns | None, list[_Part]]:
    """Lay the results side by side; nothing is compared if there is only one."""
    results = [one.result for one in outcomes if one.result is not None]
    room = min(MOST_ROOM, ALL_ROOM // len(outcomes))
    columns = VIEWS[request.task](request.about, results, room) if results else None
    left = iter(columns.columns if columns is not None else ())
    parts = [
        _Part(name, one, None if one.result is None else next(left))
        for name, one in zip(request.checkpoints, outcomes, strict=True)
    ]
    return (columns if len(results) > 1 else None), parts


def _embed(request: CompareRequest, parts: Sequence[_Part], compared: Columns | None) -> discord.Embed:
    lines = [fit(request.subject, QUOTE, quoted)[0]]
    if compared is not None:
        lines += ["", compared.verdict]
    colour = getattr(Colour, request.task.upper(), Colour.WORK)
    # Translators: the title of a reply with the answers of several models to one command.
    title = plural(
        "/{command} by {count} checkpoint",
        "/{command} by {count} checkpoints",
        len(request.checkpoints),
        command=request.task,
    )
    embed = discord.Embed(title=title, description="\n".join(lines), colour=colour)
    for part in parts:
        name = fit(part.name, NAME)[0]
        embed.add_field(name=name if name.strip() else in_context("name", "unnamed"), value=_value(part), inline=False)
    return embed


def _value(part: _Part) -> str:
    outcome = part.outcome
    if part.column is not None:
        return "\n".join(part.column.lines)
    if outcome.sentence is not None:
        return fit(outcome.sentence, SENTENCE, lambda shown: f"\N{WARNING SIGN} {shown}")[0]
    if outcome.loading is not None:
        return f"*{loading_progress(outcome.loading)}*"
    return str(WAITING)


def _buttons(request: CompareRequest, outcomes: Sequence[Outcome]) -> Iterator[Button]:
    for part, name, outcome in zip(request.parts, request.checkpoints, outcomes, strict=True):
        if (
            outcome.answer is not None
            and (work := work_of(part, outcome.answer.result, Journey.of(outcome.answer))) is not None
        ):
            # Translators: the label of a button; {name} is a checkpoint.
            label = _("Show the work: {name}", name=name)
            yield Button(SHOW_WORK, work, fit(label, LONGEST_LABEL, visible)[0])


def _whole(request: CompareRequest, parts: Sequence[_Part]) -> str:
    texts = [request.subject]
    for part in parts:
        said = part.outcome.sentence or "" if part.column is None else part.column.plain
        texts.append(f"{part.name}\n{said}")
    return "\n\n".join(texts)
