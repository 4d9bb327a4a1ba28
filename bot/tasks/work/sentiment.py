"""How an answer to `/sentiment` came about. Nothing is drawn at random, so what was written plays no part."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.inference.task import HeadKind
from bot.tasks import sentiment
from bot.tasks.scores import ranked
from bot.tasks.sentiment import Classification, SentimentRequest, WordScore
from bot.tasks.work.architecture import architecture
from bot.tasks.work.attribution import label_attribution, words_attribution
from bot.tasks.work.pieces import Function, Logits, Prepared, WeighedLabel, WeighedLabels, Work
from bot.tasks.work.reading import hidden_states, tokens_read
from bot.tasks.work.request import Explain, Written
from bot.tasks.work.wording import applying, difference, largest, number, sigmoid_of

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier


def explain_classification(head: SequenceClassifier, request: SentimentRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a classification head."""
    made = yield from sentiment.classification(head, request, alone=True)
    states = yield from hidden_states(head, head.reading(made.inputs.ids, type_ids=made.inputs.type_ids))
    scores = ranked(head.labels, made.probabilities)
    best = int(made.probabilities.argmax())
    evidence = label_attribution(head, made.inputs, best, head.labels[best])
    return Work(
        "sentiment",
        (
            Prepared((request.text,), "The text goes to the model as it is, without a prompt."),
            tokens_read(head, [made.inputs.ids], truncated="the end of the text" if made.inputs.truncated else None),
            architecture(head),
            *states,
            _logits(head, made),
            *evidence,
            applying(scores) if head.independent else largest(scores),
        ),
    )


def _logits(head: SequenceClassifier, made: Classification) -> Logits:
    return Logits(
        labels=head.labels,
        logits=tuple(made.logits.tolist()),
        function=Function.SIGMOID if head.independent else Function.SOFTMAX,
        probabilities=tuple(made.probabilities.tolist()),
    )


def explain_weighing(head: CausalLM, request: SentimentRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a causal language model."""
    made = yield from sentiment.word_score(head, request, alone=True)
    prompts = [prompt.format(made.text) for prompt in sentiment.PROMPTS]
    names = [f"prompt {place}" for place in range(1, len(prompts) + 1)]
    rows = [head.encode(prompt) for prompt in prompts]
    states = yield from hidden_states(head, head.reading(rows[0]), names[0])
    weighed = _weighed(made)
    evidence = words_attribution(head, made.text, positive=made.positive >= 0.5)
    return Work(
        "sentiment",
        (
            Prepared(
                tuple(prompts),
                "A language model has no labels. It only says which words are likely to follow, so the text is put "
                f"into {len(prompts)} prompts that a word for its feeling would follow.",
            ),
            tokens_read(head, rows, names, truncated="the end of the text" if made.truncated else None, left=True),
            architecture(head),
            *states,
            weighed,
            *evidence,
            largest(ranked([one.label for one in weighed.rows], [one.probability for one in weighed.rows])),
        ),
    )


def _weighed(made: WordScore) -> WeighedLabels:
    after, (good, bad) = made.leaning, made.anchors
    score = sentiment.SHARPNESS * made.distance
    return WeighedLabels(
        (
            WeighedLabel("POSITIVE", after.positive, (good.positive + bad.positive) / 2, score, made.positive),
            WeighedLabel("NEGATIVE", after.negative, (good.negative + bad.negative) / 2, -score, 1 - made.positive),
        ),
        _formula(made),
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


EXPLANATIONS: Mapping[HeadKind, Explain] = {
    HeadKind.SEQUENCE_CLASSIFIER: explain_classification,
    HeadKind.CAUSAL_LM: explain_weighing,
}
