"""`/fill`: which word was hidden?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.operations import TaskRun
from bot.inference.requests import LabelScore, Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.locales.message import later
from bot.tasks.prompts.cloze import BLANK, weighed_masks
from bot.tasks.text_request import TextRequest
from bot.text.accepted import checked_range, has_words
from bot.text.characters import REPLACEMENT_CHARACTER, visible

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.masked_lm import MaskedLM

MOST_GUESSES = 10
MOST_MASKS = 5

Floats = npt.NDArray[np.float32]

_MASK = re.compile(r"<mask>|\[MASK\]|<extra_id_0>|_{3,}", re.IGNORECASE)
# Untrained tokens in the vocabularies of BERT, Gemma, T5 and RoBERTa.
_PLACEHOLDER = re.compile(r"\[unused\d+\]|<unused\d+>|<extra_id_\d+>|madeupword\d+")
# How many tokens are decoded together in the search for words.
_AT_ONCE = 64


@dataclass(frozen=True)
class MaskGuess:
    """A word for a mask."""

    word: str
    """The token as text, without a leading space."""
    probability: float
    sentence: str
    """The text with this word in its mask, and the likeliest words in the other masks."""
    offset: int
    """Of the word in the sentence."""


@dataclass(frozen=True)
class FillResult(Result):
    """Guesses for each mask."""

    masks: tuple[tuple[MaskGuess, ...], ...]
    """The likeliest guess first."""
    completed: str
    """The text with the likeliest word in each mask."""
    truncated: bool
    """The end of the text did not fit into the model's context."""
    left_out: tuple[float, ...] = ()
    """For each mask, the probability of tokens that are not words and likelier than its last guess; empty if only words
    were scored."""

    @property
    def headline(self) -> tuple[LabelScore, ...]:
        """The likeliest word of each mask."""
        return tuple(LabelScore(guesses[0].word, guesses[0].probability) for guesses in self.masks)


@dataclass(frozen=True)
class FillRequest(TextRequest[FillResult]):
    """A text with masks, written `<mask>`, `[MASK]` or `___`; raises `InvalidRequest` if it or top_k cannot be used."""

    top_k: int = 5

    def __post_init__(self) -> None:
        checked_range(self.top_k, 1, MOST_GUESSES, "top_k")
        super().__post_init__()
        masks = len(_MASK.findall(self.text))
        if not masks:
            raise InvalidRequest(
                later(
                    "There is no mask in the text. Write `{blank}` where a word is hidden, for example: `The capital "
                    "of France is {blank}.`",
                    blank=BLANK,
                )
            )
        if masks > MOST_MASKS:
            raise InvalidRequest(
                later(
                    "There are {masks} masks in the text, and I can fill {most_masks} at most. Please leave some out.",
                    masks=masks,
                    most_masks=MOST_MASKS,
                )
            )
        if not has_words(_MASK.sub("", self.text)):
            raise InvalidRequest(later("There is nothing but masks in the text. Please write some words around them."))

    @property
    def parts(self) -> tuple[str, ...]:
        """The text before, between and behind the masks."""
        return tuple(_MASK.split(self.text))


@dataclass(frozen=True)
class Distributions:
    """What a masked language model computed for a text."""

    inputs: EncoderInput
    positions: tuple[int, ...]
    """Of the masks among the tokens."""
    probabilities: Floats
    """(masks, vocabulary)."""
    words: tuple[tuple[int, ...], ...]
    """For each mask, its `MOST_GUESSES` likeliest tokens that are words, or all if the vocabulary has fewer."""
    others: tuple[tuple[int, ...], ...]
    """For each mask, the tokens that are not words and likelier than the last of `words`."""

    def likeliest(self, number: int) -> list[list[int]]:
        """Return for each mask its likeliest tokens that are words."""
        return [list(words[:number]) for words in self.words]

    def left_out(self, number: int) -> list[list[int]]:
        """Return for each mask the tokens that are not words and likelier than the last of so many words."""
        found = zip(self.probabilities, self.likeliest(number), self.others, strict=True)
        return [[token for token in others if one[token] > one[words[-1]]] for one, words, others in found]


def unmask(head: MaskedLM, request: FillRequest) -> TaskRun[FillResult]:
    """Answer by a masked language model: softmax over the vocabulary at each mask.

    Only words are guesses: no special tokens, white space or parts of characters. The others keep their probability.
    """
    made = yield from distributions(head, request)
    guesses = [
        [(word_of(head.decode([token])), float(probabilities[token])) for token in tokens]
        for probabilities, tokens in zip(made.probabilities, made.likeliest(request.top_k), strict=True)
    ]
    others = zip(made.probabilities, made.left_out(request.top_k), strict=True)
    left_out = tuple(float(probabilities[tokens].sum()) for probabilities, tokens in others)
    return completed(request, guesses, made.inputs.truncated, left_out)


def distributions(head: MaskedLM, request: FillRequest, *, alone: bool = False) -> TaskRun[Distributions]:
    """Compute what `unmask` answers with; raises `InvalidRequest` if a mask is beyond the model's context."""
    row = head.encode_masked(request.parts)
    positions = head.mask_positions(row.inputs.ids)
    if len(positions) != len(request.parts) - 1:
        raise InvalidRequest(
            later("The text is longer than the model's context, and a mask is beyond it. Please shorten it.")
        )
    [probabilities] = yield from head.fill([row], alone=alone)
    ranked = [_ranked(head, one) for one in probabilities]
    words, others = zip(*ranked, strict=True)
    return Distributions(row.inputs, tuple(positions), probabilities, words, others)


def _ranked(head: MaskedLM, probabilities: Floats) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the `words` and the `others` of one mask of `Distributions`."""
    words: list[int] = []
    others: list[int] = []
    for token, is_word in _by_rank(head, probabilities):
        (words if is_word else others).append(token)
        if len(words) == MOST_GUESSES:
            break
    if not words:
        raise ModelUnavailable(
            later(
                "The checkpoint that is set for /fill has no words in its vocabulary. Whoever runs this bot can set "
                "another one."
            )
        )
    return tuple(words), tuple(others)


def _by_rank(head: MaskedLM, probabilities: Floats) -> Iterator[tuple[int, bool]]:
    """Yield every token, likeliest first, and whether it is a word."""
    order: list[int] = np.argsort(-probabilities, kind="stable").tolist()
    for start in range(0, len(order), _AT_ONCE):
        ids = order[start : start + _AT_ONCE]
        for token in head.tokens(ids):
            yield token.id, not token.special and _is_word(word_of(head.decode([token.id])))


def _is_word(word: str) -> bool:
    """Return whether people can read a token as a word."""
    return REPLACEMENT_CHARACTER not in word and bool(visible(word)) and _PLACEHOLDER.fullmatch(word) is None


def completed(
    request: FillRequest,
    guesses: Sequence[Sequence[tuple[str, float]]],
    truncated: bool,
    left_out: tuple[float, ...] = (),
) -> FillResult:
    """Return the result for each mask's words with their probabilities, likeliest first."""
    best = [words[0][0] for words in guesses]

    def sentence(word: str, index: int) -> tuple[str, int]:
        """Return the text with a word in one mask, and the word's offset."""
        words = [*best[:index], word, *best[index + 1 :], ""]
        pieces = [piece for pair in zip(request.parts, words, strict=True) for piece in pair]
        return "".join(pieces), sum(map(len, pieces[: 2 * index + 1]))

    masks = (
        tuple(MaskGuess(word, probability, *sentence(word, index)) for word, probability in words)
        for index, words in enumerate(guesses)
    )
    return FillResult(tuple(masks), sentence(best[0], 0)[0], truncated, left_out)


def word_of(token: str) -> str:
    """Return a token as people read it."""
    # BPE marks the beginning of a word by a space, WordPiece the inside of one by ##.
    return token.strip().removeprefix("##")


def weigh_sentences(head: CausalLM, request: FillRequest) -> TaskRun[FillResult]:
    """Answer by a causal language model (see `weighed_masks`)."""
    masks = yield from weighed_masks(head, request.parts)
    guesses = [[(one.word, one.probability) for one in mask.proposals[: request.top_k]] for mask in masks]
    return completed(request, guesses, any(mask.truncated for mask in masks))


TASK = Task(
    "fill",
    FillRequest,
    {HeadKind.MASKED_LM: Implementation(unmask), HeadKind.CAUSAL_LM: Implementation(weigh_sentences)},
    from_text=True,
)
