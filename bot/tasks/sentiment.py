"""`/sentiment`: how does a text feel?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.inference.heads.calibration import Calibration
from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.tasks.scores import Floats, LabelScore, ranked, sigmoid, softmax
from bot.text.accepted import clean_text

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.sequence_classifier import SequenceClassifier


@dataclass(frozen=True)
class SentimentResult:
    """Every label with its probability, likeliest first.

    Attributes:
        truncated: whether the end of the text was not read, because it exceeds the model's context.
    """

    scores: tuple[LabelScore, ...]
    truncated: bool

    @property
    def headline(self) -> tuple[LabelScore, ...]:
        """What is said first: the likeliest label."""
        return self.scores[:1]


@dataclass(frozen=True)
class SentimentRequest(Request[SentimentResult]):
    """Raises `InvalidRequest` where the text cannot be read."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean_text(self.text))


@dataclass(frozen=True)
class Classification:
    """What a classification head made of a text.

    Attributes:
        inputs: what it read.
        logits: one per label.
        probabilities: one per label: softmax over the logits, or each one's sigmoid where the labels are independent.
    """

    inputs: EncoderInput
    logits: npt.NDArray[np.float32]
    probabilities: Floats


def classify(head: SequenceClassifier, request: SentimentRequest) -> TaskRun[SentimentResult]:
    """By a classification head: softmax over its logits."""
    made = yield from classification(head, request)
    return SentimentResult(ranked(head.labels, made.probabilities), made.inputs.truncated)


def classification(
    head: SequenceClassifier, request: SentimentRequest, *, alone: bool = False
) -> TaskRun[Classification]:
    """How `classify` comes to its answer.

    Args:
        alone: keep other requests out of the batch.
    """
    row = head.encode(request.text)
    [logits] = yield from head.classify([row], alone=alone)
    return Classification(row.inputs, logits, sigmoid(logits) if head.independent else softmax(logits))


_ANCHORS: Calibration[tuple[Leaning, Leaning]] = Calibration("sentiment")

PROMPTS = ("Review: {}\nSentiment:", "Text: {}\nSentiment:", "Sentence: {}\nSentiment:")
WORDS = ((" positive", " negative"), (" Positive", " Negative"), (" good", " bad"), (" great", " terrible"))
ANCHORS = (
    ("I like it.", "I do not like it."),
    ("It was very good.", "It was very bad."),
    ("This works well and I am happy.", "This does not work and I am unhappy."),
    ("The people were nice and helpful.", "The people were rude and unhelpful."),
)
"""Plain sentences of either kind: where the model puts them is what its scores are measured by."""
SHARPNESS = 5.0
"""How probable a text is that lies where the anchors do: sigmoid(5) = 0.993."""
NEAREST_ANCHORS = 1e-6
"""Half the distance between the two kinds of anchors is at least this: nothing is divided by zero."""


@dataclass(frozen=True)
class Leaning:
    """Which words a model would go on with after a text.

    Attributes:
        positive: mean log-probability of the positive words, over all prompts.
        negative: mean log-probability of the negative words.
        difference: the first minus the second.
    """

    positive: float
    negative: float
    difference: float

    @classmethod
    def mean(cls, leanings: Sequence[Leaning]) -> Leaning:
        """That of several texts."""
        positive, negative, difference = np.mean(
            [(one.positive, one.negative, one.difference) for one in leanings], axis=0
        )
        return cls(float(positive), float(negative), float(difference))


@dataclass(frozen=True)
class Weighing:
    """How a causal language model comes to an answer.

    Attributes:
        text: what was read of the request's text.
        leaning: after the text.
        anchors: the mean after the positive anchors, and after the negative ones.
        middle: halfway between the anchors' differences: where a text would be that is neither.
        half_distance: from the middle to the anchors of either kind.
        distance: of the text from the middle, in half distances.
        positive: the probability of POSITIVE.
        truncated: whether the end of the text was not read.
    """

    text: str
    leaning: Leaning
    anchors: tuple[Leaning, Leaning]
    middle: float
    half_distance: float
    distance: float
    positive: float
    truncated: bool


def weigh_words(head: CausalLM, request: SentimentRequest) -> TaskRun[SentimentResult]:
    """By a causal language model: would it rather go on with a positive word, or with a negative one?

    The difference of the words' log-probabilities, averaged over three prompts and four pairs of words, and measured
    against that of eight plain sentences: models lean towards one side whatever the text says.

    Source: Zhao et al.: Calibrate Before Use, 2021, arXiv:2102.09690.
    """
    made = yield from weighing(head, request)
    return SentimentResult(ranked(("POSITIVE", "NEGATIVE"), (made.positive, 1 - made.positive)), made.truncated)


def weighing(head: CausalLM, request: SentimentRequest, *, alone: bool = False) -> TaskRun[Weighing]:
    """How `weigh_words` comes to its answer.

    Args:
        alone: keep other requests out of the batch.
    """
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
    return Weighing(text, leaning, anchors, middle, half_distance, distance, positive, truncated)


def calibrate(head: CausalLM) -> TaskRun[None]:
    """Find out where the checkpoint puts the anchors."""
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
    {HeadKind.SEQUENCE_CLASSIFIER: classify, HeadKind.CAUSAL_LM: weigh_words},
    calibrations={HeadKind.CAUSAL_LM: calibrate},
)
