"""How a text got its labels: the tokens' logits, their words, and the entities that these became."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from bot.pictures import labels
from bot.pictures.bars import bars
from bot.pictures.picture import Picture
from bot.pictures.wording import as_chip
from bot.replies.work.attached import Attached
from bot.replies.work.blocks import Block, Formula, Paragraph, Table, cut_to
from bot.replies.work.deciding import logits_page
from bot.replies.work.numbers import CONTINUES, decimal, percent, token_text
from bot.replies.work.page import Page
from bot.tasks.entities import kind_of
from bot.tasks.names.kinds import OUTSIDE
from bot.tasks.work.pieces import (
    LabelledToken,
    LabelledTokens,
    LabelledWord,
    LabelledWords,
    NameKinds,
    Question,
    Questions,
    Span,
    Spans,
    TokenLogits,
    WeighedNames,
)

LABEL = 10
"""Columns of a label in a table: the file has all of it."""
NAME = 16
"""Columns of a name in a formula."""
MOST_TERMS = 3
"""Of a sum that is written out."""
MOST_WORDS = 20
"""Rows of a table that has company."""

TOKENS_ABOUT = (
    "The head has given every token a logit for each label, and softmax has made probabilities of them, token by "
    "token. The likeliest label is the token's."
)
WORDS_ABOUT = (
    "A name may be cut into several tokens, which need not get the same label. A word has the label of its **first** "
    "token, with its probability: so no word is split."
)
UNMARKED_ABOUT = (
    "This tokenizer does not say which tokens continue a word, so each token counts by itself, with its own label. "
    "Only tokens that are parts of the same character, as an emoji has them, all have the kind of the first."
)
SPANS_ABOUT = (
    "Neighbours of the same kind are **one entity**, unless the later one begins another. The entity's probability is "
    "the mean of its parts'."
)
QUESTIONS_ABOUT = (
    "This model only predicts text, so it is asked. log p is the logarithm of the probability that it goes on with an "
    "answer. Only these answers count: **softmax** shares the probability among them."
)
NAMES_ABOUT = "Each name was asked about in the same way. p is the probability of its likeliest kind."


def token_logits_page(piece: TokenLogits) -> Page:
    """The logits of one token, with the numbers put in."""
    page = logits_page(piece.logits)
    where = Paragraph(
        f"The head does this for every token. As an example, token {piece.place}: “{token_text(piece.token)}”."
    )
    return replace(page, blocks=(where, *page.blocks))


def labelled_page(piece: LabelledTokens) -> Page:
    """Every token with its label."""
    rows = tuple(map(_token_row, piece.rows))
    titles = (*(name.replace("\n", " ") for name in piece.labels), "token")
    logits = tuple((*map(decimal, row.logits), token_text(row.token)) for row in piece.rows)
    blocks: list[Block] = [
        Table(("p", "label", "token"), rows),
        Attached(
            f"The file has all logits: {len(piece.labels)} of each of the {len(piece.rows):,} tokens.", titles, logits
        ),
    ]
    if (meant := _prefixes(piece.labels)) is not None:
        blocks.insert(0, Paragraph(meant))
    return Page("Labels of the tokens", TOKENS_ABOUT, tuple(blocks), partial(_labels, piece))


def words_page(piece: LabelledWords) -> Page:
    """The words with the labels of their first tokens."""
    rows = tuple((percent(word.probability), cut_to(word.label, LABEL), _put_together(word)) for word in piece.rows)
    table = Table(("p", "label", "word" if piece.marked else "token"), rows)
    if not piece.marked:
        return Page("Words", UNMARKED_ABOUT, (table,))
    several = [word for word in piece.rows if len(word.tokens) > 1]
    torn = sum(any(token.label != word.label for token in word.tokens) for word in several)
    facts = (
        f"Words of several tokens, with a {CONTINUES} between them: {len(several):,} of {len(piece.rows):,}. Those "
        f"in which a later token got another label, which does not count: {torn:,}."
    )
    return Page("Words", WORDS_ABOUT, (Paragraph(facts), table))


def entities_page(piece: Spans) -> Page:
    """The entities, with the mean of their words."""
    outside = f"Outside of all entities, with the label {OUTSIDE}: {piece.outside:,}."
    if not piece.rows:
        return Page("Entities", SPANS_ABOUT, (Paragraph(f"There are none. {outside}"),))
    rows = tuple(
        (percent(one.probability), str(len(one.words)), cut_to(one.label, LABEL), one.text) for one in piece.rows
    )
    table = Table(("p", "parts", "label", "entity"), rows, most=MOST_WORDS)
    longest = max(piece.rows, key=lambda one: len(one.words))
    formula = [Formula(tuple(_mean(longest)))] if len(longest.words) > 1 else []
    return Page("Entities", SPANS_ABOUT, (table, *formula, Paragraph(outside)))


def questions_page(piece: Questions) -> Page:
    """What would be answered about a name."""
    blocks: list[Block] = [Paragraph(f"As an example, the questions about {piece.about}.")]
    for question in piece.rows:
        rows = tuple((decimal(one.log_probability, 2), percent(one.share), one.text) for one in question.answers)
        blocks += [Paragraph(question.name), Table(("log p", "share", "answer"), rows)]
    if piece.rows:
        blocks.append(Formula(tuple(_shared(piece.rows[0]))))
    shares = [(f"{place}: {one.text}", one.share) for place, row in enumerate(piece.rows, 1) for one in row.answers]
    draw = partial(bars, [name for name, _ in shares], [share for _, share in shares], f"Answers: {piece.about}")
    return Page("Answers", QUESTIONS_ABOUT, tuple(blocks), draw)


def names_page(piece: WeighedNames) -> Page:
    """The kinds of all names."""
    best = [(row, _kind(piece, row), max(row.probabilities)) for row in piece.rows]
    table = Table(
        ("p", "kind", "name"),
        tuple((percent(share), cut_to(kind, LABEL), _with_number(row)) for row, kind, share in best),
    )
    said = f"{piece.outside} is what is none of the others: such a name is no entity."
    if piece.truncated:
        said = f"{said} The text has more names: only the first {len(piece.rows)} different ones were looked at."
    titles = (*(f"score {kind}" for kind in piece.kinds), *(f"p {kind}" for kind in piece.kinds), "name")
    rows = tuple((*map(decimal, row.scores), *map(percent, row.probabilities), row.name) for row in piece.rows)
    whole = Attached("The file has the scores and probabilities of all kinds.", titles, rows)
    draw = partial(bars, [f"{row.name}: {kind}" for row, kind, _ in best], [share for *_, share in best], "Names")
    return Page("Names", NAMES_ABOUT, (Paragraph(said), table, whole), draw)


def _token_row(row: LabelledToken) -> tuple[str, str, str]:
    if row.label is None:
        return "", "", token_text(row.token)
    return percent(max(row.probabilities)), cut_to(row.label, LABEL), token_text(row.token)


def _prefixes(names: Sequence[str]) -> str | None:
    """What the beginnings of labels mean, where they have any.

    True of IOB2, where every entity begins with `B-`, and of IOB1, where one does right behind another of its kind.
    """
    has_inner = any(name.startswith("I-") for name in names)
    if any(name.startswith("B-") for name in names):
        inner = ", I- that this belongs to one" if has_inner else ""
        return f"B- says that a new entity begins{inner}, and {OUTSIDE} that there is none."
    return f"I- says that this belongs to an entity, and {OUTSIDE} that there is none." if has_inner else None


def _put_together(word: LabelledWord) -> str:
    return CONTINUES.join(as_chip(token.token.text) for token in word.tokens)


def _mean(span: Span) -> Iterator[str]:
    """An entity's probability, with the numbers put in."""
    terms = [decimal(word.probability, 4) for word in span.words[:MOST_TERMS]]
    if len(span.words) > MOST_TERMS:
        terms[-1] = "…"
    yield f"p({cut_to(span.text, NAME)})"
    yield f"= ({' + '.join(terms)}) / {len(span.words)}"
    yield f"= {decimal(span.probability, 4)}"


def _shared(question: Question) -> Iterator[str]:
    """The largest share of a question's answers, with the numbers put in."""
    answers = sorted(question.answers, key=lambda one: -one.share)
    terms = [f"e^{decimal(one.log_probability, 2)}" for one in answers]
    if len(terms) > MOST_TERMS:
        terms = [*terms[: MOST_TERMS - 1], "…"]
    yield f"share({cut_to(answers[0].text, NAME)})"
    yield f"= {terms[0]}"
    yield f"  / ({' + '.join(terms)})"
    yield f"= {decimal(answers[0].share, 4)}"


def _kind(piece: WeighedNames, row: NameKinds) -> str:
    return piece.kinds[row.probabilities.index(max(row.probabilities))]


def _with_number(row: NameKinds) -> str:
    return row.name if row.places == 1 else f"{row.name} ({row.places} times)"


def _labels(piece: LabelledTokens) -> Picture:
    shown = [
        labels.LabelledToken(
            row.token.text, row.label or "", _drawn_kind(row.label), max(row.probabilities), row.token.starts_word
        )
        for row in piece.rows
    ]
    return labels.labelled_tokens(shown, "Labels of the tokens")


def _drawn_kind(label: str | None) -> str:
    return "" if label is None or label == OUTSIDE else kind_of(label)
