"""How an answer to `/sentiment` came about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.tasks import sentiment
from bot.tasks.scores import ranked
from bot.tasks.sentiment import SentimentRequest, WordScore
from bot.tasks.work.attribution import label_attribution, words_attribution
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.pages import applying, decision_page, explanation, largest, logits_page, weighed_page
from bot.tasks.work.reading import prompted, unprompted
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.wording import difference, number, sigmoid_of

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier


def explain_classification(
    head: SequenceClassifier, request: SentimentRequest, written: WrittenIds = ()
) -> TaskRun[Explanation]:
    """Open the answer of a classification head."""
    made = yield from sentiment.classification(head, request, alone=True)
    read = yield from unprompted(head, request.text, made.inputs)
    probabilities = made.probabilities.tolist()
    scores = ranked(head.labels, probabilities)
    best = int(made.probabilities.argmax())
    return explanation(
        *read,
        logits_page(head.labels, made.logits.tolist(), probabilities, independent=head.independent),
        *label_attribution(head, made.inputs, best, head.labels[best]),
        decision_page(*(applying(scores) if head.independent else largest(scores))),
    )


def explain_weighing(head: CausalLM, request: SentimentRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model."""
    made = yield from sentiment.word_score(head, request, alone=True)
    prompts = [prompt.format(made.text) for prompt in sentiment.PROMPTS]
    how = (
        "A language model has no labels. It only says which words are likely to follow, so the text is put "
        f"into {len(prompts)} prompts that a word for its feeling would follow."
    )
    read = yield from prompted(head, how, prompts, "the end of the text" if made.truncated else None)
    after, (good, bad) = made.leaning, made.anchors
    score = sentiment.SHARPNESS * made.distance
    labels, probabilities = ("POSITIVE", "NEGATIVE"), (made.positive, 1 - made.positive)
    baselines = (good.positive + bad.positive) / 2, (good.negative + bad.negative) / 2
    columns = ((after.positive, after.negative), baselines, (score, -score), probabilities)
    return explanation(
        *read,
        weighed_page(labels, np.array(columns), _formula(made)),
        *words_attribution(head, made.text, positive=made.positive >= 0.5),
        decision_page(*largest(ranked(labels, probabilities))),
    )


def _formula(made: WordScore) -> str:
    after, (good, bad) = made.leaning, made.anchors
    positive, negative = (", ".join(word.strip() for word in words) for words in zip(*sentiment.WORDS, strict=True))
    score = sentiment.SHARPNESS * made.distance
    return (
        f"A label's log-probability is the mean over its words ({positive}; {negative}) and over the prompts. The text "
        f"leans towards the positive words by {difference(after.positive, after.negative)} = "
        f"{number(after.difference)}. Models lean to one side whatever the text says, so the baseline is measured on "
        f"{2 * len(sentiment.ANCHORS)} plain sentences: after those that are positive they lean by "
        f"{number(good.difference)}, after those that are negative by {number(bad.difference)}. The middle is "
        f"{number(made.middle)}, and each kind is {number(made.half_distance)} away from it. On this scale the text is "
        f"at ({difference(after.difference, made.middle)}) / {number(made.half_distance)} = "
        f"{number(made.distance)}, and the score is {sentiment.SHARPNESS:g} times that (the sharpness): "
        f"{number(score)}. The probability of POSITIVE is {sigmoid_of(number(score), made.positive)}; the rest is "
        "that of NEGATIVE, whose score has the other sign."
    )
