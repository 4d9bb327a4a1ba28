"""How an answer to `/entities` came about. Nothing is drawn at random, so what was written plays no part."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.inference.task import HeadKind
from bot.inference.tokenization.tokens import Token
from bot.tasks import entities
from bot.tasks.entities import EntitiesRequest, Entity, TaggedWord, Tagging, entities_of
from bot.tasks.names.kinds import ANCHORS, KINDS, OUTSIDE, QUESTIONS, WeighedName, weighed_names
from bot.tasks.names.kinds import WeighedNames as NamesMade
from bot.tasks.work.architecture import architecture
from bot.tasks.work.pieces import (
    Decision,
    Function,
    LabelledToken,
    LabelledTokens,
    LabelledWord,
    LabelledWords,
    Logits,
    NameKinds,
    PossibleAnswer,
    Prepared,
    Question,
    Questions,
    Span,
    Spans,
    TokenLogits,
    WeighedLabel,
    WeighedLabels,
    WeighedNames,
    Work,
)
from bot.tasks.work.reading import hidden_states, tokens_read
from bot.tasks.work.request import Explain, Written
from bot.tasks.work.wording import difference, in_brackets, number, softmax_of
from bot.text.markup import markup

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.token_classifier import TokenClassifier


def explain_tagging(head: TokenClassifier, request: EntitiesRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a token classifier."""
    made = yield from entities.tagging(head, request, alone=True)
    states = yield from hidden_states(head, head.reading(made.inputs.ids, type_ids=made.inputs.type_ids))
    read = tokens_read(head, [made.inputs.ids], truncated="the end of the text" if made.inputs.truncated else None)
    tokens = tuple(_tokens(head, made, read.rows[0]))
    words = {word: _word(request.text, word, tokens) for word in made.words}
    spans = tuple(_span(request.text, group.entity, [words[one] for one in group.words]) for group in made.groups)
    return Work(
        "entities",
        (
            Prepared((request.text,), "The text goes to the model as it is, without a prompt."),
            read,
            architecture(head),
            *states,
            *_example(head, made, tokens),
            LabelledTokens(head.labels, tokens),
            LabelledWords(tuple(words.values()), head.marks_words),
            Spans(spans, len(words) - sum(len(span.words) for span in spans)),
            _decision(request.text, [group.entity for group in made.groups], _unread(request.text)),
        ),
    )


def _unread(text: str) -> str:
    """What has a label and is no entity all the same, if the text has it."""
    return " and is no link, mention, emoji or code" if markup(text).spans else ""


def _tokens(head: TokenClassifier, made: Tagging, tokens: Sequence[Token]) -> Iterator[LabelledToken]:
    in_words = {place for word in made.words for place in range(*word.tokens)}
    rows = zip(tokens, made.logits.tolist(), made.probabilities.tolist(), strict=True)
    for place, (token, logits, probabilities) in enumerate(rows):
        best = head.labels[probabilities.index(max(probabilities))]
        yield LabelledToken(token, best if place in in_words else None, tuple(logits), tuple(probabilities))


def _word(text: str, word: TaggedWord, tokens: Sequence[LabelledToken]) -> LabelledWord:
    return LabelledWord(text[word.start : word.end], tuple(tokens[slice(*word.tokens)]), word.label, word.probability)


def _span(text: str, entity: Entity, words: Sequence[LabelledWord]) -> Span:
    name = text[entity.start : entity.end]
    return Span(name, entity.start, entity.end, entity.label, tuple(words), entity.probability)


def _example(head: TokenClassifier, made: Tagging, tokens: Sequence[LabelledToken]) -> Iterator[TokenLogits]:
    """The first token of the first entity; where there is none, that of the word whose label is the least certain."""
    if made.groups:
        word = made.groups[0].words[0]
    elif made.words:
        word = min(made.words, key=lambda one: one.probability)
    else:
        return
    place = word.tokens[0]
    chosen = tokens[place]
    yield TokenLogits(chosen.token, place, Logits(head.labels, chosen.logits, Function.SOFTMAX, chosen.probabilities))


def _decision(text: str, found: Sequence[Entity], unread: str = "") -> Decision:
    """What each entity is; one that stands in the text several times is named once.

    Args:
        unread: further words about what is an entity.
    """
    if not found:
        return Decision(f"Nothing has another label than {OUTSIDE}{unread}, so the answer is that there are no names.")
    said = [f"{text[one.start : one.end]} is {one.label} ({number(one.probability)})" for one in found]
    return Decision(
        f"All that has another label than {OUTSIDE}{unread} is an entity, with its probability: "
        f"{', '.join(dict.fromkeys(said))}."
    )


def explain_weighing(head: CausalLM, request: EntitiesRequest, written: Written = ()) -> TaskRun[Work]:
    """Open the answer of a causal language model."""
    made = yield from weighed_names(head, request.text, alone=True)
    if not made.names:
        return Work("entities", (_not_asked(request.text), Decision("The model was not asked, so there are no names.")))
    example = next((name for name in made.names if name.kind != OUTSIDE), made.names[0])
    rows = [head.encode(prompt) for name in made.names for prompt in name.prompts]
    names = [row for name in made.names for row in _row_names(name)]
    first = names.index(_row_names(example)[0])
    states = yield from hidden_states(head, head.reading(rows[first]), names[first])
    return Work(
        "entities",
        (
            _prepared(made, example),
            tokens_read(head, rows, names, left=True),
            architecture(head),
            *states,
            _questions(example),
            _weighed(example),
            _weighed_names(made),
            _decision(request.text, entities_of(made)),
        ),
    )


def _not_asked(text: str) -> Prepared:
    return Prepared(
        (text,),
        "A language model has no labels, so words that may be names are found by their capital letters, and the model "
        "is asked about each. This text has none, but for words that have a capital letter only because they begin a "
        "sentence, days, months and titles, and what is in links, mentions, emoji and code.",
    )


def _row_names(name: WeighedName) -> list[str]:
    return [f"{name.candidate.name}, question {place}" for place in range(1, len(name.prompts) + 1)]


def _prepared(made: NamesMade, example: WeighedName) -> Prepared:
    found = ", ".join(name.candidate.name for name in made.names)
    spelled = any(name.candidate.spelled for name in made.names)
    how = " Where nearly all words have capital letters, they are read as they are usually spelled." if spelled else ""
    return Prepared(
        example.prompts,
        "A language model has no labels, so words that may be names are found by their capital letters, and each is "
        f"put into {len(QUESTIONS)} questions, behind the sentence in which it stands first. These are the questions "
        f"about {example.candidate.name}; {len(made.names)} in all were asked about: {found}.{how}",
    )


def _questions(name: WeighedName) -> Questions:
    rows = []
    for row, question, log_probs, shares in zip(
        _row_names(name), QUESTIONS, name.log_probs.tolist(), name.shares.tolist(), strict=True
    ):
        answers = zip((word.strip() for word in question.words), log_probs, shares, strict=True)
        rows.append(Question(row, tuple(PossibleAnswer(*answer) for answer in answers)))
    return Questions(name.candidate.name, tuple(rows))


def _weighed(name: WeighedName) -> WeighedLabels:
    columns = (name.answers.sum(axis=0), name.leaning.sum(axis=0), name.scores, name.probabilities)
    rows = zip(KINDS, *(column.tolist() for column in columns), strict=True)
    return WeighedLabels(tuple(WeighedLabel(*row) for row in rows), _formula(name))


def _formula(name: WeighedName) -> str:
    best = KINDS.index(name.kind)
    answers = name.answers[:, best].tolist()
    total, leaning = float(sum(answers)), float(name.leaning[:, best].sum())
    summed = " + ".join([number(answers[0]), *map(in_brackets, answers[1:])])
    return (
        f"A kind's log-probability is the sum of the logarithms of its answers' shares. For {name.kind}, of "
        f"{name.candidate.name}: {summed} = {number(total)}. Models lean towards some answers whatever the name is, so "
        f"the baseline is the same, on average over {len(ANCHORS)} names that are known. The score is their "
        f"difference: {difference(total, leaning)} = {number(float(name.scores[best]))}. Softmax over the scores of "
        f"all kinds: {softmax_of(name.scores.tolist(), best, name.probability)}."
    )


def _weighed_names(made: NamesMade) -> WeighedNames:
    rows = tuple(
        NameKinds(
            name=one.candidate.name,
            places=len(one.candidate.spans),
            scores=tuple(one.scores.tolist()),
            probabilities=tuple(one.probabilities.tolist()),
        )
        for one in made.names
    )
    return WeighedNames(KINDS, OUTSIDE, rows, made.truncated)


EXPLANATIONS: Mapping[HeadKind, Explain] = {
    HeadKind.TOKEN_CLASSIFIER: explain_tagging,
    HeadKind.CAUSAL_LM: explain_weighing,
}
