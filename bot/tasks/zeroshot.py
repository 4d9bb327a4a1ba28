"""`/zeroshot`: which of these labels fits a text?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.heads.calibration import Calibration
from bot.inference.operations import TaskRun
from bot.inference.requests import LabelScore, Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.locales.message import later, later_plural
from bot.tasks.scores import Floats, ranked, sigmoid, softmax
from bot.tasks.text_request import TextRequest
from bot.text.accepted import clean_text
from bot.text.characters import identity, visible
from bot.text.tables import read_table

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.scoring import LogProbs
    from bot.inference.heads.sequence_classifier import SequenceClassifier

FEWEST_LABELS = 2
MOST_LABELS = 20
USUAL_LABELS = "sports, politics, entertainment"
"""For `/inspect`, `/guess` and `/compare`, if somebody names none."""
LONGEST_LABEL = 80
# The template of transformers' own pipeline.
HYPOTHESIS = "This example is {}."
HINT = later(
    "Separate them with commas, for example: `sports, politics, "
    "entertainment`. A label with a comma in it goes into quotation marks."
)


@dataclass(frozen=True)
class ZeroShotResult(Result):
    """Every label with its probability, likeliest first."""

    scores: tuple[LabelScore, ...]
    multi_label: bool
    """Several labels may apply, so that the probabilities need not sum to 1."""
    truncated: bool
    """The end of the text did not fit into the model's context."""

    @property
    def headline(self) -> tuple[LabelScore, ...]:
        """The likeliest label."""
        return self.scores[:1]


@dataclass(frozen=True)
class ZeroShotRequest(TextRequest[ZeroShotResult]):
    """A text and labels; raises `InvalidRequest` if one of them cannot be used."""

    labels: tuple[str, ...]
    multi_label: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        cleaned = [clean_text(label, "label", LONGEST_LABEL) for label in self.labels if visible(label)]
        first: dict[str, str] = {}
        for label in cleaned:
            first.setdefault(identity(label), label)
        distinct = tuple(first.values())
        if not FEWEST_LABELS <= len(distinct) <= MOST_LABELS:
            found = later_plural(
                "I found one label, and I need {fewest} to {most} different ones. {hint}",
                "I found {count} labels, and I need {fewest} to {most} different ones. {hint}",
                len(distinct),
            )
            none = later("I found no label, and I need {fewest} to {most} different ones. {hint}")
            raise InvalidRequest(
                (found if distinct else none).filled(fewest=FEWEST_LABELS, most=MOST_LABELS, hint=HINT)
            )
        object.__setattr__(self, "labels", distinct)


@dataclass(frozen=True)
class Entailments:
    """What a natural language inference model computed for a text and its labels."""

    inputs: tuple[EncoderInput, ...]
    """A pair of text and hypothesis for each label."""
    logits: npt.NDArray[np.float32]
    """(labels, classes)."""
    entailment: int
    """Index of the class whose logits are compared."""
    contradiction: int
    """Index of the class that entailment is compared with if each label is judged on its own."""
    probabilities: Floats
    """(labels,)."""

    @property
    def truncated(self) -> bool:
        """Whether the end of the text was not read."""
        return any(one.truncated for one in self.inputs)


def infer(head: SequenceClassifier, request: ZeroShotRequest) -> TaskRun[ZeroShotResult]:
    """Answer by natural language inference: does the text entail that it is about the label?

    Source: Yin, Hay, Roth: Benchmarking Zero-shot Text Classification, 2019, arXiv:1909.00161.

    Raises:
        ModelUnavailable: the checkpoint is a classifier, but not one for natural language inference.
    """
    made = yield from entailments(head, request)
    return ZeroShotResult(ranked(request.labels, made.probabilities), request.multi_label, made.truncated)


def entailments(head: SequenceClassifier, request: ZeroShotRequest, *, alone: bool = False) -> TaskRun[Entailments]:
    """Compute what `infer` answers with; raises as `infer`."""
    entailment, contradiction = head.entailment, head.contradiction
    if entailment is None or contradiction is None:
        raise ModelUnavailable(
            later(
                "The checkpoint that is set for /zeroshot knows no entailment. Whoever runs this bot can set one that "
                "was trained on natural language inference (MNLI) with ZEROSHOT_CHECKPOINT."
            )
        )
    rows = [head.encode(request.text, HYPOTHESIS.format(label)) for label in request.labels]
    logits = np.stack((yield from head.classify(rows, alone=alone)))
    if request.multi_label:
        probabilities = softmax(logits[:, [contradiction, entailment]])[:, 1]
    else:
        probabilities = softmax(logits[:, entailment])
    return Entailments(tuple(row.inputs for row in rows), logits, entailment, contradiction, probabilities)


PROMPTS = ("Text: {}\nCategory:", "{}\nTags:")
NEUTRAL: list[str] = read_table("bot.tasks.prompts", "prompts.toml")["zeroshot"]["neutral"]
"""Sentences about nothing in particular: a label's probability after them says how common it is."""
TEMPERATURE = 0.7
# A label applies if the text makes it e^1.5 times likelier than the neutral sentences do. A long text makes every label
# much likelier than they do, so each is also compared with the one that it makes likeliest: see `applicable`.
MULTI_THRESHOLD, MULTI_TEMPERATURE = 1.5, 0.5
CONTRAST = 2.0
LABEL_TOKENS = 64
"""The most tokens of a label that are scored; never more than a quarter of the context."""

_COMMON: Calibration[LogProbs] = Calibration("zeroshot")


@dataclass(frozen=True)
class LabelWeights:
    """How a causal language model's answer is computed; the arrays have one number per label."""

    text: str
    """As much of the request's text as the model read."""
    labels: tuple[tuple[int, ...], ...]
    """Token ids of as much of each label as was scored."""
    log_probabilities: Floats
    """After the text, averaged over the prompts."""
    scores: Floats
    """The same minus the log-probabilities after neutral sentences."""
    probabilities: Floats
    """Softmax of the scores; see `applicable` if several labels may apply."""
    truncated: bool

    @property
    def baselines(self) -> Floats:
        """The labels' log-probabilities after neutral sentences."""
        return self.log_probabilities - self.scores


def weigh_labels(head: CausalLM, request: ZeroShotRequest) -> TaskRun[ZeroShotResult]:
    """Answer by a causal language model: how much likelier does the text make each label?

    A label's score is its log-probability after the text minus its mean after neutral sentences.

    Source: Zhao et al.: Calibrate Before Use, 2021, arXiv:2102.09690.
    """
    made = yield from label_weights(head, request)
    return ZeroShotResult(ranked(request.labels, made.probabilities), request.multi_label, made.truncated)


def label_weights(head: CausalLM, request: ZeroShotRequest, *, alone: bool = False) -> TaskRun[LabelWeights]:
    """Compute what `weigh_labels` answers with."""
    most = min(LABEL_TOKENS, head.context_length // 4)
    labels = [head.encode_rest(f" {label}")[:most] for label in request.labels]
    longest_label = max(map(len, labels))
    text, truncated = head.fit(
        request.text, lambda text: longest_label + max(len(head.encode(prompt.format(text))) for prompt in PROMPTS)
    )
    yield from calibrate(head)
    common = head.calibrations[_COMMON]
    rows = [head.continuations(head.encode(prompt.format(text)), labels) for prompt in PROMPTS]
    found = yield from head.score(rows, alone=alone)
    first = np.array([[one[0] for one in output] for output in found])
    scores = (first - common[:, [label[0] for label in labels]]).mean(axis=0)
    scores += yield from _endings(head, labels, found, alone=alone)
    log_probabilities = np.array([[one.sum(dtype=np.float64) for one in output] for output in found]).mean(axis=0)
    probabilities = applicable(scores) if request.multi_label else softmax(scores / TEMPERATURE)
    return LabelWeights(text, tuple(labels), log_probabilities, scores, probabilities, truncated)


def applicable(scores: Floats) -> Floats:
    """Return the probability of each label if several may apply: by its own score, and by its distance to the best."""
    alone = sigmoid((scores - MULTI_THRESHOLD) / MULTI_TEMPERATURE)
    contrasted: Floats = alone * np.exp((scores - scores.max()) / CONTRAST)
    return contrasted


def calibrate(head: CausalLM) -> TaskRun[None]:
    """Measure the mean log-probabilities of a label's first token after neutral sentences, (prompts, vocabulary)."""
    if _COMMON not in head.calibrations:
        rows = [head.continuations(head.encode(prompt.format(text)), [(0,)]) for prompt in PROMPTS for text in NEUTRAL]
        outputs = yield from head.next_token(rows)
        head.calibrations[_COMMON] = np.stack(outputs).reshape(len(PROMPTS), len(NEUTRAL), -1).mean(axis=1)


def _endings(
    head: CausalLM, labels: Sequence[tuple[int, ...]], found: Sequence[Sequence[LogProbs]], *, alone: bool
) -> TaskRun[Floats]:
    """Return what the tokens after the first one add to each label's score, compared with one neutral sentence."""
    added = np.zeros(len(labels))
    long = [index for index, label in enumerate(labels) if len(label) > 1]
    if not long:
        return added
    wanted = [labels[index] for index in long]
    neutral = yield from head.score(
        [head.continuations(head.encode(prompt.format(NEUTRAL[0])), wanted) for prompt in PROMPTS], alone=alone
    )
    for after_text, after_neutral in zip(found, neutral, strict=True):
        for position, index in enumerate(long):
            added[index] += (after_text[index][1:] - after_neutral[position][1:]).sum() / len(PROMPTS)
    return added


TASK = Task(
    "zeroshot",
    ZeroShotRequest,
    {
        HeadKind.SEQUENCE_CLASSIFIER: Implementation(infer),
        HeadKind.CAUSAL_LM: Implementation(weigh_labels, calibrate=calibrate),
    },
    suits=lambda abilities: abilities.kind is HeadKind.CAUSAL_LM or abilities.infers is True,
)
