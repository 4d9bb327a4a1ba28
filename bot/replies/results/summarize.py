"""The results of `/summarize`, complete and partial, as replies."""

from __future__ import annotations

from bot.inference.requests import Answer
from bot.replies.formatting.text import escape, fit, quoted, unfinished, unfinished_end
from bot.replies.reply import Draft, Reply
from bot.tasks.summarize import SummarizeRequest, SummarizeResult

COLOUR = 0xB0788D
SOURCE = 300
"""Units of the summarised text, as a reminder."""
ROOM = 3_300
NOTHING = "*The model gave no summary.*"
GENERAL = "Written by a general language model: treat it as a draft, and check names and numbers."
LONGER = "This is longer than the text itself: anything that the text does not say is made up."


def render(request: SummarizeRequest, answer: Answer[SummarizeResult]) -> Reply:
    """Render the source and its summary."""
    result = answer.result
    draft = Draft(COLOUR)
    text = result.text.strip()
    shown = draft.fit(text if result.finished else unfinished(text), ROOM) if text else NOTHING
    draft.lines = [_source(request), "", shown]
    remarks = {
        f"Read in {result.parts} parts, whose summaries were summarised.": result.parts > 1,
        LONGER: result.tokens > result.source_tokens,
        GENERAL: result.general,
    }
    remark = "\n".join(sentence for sentence, holds in remarks.items() if holds)
    tokens = f"{result.source_tokens:,} → {result.tokens:,} tokens"
    return draft.reply("summarize", answer, text, remark, fact=tokens)


def preview(request: SummarizeRequest, result: SummarizeResult) -> Reply:
    """Render the text so far."""
    draft = Draft(COLOUR, lines=[_source(request), "", unfinished_end(result.text, ROOM)])
    doing = "Writing" if result.parts == 1 else f"Summarising {result.parts} parts first"
    return draft.preview(f"{doing}: {result.tokens} tokens so far")


def _source(request: SummarizeRequest) -> str:
    if request.messages is not None:
        return f"*The last {request.messages} messages here:*" if request.messages > 1 else "*The last message here:*"
    if request.file is not None:
        return f"*{escape(fit(request.file, 100, str)[0])}:*"
    return fit(request.text, SOURCE, quoted)[0]
