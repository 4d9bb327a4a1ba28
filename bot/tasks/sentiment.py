"""`/sentiment`: how does a text feel?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.inference.requests import Request
from bot.inference.steps import Steps
from bot.inference.task import HeadKind, Task
from bot.tasks.scores import LabelScore, ranked, sigmoid, softmax
from bot.tasks.text import clean_text

if TYPE_CHECKING:
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


TASK = Task("sentiment", SentimentRequest, {HeadKind.SEQUENCE_CLASSIFIER: classify})
