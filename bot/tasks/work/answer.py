"""How an answer to `/answer` came about that a question-answering head has found in the text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.tokenization.tokens import Token
from bot.tasks import answer
from bot.tasks.answer import AnswerRequest, Location, ScoredWindow
from bot.tasks.work import blocks
from bot.tasks.work.blocks import Block, Explanation, Form, Page, bracketed, column, formula, four, lone, table
from bot.tasks.work.pages import decided, decision_page, explanation, page, text_page
from bot.tasks.work.reading import beginning, numbered
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.wording import MINUS, sentence

if TYPE_CHECKING:
    from bot.inference.heads.question_answering import QuestionAnswering

SPANS = 8
"""The likeliest spans that are named."""
MOST_TOKENS = 12
"""The likeliest starts and ends that are shown; the file has all."""
LARGE = 1_000
"""Logits from here on leave no room for decimals."""
ABSENT = "not in the text"
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


def _kinds(one: ScoredWindow, name: str) -> str:
    """Say which tokens are the context's, and how the model knows."""
    places = _context(one)
    where = f"Of {name}, the" if name else "The"
    context = f"{where} context's tokens are {places[0]} to {places[-1]}." if places else "The context has no tokens."
    kinds = one.window.row.inputs.type_ids
    if kinds is None:
        return f"{context} {sentence('answer.no-types')}"
    runs = [(kind, [place for place, _ in run]) for kind, run in groupby(enumerate(kinds), key=lambda pair: pair[1])]
    if len(runs) == 1:
        return f"{context} {sentence('answer.one-type', type=kinds[0])}"
    said = ", ".join(f"{kind} for the tokens {run[0]} to {run[-1]}" for kind, run in runs)
    return f"{context} The token types tell the model so: {said}."


def _context(one: ScoredWindow) -> list[int]:
    """Return the positions of the context's tokens in a window."""
    return [place for place, characters in enumerate(one.window.spans) if characters is not None]


def border_page(side: str, one: ScoredWindow, tokens: Sequence[Token], window: str = "") -> Page:
    """Show where a question-answering head sees the start of an answer, or its end.

    The first token of all takes part, because it stands for "not in the text", and the context's. The others have a
    logit too, but softmax leaves them out.

    Args:
        side: one of `SIDES`.
        tokens: all tokens of the window.
        window: its name; "" if the context is read at once.
    """
    index, taking_part = SIDES.index(side), [0, *_context(one)]
    logits = {place: float(one.logits[index, place]) for place in taking_part}
    probabilities = one.probabilities[index].tolist()
    order = sorted(taking_part, key=lambda place: -probabilities[place])
    first, border = order[:MOST_TOKENS], None if one.borders is None else one.borders[index]
    facts = {"tokens": len(taking_part), "others": len(tokens) - len(taking_part)}
    return page(
        side,
        sentence("answer.masked", **facts, within=f" of {window}" if window else ""),
        table(
            column("logit", (logits[place] for place in order), Form.TWO),
            column("p", (probabilities[place] for place in order), Form.PERCENT),
            column("#", order),
            column("token", (tokens[place] for place in order)),
            most=MOST_TOKENS,
        ),
        *([] if border is None else [_softmax(side, border, logits, probabilities[border])]),
        picture=blocks.Bars(
            f"With which token the answer {side}s",
            tuple((f"{place} ", lone(tokens[place])) for place in first),
            tuple(probabilities[place] for place in first),
        ),
    )


def _softmax(side: str, position: int, logits: Mapping[int, float], probability: float) -> blocks.Formula:
    """Work out the probability of a token."""
    logit, largest = logits[position], max(logits.values())
    total = sum(math.exp(other - largest) for other in logits.values())
    # A phone has no room for the decimals of large logits.
    form = Form.THREE if max(abs(logit), abs(largest)) < LARGE else Form.WHOLE
    return formula(
        f"p({side}s with token {position})",
        "= e^(z − max) / Σ e^(z − max)",
        ("= e^(", blocks.Number(logit, form), f" {MINUS} ", bracketed(largest, form), ") / ", total),
        ("= ", math.exp(logit - largest), " / ", total),
        ("= ", four(probability)),
    )


def spans_page(context: str, one: ScoredWindow) -> Page:
    """Show how starts and ends became answers."""
    together = answer.spans(one.probabilities, one.window.spans)
    # Stable, so that the first of equal spans leads, as in the answer.
    order = np.argsort(-together, axis=None, kind="stable")[:SPANS].tolist()
    pairs = [divmod(place, together.shape[1]) for place in order]
    found = [pair for pair in pairs if together[pair] > 0]
    shares = [float(together[pair]) for pair in found]
    texts = [context[span.start : span.end] for span in (answer.span_of(one.window, *pair) for pair in found)]
    numbers = table(
        column("p", shares, Form.PERCENT),
        column("from", (first for first, _ in found)),
        column("to", (last for _, last in found)),
        column("span", texts),
    )
    return page(
        "spans",
        *((numbers, _product("answer", one, found[0], shares[0])) if found else ()),
        _product(ABSENT, one, (0, 0), one.absent),
        f"{sentence('answer.allowed', longest=answer.ANSWER_TOKENS)} {_characters(context, one)}",
        picture=blocks.Bars("Which span is the answer", (*texts, ABSENT), (*shares, one.absent)),
    )


def _product(name: str, one: ScoredWindow, span: tuple[int, int], probability: float) -> blocks.Formula:
    (first, last), (starts, ends) = span, one.probabilities
    return formula(
        f"p({name})",
        f"= p(starts with {first}) × p(ends with {last})",
        ("= ", four(float(starts[first])), " × ", four(float(ends[last]))),
        ("= ", four(probability)),
    )


def _characters(context: str, one: ScoredWindow) -> str:
    """Say how the tokens of the likeliest span became characters."""
    if one.borders is None:
        return "Here no span has a probability."
    (first, last), span = one.borders, one.span
    which = f"Token {first} stands" if first == last else f"Tokens {first} to {last} stand"
    quote = context[span.start : span.end]
    return sentence("answer.characters", which=which, start=span.start, end=span.end - 1, quote=quote)


def windows_page(context: str, made: Location, names: Sequence[str]) -> Page:
    """Show the likeliest answer in each window of the context, and which of them count."""
    shares = [one.probability for one in made.windows]
    numbers = table(
        column("p", shares, Form.PERCENT),
        column("none", (one.absent for one in made.windows), Form.PERCENT),
        column("in", names),
        column("answer", (context[one.span.start : one.span.end] for one in made.windows)),
    )
    best = {"best": names[made.best], "probability": shares[made.best]}
    how = sentence("answer.counts", **best, least=names[made.least], absent=made.windows[made.least].absent)
    picture = blocks.Bars("The likeliest answer's p", tuple(names), tuple(shares))
    return page("windows", numbers, how, picture=picture)


def _located(context: str, made: Location) -> tuple[Block, ...]:
    best, absent = made.windows[made.best], made.windows[made.least].absent
    text, probability = context[best.span.start : best.span.end], best.probability
    if absent > best.probability:
        text, probability = ABSENT, absent
    said = sentence("answer.located", best=best.probability, absent=absent, text=text)
    return decided(said, text, probability)
