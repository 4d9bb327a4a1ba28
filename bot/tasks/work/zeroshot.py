"""How an answer to `/zeroshot` came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.tasks import zeroshot
from bot.tasks.scores import Floats, ranked
from bot.tasks.work.attribution import label_attribution, weights_attribution
from bot.tasks.work.blocks import Bars, Block, Explanation, Form, Page, column, table
from bot.tasks.work.pages import (
    applying,
    decision_page,
    explanation,
    largest,
    page,
    shares_table,
    text_page,
    weighed_page,
)
from bot.tasks.work.reading import beginning, prompted
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.wording import MINUS, difference, number, sigmoid_of, softmax_of
from bot.tasks.zeroshot import Entailments, LabelWeights, ZeroShotRequest

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier


def explain_inference(
    head: SequenceClassifier, request: ZeroShotRequest, written: WrittenIds = ()
) -> TaskRun[Explanation]:
    """Open the answer of a natural language inference model.

    Raises:
        ModelUnavailable: the checkpoint is a classifier, but not one for natural language inference.
    """
    made = yield from zeroshot.entailments(head, request, alone=True)
    best = int(np.argmax(made.probabilities))
    likeliest, label = made.inputs[best], request.labels[best]
    hypotheses = [zeroshot.HYPOTHESIS.format(label) for label in request.labels]
    text = text_page(
        f"Each label is put into the template “{zeroshot.HYPOTHESIS}”. The model reads the text with each of these "
        "hypotheses as a pair: does the text entail it?",
        request.text,
        *hypotheses,
    )
    rows, reading = [one.ids for one in made.inputs], head.reading(likeliest.ids, type_ids=likeliest.type_ids)
    truncated = "the end of the text" if made.truncated else None
    read = yield from beginning(head, text, rows, reading, request.labels, row=best, truncated=truncated)
    how = _inference_formula(head, request, made)
    return explanation(
        *read,
        entailment_page(head.labels, request.labels, made.logits.tolist(), made.probabilities.tolist(), how),
        *label_attribution(head, likeliest, made.entailment, label, hypotheses[best]),
        decision_page(*_decision(request, made.probabilities)),
    )


def entailment_page(
    classes: Sequence[str],
    labels: Sequence[str],
    logits: Sequence[Sequence[float]],
    probabilities: Sequence[float],
    how: str,
) -> Page:
    """Show the logits of natural language inference for each label.

    Args:
        classes: the model's own labels by id, such as contradiction, neutral, entailment.
        logits: of each label, by class.
        how: a sentence on which logits became the result, and by which function.
    """
    short = [name[:3] for name in classes]
    columns = [column(name, values, Form.TWO) for name, values in zip(short, zip(*logits, strict=True), strict=True)]
    legend = ", ".join(f"{one} is {name}" for one, name in zip(short, classes, strict=True))
    return page(
        "entailment",
        table(*columns, column("label", labels)),
        f"Logits: {legend}.",
        how,
        shares_table(labels, probabilities),
        picture=Bars("Labels", tuple(labels), tuple(probabilities)),
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


def explain_weighing(head: CausalLM, request: ZeroShotRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model."""
    made = yield from zeroshot.label_weights(head, request, alone=True)
    prompts = [prompt.format(made.text) for prompt in zeroshot.PROMPTS]
    how = (
        "A language model has no classes. It only says what is likely to follow, so the text is put into "
        f"{len(prompts)} prompts that a label would follow."
    )
    read = yield from prompted(head, how, prompts, "the end of the text" if made.truncated else None)
    columns = (made.log_probabilities, made.baselines, made.scores, made.probabilities)
    return explanation(
        *read,
        weighed_page(request.labels, columns, _weighing_formula(request, made)),
        *weights_attribution(head, request, made),
        decision_page(*_decision(request, made.probabilities)),
    )


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


def _decision(request: ZeroShotRequest, probabilities: Floats) -> tuple[Block, ...]:
    scores = ranked(request.labels, probabilities)
    return applying(scores) if request.multi_label else largest(scores)
