"""`/sentiment`: how does a text feel?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.heads.calibration import Calibration
from bot.inference.operations import TaskRun
from bot.inference.requests import LabelScore, Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.tasks.scores import Floats, ranked, sigmoid, softmax
from bot.tasks.text_request import TextRequest
from bot.text.tables import read_table

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.sequence_classifier import SequenceClassifier


@dataclass(frozen=True)
class SentimentResult(Result):
    """Every label with its probability, likeliest first."""

    scores: tuple[LabelScore, ...]
    truncated: bool
    """The end of the text did not fit into the model's context."""

    @property
    def headline(self) -> tuple[LabelScore, ...]:
        """The likeliest label."""
        return self.scores[:1]


@dataclass(frozen=True)
class SentimentRequest(TextRequest[SentimentResult]):
    """A text to classify."""


@dataclass(frozen=True)
class Classification:
    """What a classification head computed for a text."""

    inputs: EncoderInput
    logits: npt.NDArray[np.float32]
    probabilities: Floats
    """One per label: softmax over the logits, or each one's sigmoid if the labels are independent."""


def classify(head: SequenceClassifier, request: SentimentRequest) -> TaskRun[SentimentResult]:
    """Answer by a classification head: softmax over its logits."""
    made = yield from classification(head, request)
    return SentimentResult(ranked(head.labels, made.probabilities), made.inputs.truncated)


def classification(
    head: SequenceClassifier, request: SentimentRequest, *, alone: bool = False
) -> TaskRun[Classification]:
    """Compute what `classify` answers with."""
    row = head.encode(request.text)
    [logits] = yield from head.classify([row], alone=alone)
    return Classification(row.inputs, logits, sigmoid(logits) if head.independent else softmax(logits))


PROMPTS = ("Review: {}\nSentiment:", "Text: {}\nSentiment:", "Sentence: {}\nSentiment:")
WORDS = ((" positive", " negative"), (" Positive", " Negative"), (" good", " bad"), (" great", " terrible"))
ANCHORS: list[list[str]] = read_table("bot.tasks.prompts", "prompts.toml")["sentiment"]["anchors"]
"""Pairs of a plain positive and a plain negative sentence, against which texts are measured."""
# A text that scores like the anchors has the probability sigmoid(5) = 0.993.
SHARPNESS = 5.0
# The least half distance between the two kinds of anchors, so that nothing is divided by zero.
NEAREST_ANCHORS = 1e-6


@dataclass(frozen=True)
class Leaning:
    """Log-probabilities of positive and negative words after a text, averaged over prompts and words."""

    positive: float
    negative: float
    difference: float
    """The first minus the second."""

    @classmethod
    def mean(cls, leanings: Sequence[Leaning]) -> Leaning:
        """Return the mean of several texts."""
        return cls(*np.mean([(one.positive, one.negative, one.difference) for one in leanings], axis=0).tolist())


_ANCHORS: Calibration[tuple[Leaning, Leaning]] = Calibration("sentiment")


@dataclass(frozen=True)
class WordScore:
    """How a causal language model's answer is computed."""

    text: str
    """As much of the request's text as the model read."""
    leaning: Leaning
    anchors: tuple[Leaning, Leaning]
    """Means of the positive and of the negative anchors."""
    middle: float
    """Halfway between the anchors' differences: a neutral text's difference."""
    half_distance: float
    """From the middle to the anchors of either kind."""
    distance: float
    """From the middle to the text, in half distances."""
    positive: float
    """Probability of POSITIVE."""
    truncated: bool


def weigh_words(head: CausalLM, request: SentimentRequest) -> TaskRun[SentimentResult]:
    """Answer by a causal language model: is a positive or a negative word likelier after the text?

    The difference of the words' log-probabilities is measured against that of plain sentences, because models lean
    towards one side whatever the text says.

    Source: Zhao et al.: Calibrate Before Use, 2021, arXiv:2102.09690.
    """
    made = yield from word_score(head, request)
    return SentimentResult(ranked(("POSITIVE", "NEGATIVE"), (made.positive, 1 - made.positive)), made.truncated)


def word_score(head: CausalLM, request: SentimentRequest, *, alone: bool = False) -> TaskRun[WordScore]:
    """Compute what `weigh_words` answers with."""
    yield from calibrate(head)
    anchors = head.calibrations[_ANCHORS]
    good, bad = (anchor.difference for anchor in anchors)
    longest_word = max(map(len, _words(head)))
    text, truncated = head.fit(
        request.text, lambda text: longest_word + max(len(head.encode(prompt.format(text))) for prompt in PROMPTS)
    )
    [leaning] = yield from _leanings(head, [text], alone=alone)
    middle = (good + bad) / 2
    half_distance = max(abs(good - bad) / 2, NEAREST_ANCHORS)
    distance = (leaning.difference - middle) / half_distance
    positive = float(sigmoid(SHARPNESS * distance))
    return WordScore(text, leaning, anchors, middle, half_distance, distance, positive, truncated)


def calibrate(head: CausalLM) -> TaskRun[None]:
    """Measure the anchors."""
    if _ANCHORS not in head.calibrations:
        leanings = yield from _leanings(head, [sentence for pair in ANCHORS for sentence in pair])
        head.calibrations[_ANCHORS] = (Leaning.mean(leanings[0::2]), Leaning.mean(leanings[1::2]))


def _leanings(head: CausalLM, texts: Sequence[str], *, alone: bool = False) -> TaskRun[list[Leaning]]:
    words = _words(head)
    rows = [head.continuations(head.encode(prompt.format(text)), words) for text in texts for prompt in PROMPTS]
    outputs = yield from head.score(rows, alone=alone)
    scores = np.array([[one.sum() for one in output] for output in outputs])
    positive, negative = scores[:, 0::2], scores[:, 1::2]
    means = [one.reshape(len(texts), -1).mean(axis=1).tolist() for one in (positive, negative, positive - negative)]
    return [Leaning(*one) for one in zip(*means, strict=True)]


def _words(head: CausalLM) -> list[tuple[int, ...]]:
    return [head.encode_rest(word) for pair in WORDS for word in pair]


TASK = Task(
    "sentiment",
    SentimentRequest,
    {
        HeadKind.SEQUENCE_CLASSIFIER: Implementation(classify),
        HeadKind.CAUSAL_LM: Implementation(weigh_words, calibrate=calibrate),
    },
    from_text=True,
    # The labels of natural language inference are no feelings.
    suits=lambda abilities: abilities.kind is HeadKind.CAUSAL_LM or abilities.infers is False,
)
