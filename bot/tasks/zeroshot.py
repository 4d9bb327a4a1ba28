"""`/zeroshot`: which of these labels fits a text?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.requests import Request
from bot.inference.steps import Steps
from bot.inference.task import HeadKind, Task
from bot.tasks.scores import LabelScore, ranked, softmax
from bot.tasks.text import clean_text

if TYPE_CHECKING:
    from bot.inference.heads.sequence_classifier import SequenceClassifier

FEWEST_LABELS = 2
MOST_LABELS = 20
LONGEST_LABEL = 80
HYPOTHESIS = "This example is {}."
"""What a label becomes for a natural language inference model: the template of transformers' own pipeline."""


@dataclass(frozen=True)
class ZeroShotResult:
    """Every label with its probability, likeliest first.

    Attributes:
        multi_label: whether each label was judged on its own, so that the probabilities need not sum to 1.
        truncated: whether the end of the text was not read, because it exceeds the model's context.
    """

    scores: tuple[LabelScore, ...]
    multi_label: bool
    truncated: bool


@dataclass(frozen=True)
class ZeroShotRequest(Request[ZeroShotResult]):
    """Raises `InvalidRequest` where the text or the labels cannot be used."""

    text: str
    labels: tuple[str, ...]
    multi_label: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean_text(self.text))
        object.__setattr__(self, "labels", _checked(self.labels))


def parse_labels(text: str) -> tuple[str, ...]:
    """Labels separated by commas or new lines."""
    return tuple(re.split(r"[,،、\n]", text))


def _checked(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Labels without empty ones and duplicates (whatever their case), in their order."""
    cleaned = [clean_text(label, "label", LONGEST_LABEL) for label in labels if label.strip()]
    distinct = tuple({label.casefold(): label for label in reversed(cleaned)}.values())[::-1]
    if not FEWEST_LABELS <= len(distinct) <= MOST_LABELS:
        number = "no label" if not distinct else "one label" if len(distinct) == 1 else f"{len(distinct)} labels"
        raise InvalidRequest(
            f"I found {number}, and I need {FEWEST_LABELS} to {MOST_LABELS} different ones. "
            "Separate them with commas, for example: `sports, politics, entertainment`."
        )
    return distinct


def infer(head: SequenceClassifier, request: ZeroShotRequest) -> Steps[ZeroShotResult]:
    """By natural language inference: does the text entail that it is about the label?

    Source: Yin, Hay, Roth: Benchmarking Zero-shot Text Classification, 2019, arXiv:1909.00161.

    Raises:
        ModelUnavailable: the checkpoint is a classifier, but not one for natural language inference.
    """
    entailment = head.entailment
    if entailment is None:
        raise ModelUnavailable(
            "The checkpoint that is set for /zeroshot knows no entailment. Whoever runs this bot can set one that was "
            "trained on natural language inference (MNLI) with ZEROSHOT_CHECKPOINT."
        )
    rows = [head.encode(request.text, HYPOTHESIS.format(label)) for label in request.labels]
    logits = yield from head.classify(rows)
    if request.multi_label:
        contradiction = -1 if entailment == 0 else 0
        probabilities = [softmax([one[contradiction], one[entailment]])[1] for one in logits]
    else:
        probabilities = list(softmax([one[entailment] for one in logits]))
    truncated = any(row.inputs.truncated for row in rows)
    return ZeroShotResult(ranked(request.labels, probabilities), request.multi_label, truncated)


TASK = Task("zeroshot", ZeroShotRequest, {HeadKind.SEQUENCE_CLASSIFIER: infer})
