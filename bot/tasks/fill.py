"""`/fill`: which word was hidden?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot.errors import InvalidRequest
from bot.inference.requests import Request
from bot.inference.steps import Steps
from bot.inference.task import HeadKind, Task
from bot.tasks.text import checked_range, clean_text

if TYPE_CHECKING:
    from bot.inference.heads.masked_lm import MaskedLM

MOST_GUESSES = 10
MOST_MASKS = 5
BLANK = "___"
"""How a mask is written to people, whatever the model's own mask token is."""

_MASK = re.compile(r"<mask>|\[MASK\]|<extra_id_0>|_{3,}", re.IGNORECASE)


@dataclass(frozen=True)
class Guess:
    """A word for a mask.

    Attributes:
        word: the token as text, without a leading space.
        probability: 0 to 1.
        sentence: the text with this word in place, and the likeliest words in the other masks.
        place: where the word begins in the sentence, in characters.
    """

    word: str
    probability: float
    sentence: str
    place: int


@dataclass(frozen=True)
class FillResult:
    """For each mask its guesses, likeliest first.

    Attributes:
        completed: the text with the likeliest word in each mask.
        truncated: whether the end of the text was not read, because it exceeds the model's context.
    """

    masks: tuple[tuple[Guess, ...], ...]
    completed: str
    truncated: bool


@dataclass(frozen=True)
class FillRequest(Request[FillResult]):
    """A text with masks, written `<mask>`, `[MASK]` or `___`.

    Raises `InvalidRequest` where there is no mask, or the text or top_k cannot be used.
    """

    text: str
    top_k: int = 5

    def __post_init__(self) -> None:
        checked_range(self.top_k, 1, MOST_GUESSES, "top_k")
        text = clean_text(self.text)
        masks = len(_MASK.findall(text))
        if not masks:
            raise InvalidRequest(
                f"There is no mask in the text. Write `{BLANK}` where a word is hidden, for example: "
                f"`The capital of France is {BLANK}.`"
            )
        if masks > MOST_MASKS:
            raise InvalidRequest(f"There are {masks} masks in the text, and I can fill {MOST_MASKS} at most.")
        if not any(character.isalnum() for character in _MASK.sub("", text)):
            raise InvalidRequest("There is nothing but masks in the text. Please write some words around them.")
        object.__setattr__(self, "text", text)

    @property
    def parts(self) -> tuple[str, ...]:
        """What stands before, between and after the masks."""
        return tuple(_MASK.split(self.text))


def unmask(head: MaskedLM, request: FillRequest) -> Steps[FillResult]:
    """By a masked language model: softmax over the vocabulary at each mask."""
    row = head.encode(head.mask_token.join(request.parts))
    if len(head.mask_positions(row.inputs.ids)) != len(request.parts) - 1:
        raise InvalidRequest("The text is longer than the model's context, and a mask is beyond it. Please shorten it.")
    [probabilities] = yield from head.fill([row])
    guesses = []
    for distribution in probabilities:
        best = np.argsort(-distribution, kind="stable")[: request.top_k]
        guesses.append([(_word(head.decode([int(token)])), float(distribution[token])) for token in best])
    return completed(request, guesses, row.inputs.truncated)


def completed(request: FillRequest, guesses: list[list[tuple[str, float]]], truncated: bool) -> FillResult:
    """The result, from each mask's words and their probabilities, likeliest first."""
    best = [words[0][0] for words in guesses]
    masks = []
    for index, words in enumerate(guesses):
        masks.append(
            tuple(
                Guess(word, probability, *_sentence(request.parts, [*best[:index], word, *best[index + 1 :]], index))
                for word, probability in words
            )
        )
    return FillResult(tuple(masks), _sentence(request.parts, best, 0)[0], truncated)


def _sentence(parts: tuple[str, ...], words: list[str], index: int) -> tuple[str, int]:
    """The text with words in its masks, and where the word of one mask begins."""
    pieces = [parts[0]]
    place = 0
    for position, (word, part) in enumerate(zip(words, parts[1:], strict=True)):
        if position == index:
            place = sum(map(len, pieces))
        pieces += [word, part]
    return "".join(pieces), place


def _word(token: str) -> str:
    """A token as people read it: WordPiece marks the inside of a word with ##, BPE the start of one with a space."""
    return token.strip().removeprefix("##")


TASK = Task("fill", FillRequest, {HeadKind.MASKED_LM: unmask})
