"""How an answer to `/sentiment` came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.tasks import sentiment
from bot.tasks.scores import ranked
from bot.tasks.sentiment import SentimentRequest, WordScore
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.flip_page import postponed_flip
from bot.tasks.work.layers import label_layer_pages, prompt_layer_pages
from bot.tasks.work.pages import applying, decision_page, explanation, largest, logits_page, weighed_page
from bot.tasks.work.reading import prompted, unprompted
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.texts import Sentence, general
from bot.tasks.work.word_evidence import postponed_pages
from bot.tasks.work.wording import in_brackets, sentence

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier


def explain_classification(
    head: SequenceClassifier, request: SentimentRequest, written: WrittenIds = ()
) -> TaskRun[Explanation]:
    """Open the answer of a classification head."""
    from bot.inference.heads.inspection.layer_lens import LensReading

    made = yield from sentiment.classification(head, request, alone=True)
    read = yield from unprompted(head, request.text, made.inputs)
    probabilities = made.probabilities.tolist()
    scores = ranked(head.labels, probabilities)
    best = int(made.probabilities.argmax())
    reading = head.reading(made.inputs.ids, type_ids=made.inputs.type_ids)
    layers = yield from label_layer_pages(head, LensReading(reading.inputs, 0, best))
    return explanation(
        *read,
        logits_page(head.labels, made.logits.tolist(), probabilities, independent=head.independent),
        *postponed_pages(head, head.labels[best], best, request.text),
        *layers,
        *postponed_flip(head.labels[best], request.text),
        decision_page(*(applying(scores) if head.independent else largest(scores))),
    )


def explain_weighing(head: CausalLM, request: SentimentRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model."""
    made = yield from sentiment.word_score(head, request, alone=True)
    prompts = [prompt.format(made.text) for prompt in sentiment.PROMPTS]
    how = sentence("sentiment.prompted", prompts=len(prompts))
    read = yield from prompted(head, how, prompts, truncated=made.truncated)
    layers = yield from prompt_layer_pages(head, prompts[0], sentiment.WORDS[0])
    best = 0 if made.positive >= 0.5 else 1
    after, (good, bad) = made.leaning, made.anchors
    score = sentiment.SHARPNESS * made.distance
    labels, probabilities = ("POSITIVE", "NEGATIVE"), (made.positive, 1 - made.positive)
    baselines = (good.positive + bad.positive) / 2, (good.negative + bad.negative) / 2
    columns = ((after.positive, after.negative), baselines, (score, -score), probabilities)
    return explanation(
        *read,
        weighed_page(labels, np.array(columns), _formula(made, score)),
        *postponed_pages(head, labels[best], best, request.text),
        *layers,
        *postponed_flip(labels[best], request.text),
        decision_page(*largest(ranked(labels, probabilities))),
    )


def _formula(made: WordScore, score: float) -> Sentence:
    words = "; ".join(", ".join(word.strip() for word in side) for side in zip(*sentiment.WORDS, strict=True))
    good, bad = made.anchors
    return sentence(
        "sentiment.weighed",
        words=words,
        positive=made.leaning.positive,
        negative=in_brackets(made.leaning.negative),
        leaning=made.leaning.difference,
        anchors=2 * len(sentiment.ANCHORS),
        after_positive=good.difference,
        after_negative=bad.difference,
        middle=made.middle,
        subtracted=in_brackets(made.middle),
        half_distance=made.half_distance,
        distance=made.distance,
        sharpness=general(sentiment.SHARPNESS),
        score=score,
        probability=made.positive,
    )
