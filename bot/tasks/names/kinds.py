"""Asking a causal language model what a name stands for: a person, a place, an organisation or something else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.heads.calibration import Calibration
from bot.inference.operations import TaskRun
from bot.tasks.names.candidates import CandidateName, find_candidates
from bot.tasks.scores import Floats, softmax
from bot.text.tables import read_table

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

OUTSIDE = "O"
"""The label of words that are not an entity."""
KINDS = ("PER", "LOC", "ORG", OUTSIDE)
MOST_NAMES = 40
"""The most different names of a text that the model is asked about."""


@dataclass(frozen=True)
class KindPrompt:
    """A prompt that a name's kind follows, and the words for each of `KINDS`."""

    prompt: str
    words: list[str]


_TABLE = read_table("bot.tasks.prompts", "prompts.toml")["entities"]
QUESTIONS = tuple(KindPrompt(**question) for question in _TABLE["questions"])
ANCHORS: list[tuple[str, str]] = list(map(tuple, _TABLE["anchors"]))
"""Sentences with names, equally many of each kind: the model's average answer to them is its leaning."""

_LEANING: Calibration[Floats] = Calibration("entities")


@dataclass(frozen=True)
class WeighedName:
    """A name with a causal language model's scores; arrays are (questions, kinds) unless noted."""

    candidate: CandidateName
    prompts: tuple[str, ...]
    """The questions about it, as the model read them."""
    log_probs: Floats
    """Of the words for each kind."""
    shares: Floats
    """Softmax over each question's log-probabilities."""
    answers: Floats
    """Logarithms of the shares."""
    leaning: Floats
    """Mean of `answers` over the anchors."""
    scores: Floats
    """`answers` minus `leaning`, summed over the questions, (kinds,)."""
    probabilities: Floats
    """Softmax over the scores, (kinds,)."""

    @property
    def kind(self) -> str:
        """The likeliest of `KINDS`."""
        return KINDS[int(self.probabilities.argmax())]

    @property
    def probability(self) -> float:
        """Probability of the likeliest kind."""
        return float(self.probabilities.max())


@dataclass(frozen=True)
class WeighedNames:
    """How a causal language model's answer is computed."""

    names: tuple[WeighedName, ...]
    """In the order in which they first appear."""
    truncated: bool
    """The text has further names."""


def weighed_names(head: CausalLM, text: str, *, alone: bool = False) -> TaskRun[WeighedNames]:
    """Ask the model two questions about each capitalised name.

    The answers' log-probabilities are compared with those about known names, and added.

    Source: Zhao et al.: Calibrate Before Use, 2021, arXiv:2102.09690.
    """
    candidates = find_candidates(text)
    asked = candidates[:MOST_NAMES]
    if not asked:
        return WeighedNames((), truncated=False)
    yield from calibrate(head)
    leaning = head.calibrations[_LEANING]
    prompts = _prompts(head, [(sentence, name) for name, sentence in (one.asked for one in asked)])
    log_probs = yield from _ask(head, prompts, alone=alone)
    shares = softmax(log_probs)
    answers = np.log(shares)
    scores: Floats = (answers - leaning).sum(axis=1)
    columns = (asked, prompts, log_probs, shares, answers, [leaning] * len(asked), scores, softmax(scores))
    names = tuple(WeighedName(*name) for name in zip(*columns, strict=True))
    return WeighedNames(names, truncated=len(asked) < len(candidates))


def calibrate(head: CausalLM) -> TaskRun[None]:
    """Measure the mean answers about the anchors, (questions, kinds)."""
    if _LEANING not in head.calibrations:
        log_probs = yield from _ask(head, _prompts(head, ANCHORS))
        head.calibrations[_LEANING] = np.log(softmax(log_probs)).mean(axis=0)


def _ask(head: CausalLM, prompts: Sequence[Sequence[str]], *, alone: bool = False) -> TaskRun[Floats]:
    """Return log-probabilities of the words for the kinds, (names, questions, kinds)."""
    words = _kind_words(head)
    rows = [
        head.continuations(head.encode(prompt), some)
        for questions in prompts
        for prompt, some in zip(questions, words, strict=True)
    ]
    outputs = yield from head.score(rows, alone=alone)
    scores: Floats = np.array([[one.sum() for one in output] for output in outputs], dtype=np.float64)
    return scores.reshape(len(prompts), len(QUESTIONS), len(KINDS))


def _prompts(head: CausalLM, names: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """Return the questions about (sentence, name) pairs, with as much of each sentence as the context has room for."""
    longest = max(len(word) for some in _kind_words(head) for word in some)

    def about(sentence: str, name: str) -> tuple[str, ...]:
        return tuple(question.prompt.format(text=sentence, name=name) for question in QUESTIONS)

    def fitting(sentence: str, name: str) -> tuple[str, ...]:
        read, _ = head.fit(sentence, lambda text: max(map(len, map(head.encode, about(text, name)))) + longest)
        return about(read, name)

    return [fitting(*one) for one in names]


def _kind_words(head: CausalLM) -> list[list[tuple[int, ...]]]:
    return [[head.encode_rest(word) for word in question.words] for question in QUESTIONS]
