"""What `/fill` answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.inference.requests import Answer
from bot.replies.formatting.bars import percent
from bot.replies.formatting.text import Keep, Style, bold, inside_quote, visible
from bot.replies.reply import Colour, Draft, Reply, plain_scores, truncation
from bot.tasks.fill import FillRequest, FillResult, MaskGuess
from bot.tasks.scores import LabelScore

HALF = 650
"""Units of the sentence before its first mask, and from there on."""
WORD = 30
"""Units of a guess beside its bar."""
SPACE = "␣"
"""Shown for a guess that is nothing but white space."""
WORTH_SAYING = 0.05
"""The probability of what is no word, from which on people are told of it."""

Piece = tuple[str, bool]
"""A part of a sentence, and whether it was guessed."""


def render(request: FillRequest, answer: Answer[FillResult]) -> Reply:
    """The completed sentence with the guessed words in bold, then for each mask its words with bars."""
    masks = answer.result.masks
    draft = Draft(Colour.FILL)
    draft.lines = [_sentence(draft, request.parts, [guesses[0].word for guesses in masks])]
    if len(masks) == 1:
        draft.lines += ["", _bars(draft, masks[0])]
    else:
        draft.fields = [(f"Blank {place}", _bars(draft, guesses)) for place, guesses in enumerate(masks, 1)]
    remarks = filter(None, (truncation(answer.result.truncated), _left_out(answer.result)))
    return draft.reply("fill", answer, _whole(answer.result), "\n".join(remarks) or None)


def _left_out(result: FillResult) -> str | None:
    """A sentence where much of the probability went to what is no word."""
    most = max(result.left_out, default=0)
    if most < WORTH_SAYING:
        return None
    where = f" of blank {result.left_out.index(most) + 1}" if len(result.left_out) > 1 else ""
    return f"Tokens that are no words (special ones, spaces) got {percent(most)}{where}, and are left out."


def _bars(draft: Draft, guesses: Sequence[MaskGuess]) -> str:
    scores = [LabelScore(guess.word if guess.word.strip() else SPACE, guess.probability) for guess in guesses]
    return draft.bars(scores, bold=1, label=WORD)


def _sentence(draft: Draft, parts: Sequence[str], words: Sequence[str]) -> str:
    """The quoted sentence. One that is too long is cut at its ends, so that the first guess stays in sight."""
    pieces: list[Piece] = []
    for word, part in zip(words, parts[1:], strict=True):
        pieces += [(visible(word), True), (visible(part), False)]
    before = draft.fit(parts[0], HALF, inside_quote, Keep.END)
    after = draft.fit("".join(text for text, _ in pieces), HALF, _guessed_in_bold(pieces))
    return f"> {before}{after}"


def _guessed_in_bold(pieces: Iterable[Piece]) -> Style:
    """The style of a sentence that may be cut short of its last pieces."""

    def style(text: str) -> str:
        styled = []
        for piece, guessed in pieces:
            shown, text = text[: len(piece)], text[len(piece) :]
            styled.append(bold(shown) if guessed else inside_quote(shown))
        return "".join([*styled, inside_quote(text)])

    return style


def _whole(result: FillResult) -> str:
    tables = [
        f"Blank {place}\n" + plain_scores([LabelScore(guess.word, guess.probability) for guess in guesses])
        for place, guesses in enumerate(result.masks, 1)
    ]
    return "\n\n".join([result.completed, *tables])
