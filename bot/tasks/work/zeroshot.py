"""How an answer to `/zeroshot` came about. Nothing is drawn at random, so what was written plays no part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.task import HeadKind
from bot.tasks import zeroshot
from bot.tasks.scores import Floats, ranked
from bot.tasks.work.architecture import architecture
from bot.tasks.work.attribution import label_attribution, weights_attribution
from bot.tasks.work.pieces import Decision, Inference, Inferences, Prepared, WeighedLabel, WeighedLabels, Work
from bot.tasks.work.reading import hidden_states, tokens_read
from bot.tasks.work.request import Explain, Written
from bot.tasks.work.wording import MINUS, applying, difference, largest, number, sigmoid_of, softmax_of
from bot.tasks.zeroshot import Entailments, LabelWeights, ZeroShotRequest

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier


def explain_inference(head: SequenceClassifier, request: ZeroShotRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a natural language inference model.

    Raises:
        ModelUnavailable: the checkpoint is a classifier, but not one for natural language inference.
    """
    made = yield from zeroshot.entailments(head, request, alone=True)
    best = int(np.argmax(made.probabilities))
    likeliest = made.inputs[best]
    reading = head.reading(likeliest.ids, type_ids=likeliest.type_ids)
    states = yield from hidden_states(head, reading, request.labels[best])
    hypotheses = [zeroshot.HYPOTHESIS.format(label) for label in request.labels]
    truncated = "the end of the text" if made.truncated else None
    evidence = label_attribution(head, likeliest, made.entailment, request.labels[best], hypotheses[best])
    return Work(
        "zeroshot",
        (
            Prepared(
                (request.text, *hypotheses),
                f"Each label is put into the template “{zeroshot.HYPOTHESIS}”. The model reads the text with each of "
                "these hypotheses as a pair: does the text entail it?",
            ),
            tokens_read(head, [one.ids for one in made.inputs], request.labels, truncated=truncated),
            architecture(head),
            *states,
            _inferences(head, request, made, hypotheses),
            *evidence,
            _decision(request, made.probabilities),
        ),
    )


def _inferences(
    head: SequenceClassifier, request: ZeroShotRequest, made: Entailments, hypotheses: list[str]
) -> Inferences:
    found = zip(request.labels, hypotheses, made.logits.tolist(), made.probabilities.tolist(), strict=True)
    return Inferences(
        classes=head.labels,
        rows=tuple(
            Inference(label, hypothesis, tuple(logits), probability) for label, hypothesis, logits, probability in found
        ),
        how=_inference_formula(head, request, made),
    )


def _inference_formula(head: SequenceClassifier, request: ZeroShotRequest, made: Entailments) -> str:
    best = int(np.argmax(made.probabilities))
    label, probability = request.labels[best], float(made.probabilities[best])
    entailment = head.labels[made.entailment]
    if request.multi_label:
        contradiction = head.labels[made.contradiction]
        pair = made.logits[best, [made.contradiction, made.entailment]].tolist()
        return (
            f"Each label is judged on its own: softmax over its logits of {contradiction} and {entailment}, and the "
            f"share of {entailment} is its probability. For {label}: {softmax_of(pair, 1, probability)}."
        )
    return (
        f"Only the logits of {entailment} count, and the labels compete: softmax over the {entailment} logits of all "
        f"labels. For {label}: {softmax_of(made.logits[:, made.entailment].tolist(), best, probability)}."
    )


def explain_weighing(head: CausalLM, request: ZeroShotRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a causal language model."""
    made = yield from zeroshot.label_weights(head, request, alone=True)
    prompts = [prompt.format(made.text) for prompt in zeroshot.PROMPTS]
    names = [f"prompt {place}" for place in range(1, len(prompts) + 1)]
    rows = [head.encode(prompt) for prompt in prompts]
    states = yield from hidden_states(head, head.reading(rows[0]), names[0])
    return Work(
        "zeroshot",
        (
            Prepared(
                tuple(prompts),
                "A language model has no classes. It only says what is likely to follow, so the text is put into "
                f"{len(prompts)} prompts that a label would follow.",
            ),
            tokens_read(head, rows, names, truncated="the end of the text" if made.truncated else None, left=True),
            architecture(head),
            *states,
            _weighed(request, made),
            *weights_attribution(head, request, made),
            _decision(request, made.probabilities),
        ),
    )


def _weighed(request: ZeroShotRequest, made: LabelWeights) -> WeighedLabels:
    columns = (made.log_probabilities, made.baselines, made.scores, made.probabilities)
    rows = zip(request.labels, *(column.tolist() for column in columns), strict=True)
    return WeighedLabels(tuple(WeighedLabel(*row) for row in rows), _weighing_formula(request, made))


def _weighing_formula(request: ZeroShotRequest, made: LabelWeights) -> str:
    best = int(np.argmax(made.probabilities))
    label, score, probability = request.labels[best], float(made.scores[best]), float(made.probabilities[best])
    return (
        "A label's log-probability is that of its tokens after the text, a mean over the prompts. Some words are "
        f"common everywhere, so the baseline is the same after neutral sentences: of the first token after "
        f"{len(zeroshot.NEUTRAL)} of them, of the further tokens after one. The score is their difference. For "
        f"{label}: {difference(made.log_probabilities[best], made.baselines[best])} = {number(score)}. "
        + (_independent(score, probability) if request.multi_label else _shared(made.scores, best, probability))
    )


def _independent(score: float, probability: float) -> str:
    threshold, temperature = zeroshot.MULTI_THRESHOLD, zeroshot.MULTI_TEMPERATURE
    argument = f"({number(score)} {MINUS} {threshold:g}) / {temperature:g}"
    return (
        f"A label applies where its score is above the threshold {threshold:g}; the temperature {temperature:g} says "
        f"how sharp this border is: {sigmoid_of(argument, probability)}."
    )


def _shared(scores: Floats, best: int, probability: float) -> str:
    divided = (scores / zeroshot.TEMPERATURE).tolist()
    return (
        f"The labels compete by softmax over the scores, each divided by the temperature {zeroshot.TEMPERATURE:g}: "
        f"{softmax_of(divided, best, probability)}."
    )


def _decision(request: ZeroShotRequest, probabilities: Floats) -> Decision:
    scores = ranked(request.labels, probabilities)
    return applying(scores) if request.multi_label else largest(scores)


EXPLANATIONS: Mapping[HeadKind, Explain] = {
    HeadKind.SEQUENCE_CLASSIFIER: explain_inference,
    HeadKind.CAUSAL_LM: explain_weighing,
}
