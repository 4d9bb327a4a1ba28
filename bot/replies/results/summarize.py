"""The results of `/summarize`, complete and partial, as replies."""

from __future__ import annotations

from bot.inference.requests import Answer
from bot.locales.message import _, later, plural
from bot.locales.numbers import whole
from bot.replies.formatting.text import escape, fit, quoted, unfinished, unfinished_end
from bot.replies.formatting.tokens import written_so_far
from bot.replies.reply import Draft, Reply
from bot.tasks.summarize import SummarizeRequest, SummarizeResult

COLOUR = 0xB0788D
SOURCE = 300
"""Units of the summarised text, as a reminder."""
ROOM = 3_300
# Translators: keep the asterisks: Discord shows the sentence in italics.
NOTHING = later("*The model gave no summary.*")
GENERAL = later("Written by a general language model: treat it as a draft, and check names and numbers.")
LONGER = later("This is longer than the text itself: anything that the text does not say is made up.")


def render(request: SummarizeRequest, answer: Answer[SummarizeResult]) -> Reply:
    """Render the source and its summary."""
    result = answer.result
    draft = Draft(COLOUR)
    text = result.text.strip()
    shown = draft.fit(text if result.finished else unfinished(text), ROOM) if text else str(NOTHING)
    draft.lines = [_source(request), "", shown]
    remarks = (
        _in_parts(result.parts) if result.parts > 1 else None,
        str(LONGER) if result.tokens > result.source_tokens else None,
        str(GENERAL) if result.general else None,
    )
    tokens = plural(
        # Translators: how many tokens a text had, and how many its summary has, which decides about the plural.
        "{before} → {after} token",
        "{before} → {after} tokens",
        result.tokens,
        before=whole(result.source_tokens),
        after=whole(result.tokens),
    )
    return draft.reply("summarize", answer, text, "\n".join(filter(None, remarks)), fact=tokens)


def _in_parts(number: int) -> str:
    return plural(
        "Read in {count} part, whose summary was summarised.",
        "Read in {count} parts, whose summaries were summarised.",
        number,
    )


def preview(request: SummarizeRequest, result: SummarizeResult) -> Reply:
    """Render the text so far."""
    draft = Draft(COLOUR, lines=[_source(request), "", unfinished_end(result.text, ROOM)])
    if result.parts == 1:
        return draft.preview(written_so_far(result.tokens))
    return draft.preview(
        _(
            # Translators: both numbers are above 1.
            "Summarising {parts} parts first: {tokens} tokens so far",
            parts=result.parts,
            tokens=result.tokens,
        )
    )


def _source(request: SummarizeRequest) -> str:
    if request.messages is not None:
        return plural(
            # Translators: keep the asterisks: Discord shows the words in italics.
            "*The last message here:*",
            "*The last {count} messages here:*",
            request.messages,
        )
    if request.file is not None:
        return f"*{escape(fit(request.file, 100, str)[0])}:*"
    return fit(request.text, SOURCE, quoted)[0]
