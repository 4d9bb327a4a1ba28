"""The results of `/fill` as replies."""

from __future__ import annotations

from collections.abc import Sequence

from bot.inference.requests import Answer, LabelScore
from bot.locales.message import _
from bot.replies.formatting.bars import percent
from bot.replies.formatting.text import Keep, Style, bold, in_pieces, inside_quote, visible
from bot.replies.reply import Colour, Draft, Reply, plain_scores, truncation
from bot.tasks.fill import FillRequest, FillResult, MaskGuess

HALF = 650
"""Units of the sentence on either side of its first mask's start."""
WORD = 30
"""Units of a guess beside its bar."""
SPACE = "␣"
"""Shown for a guess that is only white space."""
WORTH_SAYING = 0.05
"""The least probability of tokens that are no words which the reply mentions."""


def render(request: FillRequest, answer: Answer[FillResult]) -> Reply:
    """Render the completed sentence with the guessed words in bold, and the words for each mask with bars."""
    result, masks = answer.result, answer.result.masks
    draft = Draft(Colour.FILL)
    draft.lines = [_sentence(draft, request.parts, [guesses[0].word for guesses in masks])]
    if len(masks) == 1:
        draft.lines += ["", _bars(draft, masks[0])]
    else:
        draft.fields = [(_blank(number), _bars(draft, guesses)) for number, guesses in enumerate(masks, 1)]
    tables = [
        f"{_blank(number)}\n" + plain_scores([LabelScore(guess.word, guess.probability) for guess in guesses])
        for number, guesses in enumerate(masks, 1)
    ]
    remarks = filter(None, (truncation(result.truncated), _left_out(result)))
    return draft.reply("fill", answer, "\n\n".join([result.completed, *tables]), "\n".join(remarks))


def _left_out(result: FillResult) -> str | None:
    """Return a sentence if much of the probability went to tokens that are no words."""
    most = max(result.left_out, default=0)
    if most < WORTH_SAYING:
        return None
    if len(result.left_out) == 1:
        return _("Tokens that are not words (special ones, spaces) got {share}, and are left out.", share=percent(most))
    # Translators: a blank is a gap in a sentence that the model fills with a word.
    return _(
        "Tokens that are not words (special ones, spaces) got {share} of blank {number}, and are left out.",
        share=percent(most),
        number=result.left_out.index(most) + 1,
    )


def _blank(number: int) -> str:
    # Translators: a gap in a sentence, which the model fills with a word.
    return _("Blank {number}", number=number)


def _bars(draft: Draft, guesses: Sequence[MaskGuess]) -> str:
    scores = [LabelScore(guess.word if guess.word.strip() else SPACE, guess.probability) for guess in guesses]
    return draft.bars(scores, bold=1, label=WORD)


def _sentence(draft: Draft, parts: Sequence[str], words: Sequence[str]) -> str:
    """Quote the sentence. A long one is cut at its ends, so that the first guess stays in sight."""
    pieces: list[tuple[str, Style]] = []
    for word, part in zip(words, parts[1:], strict=True):
        pieces += [(word, bold), (part, inside_quote)]
    before = draft.fit(parts[0], HALF, inside_quote, Keep.END)
    after = draft.fit("".join(visible(text) for text, _ in pieces), HALF, in_pieces(pieces))
    return f"> {before}{after}"
