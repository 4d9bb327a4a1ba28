"""How an answer to `/answer` came about that a question-answering head has found in the text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.tokenization.tokens import Token
from bot.locales.numbers import MINUS
from bot.tasks import answer
from bot.tasks.answer import AnswerRequest, Location, ScoredWindow
from bot.tasks.work import blocks
from bot.tasks.work.blocks import Block, Explanation, Page, column, formula, table
from bot.tasks.work.pages import decided, decision_page, explanation, page, text_page
from bot.tasks.work.reading import beginning, numbered
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.texts import Form, Number, Sentence, Text, Words, bracketed, four, grouped, lone, spaced
from bot.tasks.work.wording import later, listed, sentence

if TYPE_CHECKING:
    from bot.inference.heads.question_answering import QuestionAnswering

SPANS = 8
"""The likeliest spans that are named."""
MOST_TOKENS = 12
"""The likeliest starts and ends that are shown; the file has all."""
LARGE = 1_000
"""Logits from here on leave no room for decimals."""
ABSENT = later("not in the text")
"""Stands in place of an answer."""
SIDES = ("start", "end")


def explain_location(head: QuestionAnswering, request: AnswerRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a question-answering head."""
    made = yield from answer.location(head, request, alone=True)
    windows = len(made.windows)
    names = numbered("window", windows)
    best, name = made.windows[made.best], names[made.best]
    inputs, rows = best.window.row.inputs, [one.window.row.inputs.ids for one in made.windows]
    paired = sentence("answer.pair") if windows == 1 else sentence("answer.windows", windows=windows)
    text = text_page(paired, request.question, request.context)
    reading = head.reading(inputs.ids, type_ids=inputs.type_ids)
    read = yield from beginning(head, text, rows, reading, names, row=made.best, note=_kinds(best, name))
    tokens = head.tokens(inputs.ids)
    return explanation(
        *read,
        *(border_page(side, best, tokens, name) for side in SIDES),
        spans_page(request.context, best),
        *([windows_page(request.context, made, names)] if windows > 1 else []),
        decision_page(*_located(request.context, made)),
    )


def _kinds(one: ScoredWindow, name: Words) -> Text:
    """Say which tokens are the context's, and how the model knows."""
    positions = _context(one)
    if not positions:
        context = sentence("answer.no-tokens")
    elif name:
        context = sentence("answer.tokens-of-window", window=name, first=positions[0], last=positions[-1])
    else:
        context = sentence("answer.tokens", first=positions[0], last=positions[-1])
    return spaced(context, _types(one))


def _types(one: ScoredWindow) -> Sentence:
    """Say how the types of a window's tokens tell the question from the context."""
    kinds = one.window.row.inputs.type_ids
    if kinds is None:
        return sentence("answer.no-types")
    runs = [
        (kind, [position for position, _ in run]) for kind, run in groupby(enumerate(kinds), key=lambda pair: pair[1])
    ]
    if len(runs) == 1:
        return sentence("answer.one-type", type=kinds[0])
    said = [sentence("answer.type-of", type=kind, first=run[0], last=run[-1]) for kind, run in runs]
    return sentence("answer.types", types=listed(said))


def _context(one: ScoredWindow) -> list[int]:
    """Return the positions of the context's tokens in a window."""
    return [position for position, characters in enumerate(one.window.spans) if characters is not None]


def border_page(side: str, one: ScoredWindow, tokens: Sequence[Token], window: Words = "") -> Page:
    """Show where a question-answering head sees the start of an answer, or its end.

    The first token of all takes part, because it stands for "not in the text", and the context's. The others have a
    logit too, but softmax leaves them out.

    Args:
        side: one of `SIDES`.
        tokens: all tokens of the window.
        window: its name; "" if the context is read at once.
    """
    index, taking_part = SIDES.index(side), [0, *_context(one)]
    logits = {position: float(one.logits[index, position]) for position in taking_part}
    probabilities = one.probabilities[index].tolist()
    order = sorted(taking_part, key=lambda position: -probabilities[position])
    first, border = order[:MOST_TOKENS], None if one.borders is None else one.borders[index]
    facts = {"tokens": grouped(len(taking_part)), "others": grouped(len(tokens) - len(taking_part))}
    masked = (
        sentence("answer.masked-in-window", **facts, window=window) if window else sentence("answer.masked", **facts)
    )
    return page(
        side,
        masked,
        table(
            column(later("logit"), (logits[position] for position in order), Form.TWO),
            column("p", (probabilities[position] for position in order), Form.PERCENT),
            column("#", order),
            column(later("token"), (tokens[position] for position in order)),
            most=MOST_TOKENS,
        ),
        *([] if border is None else [_softmax(side, border, logits, probabilities[border])]),
        picture=blocks.Bars(
            sentence("answer.border", side),
            tuple((f"{position} ", lone(tokens[position])) for position in first),
            tuple(probabilities[position] for position in first),
        ),
    )


def _softmax(side: str, position: int, logits: Mapping[int, float], probability: float) -> blocks.Formula:
    """Work out the probability of a token."""
    logit, largest = logits[position], max(logits.values())
    total = sum(math.exp(other - largest) for other in logits.values())
    # A phone has no room for the decimals of large logits.
    form = Form.THREE if max(abs(logit), abs(largest)) < LARGE else Form.WHOLE
    return formula(
        ("p(", sentence("answer.with-token", side, token=position), ")"),
        "= e^(z − max) / Σ e^(z − max)",
        ("= e^(", Number(logit, form), f" {MINUS} ", bracketed(largest, form), ") / ", total),
        ("= ", math.exp(logit - largest), " / ", total),
        ("= ", four(probability)),
    )


def spans_page(context: str, one: ScoredWindow) -> Page:
    """Show how starts and ends became answers."""
    together = answer.spans(one.probabilities, one.window.spans)
    # Stable, so that the first of equal spans leads, as in the answer.
    order = np.argsort(-together, axis=None, kind="stable")[:SPANS].tolist()
    pairs = [divmod(index, together.shape[1]) for index in order]
    found = [pair for pair in pairs if together[pair] > 0]
    shares = [float(together[pair]) for pair in found]
    texts = [context[span.start : span.end] for span in (answer.span_of(one.window, *pair) for pair in found)]
    numbers = table(
        column("p", shares, Form.PERCENT),
        # Translators: titles of narrow columns: from which token a span goes to which.
        column(later("from"), (first for first, _ in found)),
        column(later("to"), (last for _, last in found)),
        column(later("span"), texts),
    )
    return page(
        "spans",
        *((numbers, _product(later("answer"), one, found[0], shares[0])) if found else ()),
        _product(ABSENT, one, (0, 0), one.absent),
        spaced(sentence("answer.allowed", longest=answer.ANSWER_TOKENS), _characters(context, one)),
        picture=blocks.Bars(later("Which span is the answer"), (*texts, ABSENT), (*shares, one.absent)),
    )


def _product(name: Words, one: ScoredWindow, span: tuple[int, int], probability: float) -> blocks.Formula:
    (first, last), (starts, ends) = span, one.probabilities
    return formula(
        ("p(", name, ")"),
        (
            *("= p(", sentence("answer.with", "start", token=first), ") × p("),
            *(sentence("answer.with", "end", token=last), ")"),
        ),
        ("= ", four(float(starts[first])), " × ", four(float(ends[last]))),
        ("= ", four(probability)),
    )


def _characters(context: str, one: ScoredWindow) -> Sentence:
    """Say how the tokens of the likeliest span became characters."""
    if one.borders is None:
        return sentence("answer.no-span")
    (first, last), span = one.borders, one.span
    place: dict[str, Text] = {"start": span.start, "end": span.end - 1, "quote": context[span.start : span.end]}
    if first == last:
        return sentence("answer.characters-of-one", token=first, **place)
    return sentence("answer.characters", first=first, last=last, **place)


def windows_page(context: str, made: Location, names: Sequence[Words]) -> Page:
    """Show the likeliest answer in each window of the context, and which of them count."""
    shares = [one.probability for one in made.windows]
    numbers = table(
        column("p", shares, Form.PERCENT),
        # Translators: the probability that a window has no answer; the title of a narrow column.
        column(later("none"), (one.absent for one in made.windows), Form.PERCENT),
        # Translators: in which window; the title of a column.
        column(later("in"), names),
        column(later("answer"), (context[one.span.start : one.span.end] for one in made.windows)),
    )
    best, probability = names[made.best], shares[made.best]
    how = sentence(
        "answer.counts",
        best=best,
        probability=probability,
        least=names[made.least],
        absent=made.windows[made.least].absent,
    )
    picture = blocks.Bars(later("The likeliest answer's p"), tuple(names), tuple(shares))
    return page("windows", numbers, how, picture=picture)


def _located(context: str, made: Location) -> tuple[Block, ...]:
    best, absent = made.windows[made.best], made.windows[made.least].absent
    text: Words = context[best.span.start : best.span.end]
    probability = best.probability
    if absent > best.probability:
        text, probability = ABSENT, absent
    said = sentence("answer.located", best=best.probability, absent=absent, text=text)
    return decided(said, text, probability)
