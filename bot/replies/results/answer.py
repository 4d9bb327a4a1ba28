"""The results of `/answer` as replies."""

from __future__ import annotations

from bot.inference.requests import Answer, LabelScore
from bot.locales.lists import sentences
from bot.locales.message import later
from bot.replies.formatting.bars import plain_line
from bot.replies.formatting.text import Keep, bold, inside_quote, quoted
from bot.replies.reply import QUOTE, Colour, Draft, Reply, truncation
from bot.tasks.answer import AnswerRequest, AnswerResult
from bot.text.graphemes import Span
from bot.text.quotes import same_words

AROUND = 500
"""Units of the context on either side of the answer."""
ANSWER = 600
"""Units of the answer in its context."""
QUESTION = 400
# Translators: the title of a reply to a question that the text does not answer.
ABSENT = later("Not in the text")
# Translators: stands beside a bar with the probability that the text does not answer the question.
NO_ANSWER = later("not in the text")
# Translators: keep the asterisks around this and the next two sentences: Discord shows them in italics.
OWN_WORDS = later("*These are the model's own words, not the text's.*")
PARTLY = later("*Only the part in bold is in the text word for word.*")
UNFOUND = later("*The likeliest answer, if there is one, is in bold.*")
GUESSED = later("A general language model has written this from a few examples: treat it as a draft.")


def render(request: AnswerRequest, answer: Answer[AnswerResult]) -> Reply:
    """Render the answer as the title, the question, the answer in bold in its context, and the two probabilities."""
    result = answer.result
    draft = Draft(Colour.ANSWER)
    draft.title = str(ABSENT) if result.is_absent else draft.fit(" ".join(result.text.split()), 200)
    draft.lines = [bold(draft.fit(request.question, QUESTION, str)), _context(draft, request.context, result.span), ""]
    if (caution := _caution(request, result)) is not None:
        draft.lines += [caution, ""]
    draft.lines.append(draft.bars(_scores(result), bold=1))
    plain = [plain_line(score.probability, score.label) for score in _scores(result)]
    whole = "\n".join([request.question, "", *plain, "", request.context])
    remarks = (str(GUESSED) if result.guessed else None, truncation(result.truncated, "context"))
    return draft.reply("answer", answer, whole, sentences(*remarks))


def _caution(request: AnswerRequest, result: AnswerResult) -> str | None:
    """Return a caution about the answer, if one is due."""
    if result.is_absent:
        return None if result.span is None else str(UNFOUND)
    if result.span is None:
        return str(OWN_WORDS)
    marked = request.context[result.span.start : result.span.end]
    return None if same_words(marked, result.text) else str(PARTLY)


def _scores(result: AnswerResult) -> list[LabelScore]:
    """Return the answer and its absence, the likelier one first."""
    found = [LabelScore(" ".join(result.text.split()), result.probability)] if result.text.strip() else []
    absent = LabelScore(str(NO_ANSWER), result.absent)
    return [absent, *found] if result.is_absent else [*found, absent]


def _context(draft: Draft, context: str, span: Span | None) -> str:
    """Quote the context. A long one is cut at its ends, so that the answer stays in sight."""
    if span is None:
        return draft.fit(context, QUOTE, quoted)
    before = draft.fit(context[: span.start], AROUND, inside_quote, Keep.END)
    marked = draft.fit(context[span.start : span.end], ANSWER, inside_quote)
    after = draft.fit(context[span.end :], AROUND, inside_quote)
    return f"> {before}**{marked}**{after}" if marked.strip() else f"> {before}{marked}{after}"
