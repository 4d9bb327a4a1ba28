"""The results of `/sentiment` as replies."""

from __future__ import annotations

from bot.inference.requests import Answer
from bot.replies.formatting.text import quoted
from bot.replies.reply import QUOTE, Colour, Draft, Reply, plain_scores, truncation
from bot.tasks.sentiment import SentimentRequest, SentimentResult

OUTCOMES = {"pos": Colour.POSITIVE, "neg": Colour.NEGATIVE}


def render(request: SentimentRequest, answer: Answer[SentimentResult]) -> Reply:
    """Render the likeliest label as the title, the text, and every label with its bar."""
    scores = answer.result.scores
    draft = Draft(OUTCOMES.get(scores[0].label.casefold()[:3], Colour.SENTIMENT))
    draft.title = draft.fit(scores[0].label, 200)
    draft.lines = [draft.fit(request.text, QUOTE, quoted), "", draft.bars(scores, bold=1)]
    whole = f"{request.text}\n\n{plain_scores(scores)}"
    return draft.reply("sentiment", answer, whole, truncation(answer.result.truncated))
