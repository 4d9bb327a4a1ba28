"""`/sentiment`: how does a text feel?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.requests import Request
from bot.inference.steps import Steps
from bot.inference.task import HeadKind, Task
from bot.tasks.scores import LabelScore, ranked, sigmoid, softmax
from bot.tasks.text import clean_text

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier


@dataclass(frozen=True)
class SentimentResult:
    """Every label with its probability, likeliest first.

    Attributes:
        truncated: whether the end of the text was not read, because it exceeds the model's context.
    """

    scores: tuple[LabelScore, ...]
    truncated: bool


@dataclass(frozen=True)
class SentimentRequest(Request[SentimentResult]):
    """Raises `InvalidRequest` where the text cannot be read."""

    text: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean_text(self.text))


def classify(head: SequenceClassifier, request: SentimentRequest) -> Steps[SentimentResult]:
    """By a classification head: softmax over its logits."""
    row = head.encode(request.text)
    [logits] = yield from head.classify([row])
    probabilities = sigmoid(logits) if head.independent else softmax(logits)
    return SentimentResult(ranked(head.labels, probabilities), row.inputs.truncated)


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


def weigh_words(head: CausalLM, request: SentimentRequest) -> Steps[SentimentResult]:
    """By a causal language model: would it rather go on with a positive word, or with a negative one?

    The difference of the words' log-probabilities, averaged over three prompts and four pairs of words, and measured
    against that of eight plain sentences: models lean towards one side whatever the text says.

    Source: Zhao et al.: Calibrate Before Use, 2021, arXiv:2102.09690.
    """
    yield from calibrate(head)
    good_mean, bad_mean = head.notes["sentiment"]
    longest_word = max(map(len, _words(head)))
    text, truncated = head.fit(
        request.text, lambda text: longest_word + max(len(head.encode(prompt.format(text))) for prompt in PROMPTS)
    )
    [leaning] = yield from _leanings(head, [text])
    distance = (leaning - (good_mean + bad_mean) / 2) / max(abs(good_mean - bad_mean) / 2, 1e-6)
    positive = float(sigmoid(SHARPNESS * distance))
    return SentimentResult(ranked(("POSITIVE", "NEGATIVE"), (positive, 1 - positive)), truncated)


def calibrate(head: CausalLM) -> Steps[None]:
    """Find out where the checkpoint puts the anchors."""
    if "sentiment" not in head.notes:
        leanings = yield from _leanings(head, [sentence for pair in ANCHORS for sentence in pair])
        head.notes["sentiment"] = (np.mean(leanings[0::2]), np.mean(leanings[1::2]))


def _leanings(head: CausalLM, texts: Sequence[str]) -> Steps[list[float]]:
    """How much likelier the positive words are after each text, as a mean difference of log-probabilities."""
    words = _words(head)
    rows = [head.continuations(head.encode(prompt.format(text)), words) for text in texts for prompt in PROMPTS]
    outputs = yield from head.score(rows)
    scores = np.array([[one.sum() for one in output] for output in outputs])
    differences = scores[:, 0::2] - scores[:, 1::2]
    means: list[float] = differences.reshape(len(texts), -1).mean(axis=1).tolist()
    return means


def _words(head: CausalLM) -> list[tuple[int, ...]]:
    return [head.encode_rest(word) for pair in WORDS for word in pair]


TASK = Task(
    "sentiment",
    SentimentRequest,
    {HeadKind.SEQUENCE_CLASSIFIER: classify, HeadKind.CAUSAL_LM: weigh_words},
    calibrations={HeadKind.CAUSAL_LM: calibrate},
)
