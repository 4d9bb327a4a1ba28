"""How an answer to `/entities` came about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.tokenization.tokens import Token
from bot.tasks import entities
from bot.tasks.entities import EntitiesRequest, Entity, TaggedWord, Tagging, WordGroup, entities_of
from bot.tasks.names.kinds import ANCHORS, KINDS, OUTSIDE, QUESTIONS, WeighedName, WeighedNames, weighed_names
from bot.tasks.work import blocks
from bot.tasks.work.blocks import Explanation, Page, column, formula, table
from bot.tasks.work.pages import (
    MOST_TERMS,
    Shown,
    decision_page,
    explanation,
    logits_page,
    page,
    text_page,
    weighed_page,
)
from bot.tasks.work.reading import beginning, unprompted
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.texts import Form, Number, Sentence, Short, Text, four, grouped, joined, spaced
from bot.tasks.work.wording import in_brackets, later, listed, number, sentence, softmax_of
from bot.text.markup import markup

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.token_classifier import TokenClassifier

LABEL = 10
"""Columns of a label in a table: the file has all of it."""
NAME = 16
"""Columns of a name in a formula."""
MOST_ENTITIES = 20


@dataclass(frozen=True)
class LabelledToken:
    """A token with its likeliest label (None of special tokens), and a logit and a probability for each label."""

    token: Token
    label: str | None
    logits: tuple[float, ...]
    probabilities: tuple[float, ...]


def explain_tagging(head: TokenClassifier, request: EntitiesRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a token classifier."""
    made = yield from entities.tagging(head, request, alone=True)
    read = yield from unprompted(head, request.text, made.inputs)
    tokens = tuple(_tokens(head, made))
    outside = len(made.words) - sum(len(group.words) for group in made.groups)
    # The model may label words in markup; they are never an entity.
    unread = sentence("entities.unread") if markup(request.text).spans else None
    return explanation(
        *read,
        *_example(head, made, tokens),
        labelled_page(head.labels, tokens),
        words_page([(word, tokens[slice(*word.tokens)]) for word in made.words], marked=head.marks_words),
        entities_page(request.text, made.groups, outside),
        decision_page((spaced(_decision(request.text, [group.entity for group in made.groups]), unread),)),
    )


def _tokens(head: TokenClassifier, made: Tagging) -> Iterator[LabelledToken]:
    in_words = {index for word in made.words for index in range(*word.tokens)}
    rows = zip(head.tokens(made.inputs.ids), made.logits.tolist(), made.probabilities.tolist(), strict=True)
    for index, (token, logits, probabilities) in enumerate(rows):
        best = head.labels[probabilities.index(max(probabilities))]
        yield LabelledToken(token, best if index in in_words else None, tuple(logits), tuple(probabilities))


def _example(head: TokenClassifier, made: Tagging, tokens: Sequence[LabelledToken]) -> Iterator[Page]:
    """Show the logits of the first entity's first token; without any, of the word with the least certain label."""
    words = made.groups[0].words[:1] if made.groups else made.words
    if words:
        index = min(words, key=lambda one: one.probability).tokens[0]
        yield example_page(head.labels, tokens[index], index)


def example_page(labels: Sequence[str], token: LabelledToken, index: int) -> Page:
    """Show the logits of one token, as an example; its index is counted from 0."""
    where = sentence("entities.example", index=index, token=token.token)
    return logits_page(labels, token.logits, token.probabilities, first=[(where,)])


def labelled_page(labels: Sequence[str], tokens: Sequence[LabelledToken]) -> Page:
    """Show the logits of every token; labels are in the order of their ids."""
    chips = tuple(one.token for one in tokens)
    shares = [max(one.probabilities) for one in tokens]
    given = ["" if one.label is None else one.label for one in tokens]
    # A column's title is one line.
    logits = [column(name.replace("\n", " "), (one.logits[at] for one in tokens)) for at, name in enumerate(labels)]
    kinds = tuple("" if label == OUTSIDE else entities.kind_of(label) for label in given)
    return page(
        "labelled-tokens",
        *_prefixes(labels),
        table(
            column("p", (share if label else None for share, label in zip(shares, given, strict=True)), Form.PERCENT),
            column(later("label"), (Short(label, LABEL) for label in given)),
            column(later("token"), chips),
        ),
        blocks.File(
            sentence("entities.all-logits", labels=len(labels), tokens=grouped(len(tokens))),
            table(*logits, column(later("token"), chips)),
        ),
        picture=blocks.Labels(later("Labels of the tokens"), chips, tuple(given), kinds, tuple(shares)),
    )


def _prefixes(labels: Sequence[str]) -> Iterator[Sentence]:
    """Explain the prefixes of labels, if they have any."""
    # True of IOB2, where every entity begins with B-, and of IOB1, where one does right behind another of its kind.
    has_inner = any(name.startswith("I-") for name in labels)
    if any(name.startswith("B-") for name in labels):
        yield sentence("entities.both-prefixes" if has_inner else "entities.prefix-of-first")
    elif has_inner:
        yield sentence("entities.prefix-of-inner")


def words_page(words: Sequence[tuple[TaggedWord, Sequence[LabelledToken]]], *, marked: bool) -> Page:
    """Show how the tokens of each word were put together.

    Args:
        words: with their tokens.
        marked: the tokenizer marks tokens that continue a word; if not, each token is a word.
    """
    numbers = table(
        column("p", (word.probability for word, _ in words), Form.PERCENT),
        column(later("label"), (Short(word.label, LABEL) for word, _ in words)),
        column(later("word") if marked else later("token"), (_put_together(tokens) for _, tokens in words)),
    )
    if not marked:
        return page("unmarked-words", numbers)
    several = [(word, tokens) for word, tokens in words if len(tokens) > 1]
    torn = sum(any(token.label != word.label for token in tokens) for word, tokens in several)
    facts = sentence(
        "entities.several-tokens", several=grouped(len(several)), words=grouped(len(words)), torn=grouped(torn)
    )
    return page("words", facts, numbers)


def _put_together(tokens: Sequence[LabelledToken]) -> Text:
    return tuple(replace(one.token, special=False, starts_word=index == 0) for index, one in enumerate(tokens))


def entities_page(text: str, groups: Sequence[WordGroup], outside: int) -> Page:
    """Show how words became entities; `outside` is the number of words in none of them."""
    rest = later("Outside of all entities, with the label {label}: {number}.", label=OUTSIDE, number=grouped(outside))
    if not groups:
        return page("entities", spaced(later("There are none."), rest))
    numbers = table(
        column("p", (one.entity.probability for one in groups), Form.PERCENT),
        column(later("parts"), (len(one.words) for one in groups)),
        column(later("label"), (Short(one.entity.label, LABEL) for one in groups)),
        column(later("entity"), (text[one.entity.start : one.entity.end] for one in groups)),
        most=MOST_ENTITIES,
    )
    longest = max(groups, key=lambda group: len(group.words))
    if len(longest.words) == 1:
        return page("entities", numbers, rest)
    mean = formula(
        ("p(", Short(text[longest.entity.start : longest.entity.end], NAME), ")"),
        ("= (", joined((four(word.probability) for word in longest.words), MOST_TERMS), f") / {len(longest.words)}"),
        ("= ", four(longest.entity.probability)),
    )
    return page("entities", numbers, mean, rest)


def _decision(text: str, found: Sequence[Entity]) -> Sentence:
    """Name each entity with its label, once if it stands in the text several times."""
    if not found:
        return sentence("entities.none")
    distinct = dict.fromkeys((text[one.start : one.end], one.label, one.probability) for one in found)
    said = [sentence("entities.is", name=name, label=label, probability=share) for name, label, share in distinct]
    return sentence("entities.all", names=listed(said))


def explain_weighing(head: CausalLM, request: EntitiesRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model."""
    made = yield from weighed_names(head, request.text, alone=True)
    if not made.names:
        said = later("The model was not asked, so there are no names.")
        return explanation(text_page(sentence("entities.not-asked"), request.text), decision_page(said))
    # An example that is an entity shows more.
    example = next((name for name in made.names if name.kind != OUTSIDE), made.names[0])
    rows = [head.encode(prompt) for name in made.names for prompt in name.prompts]
    names = [row for name in made.names for row in _row_names(name)]
    first = names.index(_row_names(example)[0])
    text = text_page(_asked(made, example), *example.prompts)
    read = yield from beginning(head, text, rows, head.reading(rows[first]), names, row=first)
    answers, leaning = example.answers.sum(axis=0), example.leaning.sum(axis=0)
    columns = (answers, leaning, example.scores, example.probabilities)
    return explanation(
        *read,
        questions_page(example),
        weighed_page(KINDS, columns, _formula(example)),
        names_page(made),
        decision_page(_decision(request.text, entities_of(made))),
    )


def _row_names(name: WeighedName) -> list[Sentence]:
    numbers = range(1, len(name.prompts) + 1)
    return [sentence("names.question", name=name.candidate.name, number=number) for number in numbers]


def _asked(made: WeighedNames, example: WeighedName) -> Text:
    names = listed([name.candidate.name for name in made.names])
    number = {"questions": len(QUESTIONS), "number": len(made.names)}
    asked = sentence("entities.asked", **number, example=example.candidate.name, names=names)
    spelled = any(name.candidate.spelled for name in made.names)
    return spaced(asked, sentence("entities.spelled") if spelled else None)


def questions_page(name: WeighedName) -> Page:
    """Show the likelihood of each answer about a name, as an example for all names."""
    about, log_probs, shares = name.candidate.name, name.log_probs.tolist(), name.shares.tolist()
    shown: list[Shown] = [later("As an example, the questions about {name}.", name=about)]
    bars: dict[str, float] = {}
    rows = zip(_row_names(name), QUESTIONS, log_probs, shares, strict=True)
    for index, (row, question, logs, parts) in enumerate(rows, 1):
        words = [word.strip() for word in question.words]
        columns = (
            column("log p", logs, Form.TWO),
            column(later("share"), parts, Form.PERCENT),
            column(later("answer"), words),
        )
        shown += [row, table(*columns)]
        bars |= {f"{index}: {word}": part for word, part in zip(words, parts, strict=True)}
    order = np.argsort(-name.shares[0], kind="stable").tolist()
    terms: list[Text] = [("e^", Number(log_probs[0][index], Form.TWO)) for index in order]
    share = formula(
        (later("share"), "(", Short(QUESTIONS[0].words[order[0]].strip(), NAME), ")"),
        ("= ", terms[0]),
        ("  / (", joined(terms, MOST_TERMS), ")"),
        ("= ", four(shares[0][order[0]])),
    )
    return page(
        "questions",
        *shown,
        share,
        picture=blocks.Bars(later("Answers: {name}", name=about), tuple(bars), tuple(bars.values())),
    )


def _formula(name: WeighedName) -> Sentence:
    best = KINDS.index(name.kind)
    answers = name.answers[:, best].tolist()
    sum_of_answers = joined([number(answers[0]), *map(in_brackets, answers[1:])])
    return sentence(
        "entities.weighed",
        kind=name.kind,
        name=name.candidate.name,
        sum_of_answers=sum_of_answers,
        total=float(sum(answers)),
        anchors=len(ANCHORS),
        leaning=in_brackets(float(name.leaning[:, best].sum())),
        score=float(name.scores[best]),
        softmax=softmax_of(name.scores.tolist(), best, name.probability),
    )


def names_page(made: WeighedNames) -> Page:
    """Show the kinds of all names that a causal language model was asked about."""
    names, kinds = [one.candidate.name for one in made.names], [one.kind for one in made.names]
    occurrences = zip(names, (len(one.candidate.spans) for one in made.names), strict=True)
    best = [one.probability for one in made.names]
    more = sentence("entities.more-names", names=len(names)) if made.truncated else None
    outside = later("{label} is what is none of the others: such a name is no entity.", label=OUTSIDE)
    scores = zip(*(one.scores.tolist() for one in made.names), strict=True)
    shares = zip(*(one.probabilities.tolist() for one in made.names), strict=True)
    return page(
        "names",
        (spaced(outside, more),),
        table(
            column("p", best, Form.PERCENT),
            column(later("kind"), (Short(kind, LABEL) for kind in kinds)),
            column(later("name"), (_occurring(name, times) for name, times in occurrences)),
        ),
        blocks.File(
            later("The file has the scores and probabilities of all kinds."),
            table(
                *(column(later("score {kind}", kind=kind), cells) for kind, cells in zip(KINDS, scores, strict=True)),
                *(column(f"p {kind}", cells, Form.PERCENT) for kind, cells in zip(KINDS, shares, strict=True)),
                column(later("name"), names),
            ),
        ),
        picture=blocks.Bars(later("Names"), tuple(map("{}: {}".format, names, kinds)), tuple(best)),
    )


def _occurring(name: str, times: int) -> Text:
    return name if times == 1 else sentence("entities.times", name=name, times=times)
