"""How an answer to `/zeroshot` came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.tasks import zeroshot
from bot.tasks.scores import Floats, ranked
from bot.tasks.work.blocks import Bars, Block, Explanation, Page, column, table
from bot.tasks.work.flip_page import postponed_flip
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
from bot.tasks.work.reading import END_OF_TEXT, beginning, prompted
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.texts import Form, Sentence, Text, general, spaced
from bot.tasks.work.word_evidence import postponed_pages
from bot.tasks.work.wording import in_brackets, later, listed, sentence, softmax_of
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
    likeliest = made.inputs[best]
    hypotheses = [zeroshot.HYPOTHESIS.format(label) for label in request.labels]
    text = text_page(sentence("zeroshot.paired", template=zeroshot.HYPOTHESIS), request.text, *hypotheses)
    rows, reading = [one.ids for one in made.inputs], head.reading(likeliest.ids, type_ids=likeliest.type_ids)
    truncated = END_OF_TEXT if made.truncated else None
    read = yield from beginning(head, text, rows, reading, request.labels, row=best, truncated=truncated)
    how = _inference_formula(head, request, made, best)
    return explanation(
        *read,
        entailment_page(head.labels, request.labels, made.logits.tolist(), made.probabilities.tolist(), how),
        *postponed_pages(head, request.labels[best], best, request.text),
        *postponed_flip(request.labels[best], request.text),
        decision_page(*_decision(request, made.probabilities)),
    )


def entailment_page(
    classes: Sequence[str],
    labels: Sequence[str],
    logits: Sequence[Sequence[float]],
    probabilities: Sequence[float],
    how: Text,
) -> Page:
    """Show the logits of natural language inference for each label.

    Args:
        classes: the model's own labels by id, such as contradiction, neutral, entailment.
        logits: of each label, by class.
        how: which logits became the result, and by which function.
    """
    short = [name[:3] for name in classes]  # a phone has no room for three long titles
    columns = [column(name, values, Form.TWO) for name, values in zip(short, zip(*logits, strict=True), strict=True)]
    pairs = zip(short, classes, strict=True)
    legend = listed([later("{short} is {label}", short=one, label=name) for one, name in pairs])
    return page(
        "entailment",
        table(*columns, column(later("label"), labels)),
        later("Logits: {meanings}.", meanings=legend),
        (how,),
        shares_table(labels, probabilities),
        picture=Bars(later("Labels"), tuple(labels), tuple(probabilities)),
    )


def _inference_formula(head: SequenceClassifier, request: ZeroShotRequest, made: Entailments, best: int) -> Sentence:
    names = {"entailment": head.labels[made.entailment], "label": request.labels[best]}
    probability = float(made.probabilities[best])
    if request.multi_label:
        pair = made.logits[best, [made.contradiction, made.entailment]].tolist()
        contradiction, softmax = head.labels[made.contradiction], softmax_of(pair, 1, probability)
        return sentence("zeroshot.independent", **names, contradiction=contradiction, softmax=softmax)
    softmax = softmax_of(made.logits[:, made.entailment].tolist(), best, probability)
    return sentence("zeroshot.competing", **names, softmax=softmax)


def explain_weighing(head: CausalLM, request: ZeroShotRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model."""
    made = yield from zeroshot.label_weights(head, request, alone=True)
    prompts = [prompt.format(made.text) for prompt in zeroshot.PROMPTS]
    how = sentence("zeroshot.prompted", prompts=len(prompts))
    read = yield from prompted(head, how, prompts, truncated=made.truncated)
    best = int(np.argmax(made.probabilities))
    columns = (made.log_probabilities, made.baselines, made.scores, made.probabilities)
    return explanation(
        *read,
        weighed_page(request.labels, columns, _weighing_formula(request, made)),
        *postponed_pages(head, request.labels[best], best, request.text),
        *postponed_flip(request.labels[best], request.text),
        decision_page(*_decision(request, made.probabilities)),
    )


def _weighing_formula(request: ZeroShotRequest, made: LabelWeights) -> Text:
    best = int(np.argmax(made.probabilities))
    score, probability = float(made.scores[best]), float(made.probabilities[best])
    weighed = sentence(
        "zeroshot.weighed",
        neutral=len(zeroshot.NEUTRAL),
        label=request.labels[best],
        log_probability=float(made.log_probabilities[best]),
        baseline=in_brackets(float(made.baselines[best])),
        score=score,
    )
    if request.multi_label:
        constants = {
            "threshold": general(zeroshot.MULTI_THRESHOLD),
            "temperature": general(zeroshot.MULTI_TEMPERATURE),
            "contrast": general(zeroshot.CONTRAST),
        }
        return spaced(weighed, sentence("zeroshot.sigmoid", **constants, score=score, probability=probability))
    softmax = softmax_of((made.scores / zeroshot.TEMPERATURE).tolist(), best, probability)
    temperature = general(zeroshot.TEMPERATURE)
    return spaced(weighed, sentence("zeroshot.softmax", temperature=temperature, softmax=softmax))


def _decision(request: ZeroShotRequest, probabilities: Floats) -> tuple[Block, ...]:
    scores = ranked(request.labels, probabilities)
    return applying(scores) if request.multi_label else largest(scores)
