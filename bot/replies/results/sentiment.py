"""What `/sentiment` answers."""

from __future__ import annotations

from bot.inference.requests import Answer
from bot.replies.formatting.text import quoted
from bot.replies.reply import QUOTE, Colour, Draft, Reply, plain_scores, truncation
from bot.tasks.sentiment import SentimentRequest, SentimentResult


def render(request: SentimentRequest, answer: Answer[SentimentResult]) -> Reply:
    """The likeliest label as the title, then the text, then every label with its bar."""
    scores = answer.result.scores
    draft = Draft(_colour(scores[0].label))
    draft.title = draft.fit(scores[0].label, 200)
    draft.lines = [draft.fit(request.text, QUOTE, quoted), "", draft.bars(scores, bold=1)]
    whole = f"{request.text}\n\n{plain_scores(scores)}"
    return draft.reply("sentiment", answer, whole, truncation(answer.result.truncated))


def _colour(label: str) -> int:
    match label.casefold()[:3]:
        case "pos":
            return Colour.POSITIVE
        case "neg":
            return Colour.NEGATIVE
        case _:
            return Colour.SENTIMENT
