"""How an answer to `/entities` came about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.tokenization.tokens import Token
from bot.tasks import entities
from bot.tasks.entities import EntitiesRequest, Entity, TaggedWord, Tagging, entities_of
from bot.tasks.names.kinds import ANCHORS, KINDS, OUTSIDE, QUESTIONS, WeighedName, WeighedNames, weighed_names
from bot.tasks.scores import Floats
from bot.tasks.work import blocks
from bot.tasks.work.blocks import Block, Explanation, Form, Page, Short, Text, column, formula, four, joined, table
from bot.tasks.work.pages import MOST_TERMS, decision_page, explanation, logits_page, page, text_page, weighed_page
from bot.tasks.work.reading import beginning, unprompted
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.wording import difference, in_brackets, number, softmax_of
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
    found = [group.entity for group in made.groups]
    parts = [[word.probability for word in group.words] for group in made.groups]
    return explanation(
        *read,
        *_example(head, made, tokens),
        labelled_page(head.labels, tokens),
        words_page([(word, tokens[slice(*word.tokens)]) for word in made.words], marked=head.marks_words),
        entities_page(request.text, found, parts, len(made.words) - sum(map(len, parts))),
        decision_page(_decision(request.text, found, _unread(request.text))),
    )


def _tokens(head: TokenClassifier, made: Tagging) -> Iterator[LabelledToken]:
    in_words = {place for word in made.words for place in range(*word.tokens)}
    rows = zip(head.tokens(made.inputs.ids), made.logits.tolist(), made.probabilities.tolist(), strict=True)
    for place, (token, logits, probabilities) in enumerate(rows):
        best = head.labels[probabilities.index(max(probabilities))]
        yield LabelledToken(token, best if place in in_words else None, tuple(logits), tuple(probabilities))


def _example(head: TokenClassifier, made: Tagging, tokens: Sequence[LabelledToken]) -> Iterator[Page]:
    """Show the logits of the first entity's first token; without any, of the word with the least certain label."""
    words = made.groups[0].words[:1] if made.groups else made.words
    if words:
        place = min(words, key=lambda one: one.probability).tokens[0]
        yield example_page(head.labels, tokens[place], place)


def example_page(labels: Sequence[str], token: LabelledToken, place: int) -> Page:
    """Show the logits of one token, as an example for all of them.

    Args:
        place: of the token among the tokens, from 0.
    """
    where = (f"The head does this for every token. As an example, token {place}: “", token.token, "”.")
    return logits_page(labels, token.logits, token.probabilities, first=[where])


def labelled_page(labels: Sequence[str], tokens: Sequence[LabelledToken]) -> Page:
    """Show what a token classifier's head makes of every token.

    Args:
        labels: `id2label`, in the order of the ids.
    """
    chips = tuple(one.token for one in tokens)
    shares = [max(one.probabilities) for one in tokens]
    given = ["" if one.label is None else one.label for one in tokens]
    logits = [column(name.replace("\n", " "), (one.logits[at] for one in tokens)) for at, name in enumerate(labels)]
    kinds = tuple("" if label == OUTSIDE else entities.kind_of(label) for label in given)
    return page(
        "labelled-tokens",
        *_prefixes(labels),
        table(
            column("p", (share if label else None for share, label in zip(shares, given, strict=True)), Form.PERCENT),
            column("label", (Short(label, LABEL) for label in given)),
            column("token", chips),
        ),
        blocks.File(
            f"The file has all logits: {len(labels)} of each of the {len(tokens):,} tokens.",
            table(*logits, column("token", chips)),
        ),
        picture=blocks.Labels("Labels of the tokens", chips, tuple(given), kinds, tuple(shares)),
    )


def _prefixes(names: Sequence[str]) -> Iterator[str]:
    """Say what the beginnings of labels mean, if they have any.

    True of IOB2, where every entity begins with `B-`, and of IOB1, where one does right behind another of its kind.
    """
    has_inner = any(name.startswith("I-") for name in names)
    if any(name.startswith("B-") for name in names):
        inner = ", I- that this belongs to one" if has_inner else ""
        yield f"B- says that a new entity begins{inner}, and {OUTSIDE} that there is none."
    elif has_inner:
        yield f"I- says that this belongs to an entity, and {OUTSIDE} that there is none."


def words_page(words: Sequence[tuple[TaggedWord, Sequence[LabelledToken]]], *, marked: bool) -> Page:
    """Show how the tokens of each word were put together.

    Args:
        words: with their tokens.
        marked: whether the tokenizer marks tokens that continue a word; if not, each token is a word.
    """
    numbers = table(
        column("p", (word.probability for word, _ in words), Form.PERCENT),
        column("label", (Short(word.label, LABEL) for word, _ in words)),
        column("word" if marked else "token", (_put_together(tokens) for _, tokens in words)),
    )
    if not marked:
        return page("unmarked-words", numbers)
    several = [(word, tokens) for word, tokens in words if len(tokens) > 1]
    torn = sum(any(token.label != word.label for token in tokens) for word, tokens in several)
    facts = (
        f"Words of several tokens, with a · between them: {len(several):,} of {len(words):,}. Those in which a later "
        f"token got another label, which does not count: {torn:,}."
    )
    return page("words", facts, numbers)


def _put_together(tokens: Sequence[LabelledToken]) -> Text:
    return tuple(replace(one.token, special=False, starts_word=place == 0) for place, one in enumerate(tokens))


def entities_page(text: str, found: Sequence[Entity], parts: Sequence[Sequence[float]], outside: int) -> Page:
    """Show how words became entities.

    Args:
        found: the entities in their order; none if every word is outside.
        parts: the probabilities of each one's words.
        outside: how many words are in none of them.
    """
    rest = f"Outside of all entities, with the label {OUTSIDE}: {outside:,}."
    if not found:
        return page("entities", f"There are none. {rest}")
    names = [text[one.start : one.end] for one in found]
    numbers = table(
        column("p", (one.probability for one in found), Form.PERCENT),
        column("parts", map(len, parts)),
        column("label", (Short(one.label, LABEL) for one in found)),
        column("entity", names),
        most=MOST_ENTITIES,
    )
    longest = max(range(len(found)), key=lambda index: len(parts[index]))
    if len(several := parts[longest]) == 1:
        return page("entities", numbers, rest)
    mean = formula(
        ("p(", Short(names[longest], NAME), ")"),
        ("= (", joined(map(four, several), MOST_TERMS), f") / {len(several)}"),
        ("= ", four(found[longest].probability)),
    )
    return page("entities", numbers, mean, rest)


def _unread(text: str) -> str:
    """Say what has a label and is no entity all the same, if the text has it."""
    return " and is no link, mention, emoji or code" if markup(text).spans else ""


def _decision(text: str, found: Sequence[Entity], unread: str = "") -> str:
    """Say what each entity is; one that stands in the text several times is named once.

    Args:
        unread: further words about what is an entity.
    """
    if not found:
        return f"Nothing has another label than {OUTSIDE}{unread}, so the answer is that there are no names."
    said = [f"{text[one.start : one.end]} is {one.label} ({number(one.probability)})" for one in found]
    return (
        f"All that has another label than {OUTSIDE}{unread} is an entity, with its probability: "
        f"{', '.join(dict.fromkeys(said))}."
    )


def explain_weighing(head: CausalLM, request: EntitiesRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model."""
    made = yield from weighed_names(head, request.text, alone=True)
    if not made.names:
        said = "The model was not asked, so there are no names."
        return explanation(text_page(NOT_ASKED, request.text), decision_page(said))
    example = next((name for name in made.names if name.kind != OUTSIDE), made.names[0])
    rows = [head.encode(prompt) for name in made.names for prompt in name.prompts]
    names = [row for name in made.names for row in _row_names(name)]
    first = names.index(_row_names(example)[0])
    text = text_page(_asked(made, example), *example.prompts)
    read = yield from beginning(head, text, rows, head.reading(rows[first]), names, row=first, left=True)
    answers, leaning = example.answers.sum(axis=0), example.leaning.sum(axis=0)
    columns = (answers, leaning, example.scores, example.probabilities)
    return explanation(
        *read,
        questions_page(example.candidate.name, _row_names(example), example.log_probs, example.shares),
        weighed_page(KINDS, columns, _formula(example)),
        names_page(
            KINDS,
            [(one.candidate.name, len(one.candidate.spans)) for one in made.names],
            [one.scores.tolist() for one in made.names],
            [one.probabilities.tolist() for one in made.names],
            truncated=made.truncated,
        ),
        decision_page(_decision(request.text, entities_of(made))),
    )


NOT_ASKED = (
    "A language model has no labels, so words that may be names are found by their capital letters, and the model "
    "is asked about each. This text has none, but for words that have a capital letter only because they begin a "
    "sentence, days, months and titles, and what is in links, mentions, emoji and code."
)


def _row_names(name: WeighedName) -> list[str]:
    return [f"{name.candidate.name}, question {place}" for place in range(1, len(name.prompts) + 1)]


def _asked(made: WeighedNames, example: WeighedName) -> str:
    found = ", ".join(name.candidate.name for name in made.names)
    spelled = any(name.candidate.spelled for name in made.names)
    how = " Where nearly all words have capital letters, they are read as they are usually spelled." if spelled else ""
    return (
        "A language model has no labels, so words that may be names are found by their capital letters, and each is "
        f"put into {len(QUESTIONS)} questions, behind the sentence in which it stands first. These are the questions "
        f"about {example.candidate.name}; {len(made.names)} in all were asked about: {found}.{how}"
    )


def questions_page(about: str, names: Sequence[str], log_probs: Floats, shares: Floats) -> Page:
    """Show what a causal language model would answer about a name, as an example for all names.

    Args:
        names: of each question's row.
        log_probs: of the answers' tokens after the question, (questions, answers).
        shares: the answers' probabilities; those of a question add up to 1.
    """
    shown: list[Block | str] = [f"As an example, the questions about {about}."]
    bars: dict[str, float] = {}
    for place, (name, question) in enumerate(zip(names, QUESTIONS, strict=True)):
        words = [word.strip() for word in question.words]
        shown += [
            name,
            table(
                column("log p", log_probs[place].tolist(), Form.TWO),
                column("share", shares[place].tolist(), Form.PERCENT),
                column("answer", words),
            ),
        ]
        bars |= {f"{place + 1}: {word}": float(share) for word, share in zip(words, shares[place], strict=True)}
    order = np.argsort(-shares[0], kind="stable")
    terms: list[Text] = [("e^", blocks.Number(float(log_probs[0, index]), Form.TWO)) for index in order]
    shown.append(
        formula(
            ("share(", Short(QUESTIONS[0].words[order[0]].strip(), NAME), ")"),
            ("= ", terms[0]),
            ("  / (", joined(terms, MOST_TERMS), ")"),
            ("= ", four(float(shares[0, order[0]]))),
        )
    )
    return page("questions", *shown, picture=blocks.Bars(f"Answers: {about}", tuple(bars), tuple(bars.values())))


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


def names_page(
    kinds: Sequence[str],
    names: Sequence[tuple[str, int]],
    scores: Sequence[Sequence[float]],
    probabilities: Sequence[Sequence[float]],
    *,
    truncated: bool,
) -> Page:
    """Show the kinds of all names that a causal language model was asked about.

    Args:
        names: and how often each stands in the text.
        scores: of each name, one per kind.
        probabilities: of each name, one per kind.
        truncated: whether there are more names in the text.
    """
    best = [max(shares) for shares in probabilities]
    likeliest = [kinds[shares.index(max(shares))] for shares in probabilities]
    said = f"{OUTSIDE} is what is none of the others: such a name is no entity."
    if truncated:
        said = f"{said} The text has more names: only the first {len(names)} different ones were looked at."
    bars = tuple(f"{name}: {kind}" for (name, _), kind in zip(names, likeliest, strict=True))
    by_kind = list(zip(kinds, zip(*scores, strict=True), zip(*probabilities, strict=True), strict=True))
    return page(
        "names",
        said,
        table(
            column("p", best, Form.PERCENT),
            column("kind", (Short(kind, LABEL) for kind in likeliest)),
            column("name", (name if places == 1 else f"{name} ({places} times)" for name, places in names)),
        ),
        blocks.File(
            "The file has the scores and probabilities of all kinds.",
            table(
                *(column(f"score {kind}", cells) for kind, cells, _ in by_kind),
                *(column(f"p {kind}", cells, Form.PERCENT) for kind, _, cells in by_kind),
                column("name", (name for name, _ in names)),
            ),
        ),
        picture=blocks.Bars("Names", bars, tuple(best)),
    )
