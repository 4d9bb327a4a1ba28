"""Filling masks with a causal language model, which has no mask token."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import regex

from bot.errors import ModelUnavailable
from bot.inference.heads.calibration import Calibration
from bot.inference.operations import TaskRun
from bot.locales.message import later
from bot.tasks.scores import softmax
from bot.text.characters import visible

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.scoring import LogProbs

BLANK = "___"
"""A mask as people and causal language models see it."""
# Precedes the text while it is scored: without any context, a model's first words are wild guesses.
CONTEXT = "The sky is blue. Madrid is the capital of Spain. "
# Shows the model the text behind the mask before it proposes a word.
CLOZE = (
    "Q: The sky is ___.\nA: blue\nQ: ___ is the capital of Spain.\nA: Madrid\nQ: The ___ swims in the sea.\nA: fish\n"
    "Q: {}\nA:"
)
FROM_LEFT, FROM_CLOZE = 30, 25
CLOZE_WEIGHT = 0.25
# How much of the text around a mask is scored, because a word depends on its neighbourhood.
LEFT_TOKENS, RIGHT_TOKENS = 256, 48
# Room for a proposed word: one token, or perhaps one per letter if it gets a capital.
WORD_TOKENS = 24

_WHOLE_WORDS: Calibration[npt.NDArray[np.int64]] = Calibration("fill")
_FULL_STOP = regex.compile(r"\p{Sentence_Terminal}$")
_WHOLE_WORD = regex.compile(r" (?:[^\W\d_]{2,}|[aAI])")


@dataclass(frozen=True)
class Proposal:
    """A word that a causal language model proposes for a mask."""

    word: str
    sentence: float
    """Log-probability of the sentence with this word in the mask."""
    as_answer: float
    """Log-probability of the word as the answer to the question."""
    probability: float
    """Its share among all proposals."""


@dataclass(frozen=True)
class WeighedMask:
    """How a causal language model fills a mask."""

    left: str
    """Prompt that ends before the mask."""
    question: str
    """Prompt that asks for the word, with the text behind the mask."""
    proposals: tuple[Proposal, ...]
    """Likeliest first."""
    truncated: bool
    """The context is too short for all of the text around the mask."""


def weighed_masks(head: CausalLM, parts: Sequence[str], *, alone: bool = False) -> TaskRun[list[WeighedMask]]:
    """Fill masks from left to right: which word makes the whole sentence likeliest?

    Words are proposed from the text before the mask, and from a question that shows the text behind it. Softmax over
    the sentences' log-probabilities with each word gives its probability.

    Args:
        parts: the text before, between and behind the masks.
    """
    before, masks = parts[0], list[WeighedMask]()
    for after in parts[1:]:
        starts_sentence = not before.strip() or _FULL_STOP.search(before.rstrip()) is not None
        near_before, near_after, cut = _neighbourhood(head, before, after.rstrip())
        left, question = (CONTEXT + near_before).rstrip(), _question(near_before, near_after)
        proposals = yield from _weigh_one(head, left, question, near_after, capital=starts_sentence, alone=alone)
        masks.append(WeighedMask(left, question, proposals, cut))
        before += proposals[0].word + after
    return masks


def _neighbourhood(head: CausalLM, before: str, after: str) -> tuple[str, str, bool]:
    """Return as much of the text around a mask as is read, and whether the context is too short for it."""
    near_before, wanted = head.ending(before, LEFT_TOKENS), head.beginning(after, RIGHT_TOKENS)
    near_after = head.beginning(wanted, head.context_length // 8)  # the rest is for the text before the mask
    tail = WORD_TOKENS + len(head.encode_rest(near_after))
    near_before, cut = head.fit(
        near_before,
        lambda text: max(len(head.encode(CONTEXT + text)) + tail, len(head.encode(_question(text, near_after)))),
        keep_end=True,
    )
    return near_before, near_after, cut or near_after != wanted


def _question(before: str, after: str) -> str:
    return CLOZE.format(before + BLANK + after)


def _weigh_one(
    head: CausalLM, left: str, question: str, after: str, *, capital: bool, alone: bool
) -> TaskRun[tuple[Proposal, ...]]:
    """Return words for one mask, likeliest first."""
    before = head.encode(left)
    from_left, from_cloze = yield from head.next_token(
        [head.continuations(before, [(0,)]), head.continuations(head.encode(question), [(0,)])], alone=alone
    )
    proposed = _proposals(head, from_left, from_cloze, capital=capital)
    words = list(proposed)
    sentences = [head.encode_rest(f" {word}{after}") for word in words]
    [found] = yield from head.score([head.continuations(before, sentences)], alone=alone)
    weights = [one.sum() for one in found]
    shares = softmax([weight + CLOZE_WEIGHT * proposed[word] for word, weight in zip(words, weights, strict=True)])
    weighed = [
        Proposal(word, float(weight), proposed[word], float(share))
        for word, weight, share in zip(words, weights, shares, strict=True)
    ]
    return tuple(sorted(weighed, key=lambda one: -one.probability))


def _proposals(head: CausalLM, from_left: LogProbs, from_cloze: LogProbs, *, capital: bool) -> dict[str, float]:
    """Return the words that fit, each with its log-probability as the answer to the question."""
    allowed = _whole_words(head)
    tokens: list[int] = []
    for log_probs, number in ((from_left, FROM_LEFT), (from_cloze, FROM_CLOZE)):
        tokens += allowed[np.argsort(-log_probs[allowed], kind="stable")[:number]].tolist()
    proposed: dict[str, float] = {}
    for token in dict.fromkeys(tokens):
        word = head.decode([token]).strip()
        word = word[0].upper() + word[1:] if capital else word
        proposed[word] = max(proposed.get(word, -np.inf), float(from_cloze[token]))
    return proposed


def _whole_words(head: CausalLM) -> npt.NDArray[np.int64]:
    """Return the tokens that are a whole word with a space before it; raises `ModelUnavailable` if there are none."""
    allowed = head.calibrations.measured(
        _WHOLE_WORDS,
        lambda: np.array(
            [token for token, text in enumerate(head.decode_each(range(head.vocabulary_size))) if _is_whole_word(text)]
        ),
    )
    if not len(allowed):
        raise ModelUnavailable(
            later(
                "The checkpoint that is set for /fill has no whole words in its vocabulary. Whoever runs this bot can "
                "set another one."
            )
        )
    return allowed


def _is_whole_word(text: str) -> bool:
    return _WHOLE_WORD.fullmatch(text) is not None and visible(text) == text[1:]
