"""How an answer to `/answer` came about: by pointing at it in the text. Writing it is in `answer_written`."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
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
from bot.tasks.work.wording import MINUS, number

if TYPE_CHECKING:
    from bot.inference.heads.question_answering import QuestionAnswering

SPANS = 8
"""The likeliest spans that are named."""
MOST_TOKENS = 12
"""The likeliest starts and ends that are shown; the file has all."""
LARGE = 1_000
"""Logits from here on leave no room for decimals."""
ABSENT = "not in the text"


def explain_location(head: QuestionAnswering, request: AnswerRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a question-answering head. Nothing was written."""
    made = yield from answer.location(head, request, alone=True)
    names = numbered("window", len(made.windows))
    best, name = made.windows[made.best], names[made.best]
    inputs, rows = best.window.row.inputs, [one.window.row.inputs.ids for one in made.windows]
    text = text_page(_paired(len(made.windows)), request.question, request.context)
    reading = head.reading(inputs.ids, type_ids=inputs.type_ids)
    read = yield from beginning(head, text, rows, reading, names, row=made.best, note=_kinds(best, name))
    tokens, allowed = head.tokens(inputs.ids), [0, *_context(best)]
    borders = best.borders or (None, None)
    sides = [
        border_page(
            key,
            allowed,
            [tokens[place] for place in allowed],
            best.logits[side, allowed].tolist(),
            best.probabilities[side, allowed].tolist(),
            borders[side],
            len(tokens) - len(allowed),
            name,
        )
        for side, key in enumerate(("start", "end"))
    ]
    decision = decision_page(*_located(request, made))
    return explanation(*read, *sides, _spans_page(request, best), *_windows(request, made, names), decision)


def _paired(windows: int) -> str:
    pair = "The model reads the question and the context as a pair."
    if windows == 1:
        return pair
    return (
        f"{pair} The context is longer than it reads at once, so it is read in {windows} windows, each with the whole "
        "question in front. Neighbouring windows overlap, so that an answer at a border is whole in one of them."
    )


def _kinds(one: ScoredWindow, name: str) -> str:
    """Say which tokens are the context's, and how the model is told."""
    places = _context(one)
    where = f"Of {name}, the" if name else "The"
    context = f"{where} context's tokens are {places[0]} to {places[-1]}." if places else "The context has no tokens."
    kinds = one.window.row.inputs.type_ids
    if kinds is None:
        return f"{context} This model knows no token types: special tokens between the two texts tell them apart."
    runs = [(kind, [place for place, _ in run]) for kind, run in groupby(enumerate(kinds), key=lambda pair: pair[1])]
    if len(runs) == 1:
        return f"{context} All token types are {kinds[0]}: special tokens between the two texts tell them apart."
    said = ", ".join(f"{kind} for the tokens {run[0]} to {run[-1]}" for kind, run in runs)
    return f"{context} The token types tell the model so: {said}."


def _context(one: ScoredWindow) -> list[int]:
    """Return the positions of the context's tokens in a window."""
    return [place for place, characters in enumerate(one.window.spans) if characters is not None]


def border_page(
    key: str,
    positions: Sequence[int],
    tokens: Sequence[Token],
    logits: Sequence[float],
    probabilities: Sequence[float],
    border: int | None,
    masked: int,
    window: str = "",
) -> Page:
    """Show where a question-answering head sees the start of an answer, or its end.

    Args:
        key: "start" or "end".
        positions: of the tokens that take part: the first of all, which stands for "not in the text", and the
            context's.
        probabilities: softmax over the logits.
        border: the likeliest answer's first (or last) position; None if no answer has a probability.
        masked: how many other tokens the window has: they have a logit too, and softmax leaves them out.
        window: the part of the context that this is about; "" if the context is read at once.
    """
    order = sorted(range(len(tokens)), key=lambda index: -probabilities[index])
    within = f" of {window}" if window else ""
    first = order[:MOST_TOKENS]
    return page(
        key,
        f"{len(tokens):,} tokens{within} take part. The other {masked:,}, the question's among them, are "
        "masked: whatever their logits are, their probability is 0.",
        table(
            column("logit", (logits[index] for index in order), Form.TWO),
            column("p", (probabilities[index] for index in order), Form.PERCENT),
            column("#", (positions[index] for index in order)),
            column("token", (tokens[index] for index in order)),
            most=MOST_TOKENS,
        ),
        *([] if border is None else [_softmax(key, border, positions.index(border), logits, probabilities)]),
        picture=blocks.Bars(
            f"With which token the answer {key}s",
            tuple((f"{positions[index]} ", lone(tokens[index])) for index in first),
            tuple(probabilities[index] for index in first),
        ),
    )


def _softmax(
    key: str, position: int, index: int, logits: Sequence[float], probabilities: Sequence[float]
) -> blocks.Formula:
    """Work out the probability of a token."""
    logit, largest = logits[index], max(logits)
    total = sum(math.exp(other - largest) for other in logits)
    form = Form.THREE if max(abs(logit), abs(largest)) < LARGE else Form.WHOLE
    return formula(
        f"p({key}s with token {position})",
        "= e^(z − max) / Σ e^(z − max)",
        ("= e^(", blocks.Number(logit, form), f" {MINUS} ", bracketed(largest, form), ") / ", total),
        ("= ", math.exp(logit - largest), " / ", total),
        ("= ", four(probabilities[index])),
    )


def _spans_page(request: AnswerRequest, one: ScoredWindow) -> Page:
    together = answer.spans(one.probabilities, one.window.spans)
    order = np.argsort(-together, axis=None, kind="stable")[:SPANS]
    pairs = [divmod(int(place), together.shape[1]) for place in order]
    found = [pair for pair in pairs if together[pair] > 0]
    texts = [_quote(request, one, *pair) for pair in found]
    starts, ends = one.probabilities
    edges = [(float(starts[first]), float(ends[last])) for first, last in [*found[:1], (0, 0)]]
    shares = [float(together[pair]) for pair in found]
    return spans_page(texts, found, shares, edges, one.absent, _characters(request, one))


def spans_page(
    texts: Sequence[str],
    spans: Sequence[tuple[int, int]],
    probabilities: Sequence[float],
    edges: Sequence[tuple[float, float]],
    absent: float,
    how: str,
) -> Page:
    """Show how starts and ends became answers.

    Args:
        texts: the likeliest spans, in order; none if no span has a probability.
        spans: the positions of each one's first and last token.
        edges: the probabilities of the start and the end, of the likeliest span if there is one, and of the first
            token, which stands for "not in the text".
        absent: the probability of that.
        how: which spans are allowed, and how the likeliest one's tokens became characters.
    """
    numbers = table(
        column("p", probabilities, Form.PERCENT),
        column("from", (first for first, _ in spans)),
        column("to", (last for _, last in spans)),
        column("span", texts),
    )
    best: tuple[Block, ...] = ()
    if texts:
        best = (numbers, _product("answer", spans[0], edges[0], probabilities[0]))
    picture = blocks.Bars("Which span is the answer", (*texts, ABSENT), (*probabilities, absent))
    return page("spans", *best, _product(ABSENT, (0, 0), edges[-1], absent), how, picture=picture)


def _product(name: str, span: tuple[int, int], edges: tuple[float, float], probability: float) -> blocks.Formula:
    return formula(
        f"p({name})",
        f"= p(starts with {span[0]}) × p(ends with {span[1]})",
        ("= ", four(edges[0]), " × ", four(edges[1])),
        ("= ", four(probability)),
    )


def _quote(request: AnswerRequest, one: ScoredWindow, first: int, last: int) -> str:
    span = answer.span_of(one.window, first, last)
    return request.context[span.start : span.end]


def _characters(request: AnswerRequest, one: ScoredWindow) -> str:
    """Say how the tokens of the likeliest span became characters."""
    rules = (
        f"A span has {answer.ANSWER_TOKENS} tokens at most, and does not end before it begins. Token 0 alone stands "
        f"for “{ABSENT}”."
    )
    if one.borders is None:
        return f"{rules} Here no span has a probability."
    (first, last), span = one.borders, one.span
    which = f"Token {first} stands" if first == last else f"Tokens {first} to {last} stand"
    return (
        f"{rules} The tokenizer remembers which characters each token stands for. {which} for the characters "
        f"{span.start} to {span.end - 1} of the context (counted from 0; half words are widened to whole ones): "
        f"“{request.context[span.start : span.end]}”."
    )


def _windows(request: AnswerRequest, made: Location, names: Sequence[str]) -> Iterator[Page]:
    if len(names) == 1:
        return
    best, least = made.windows[made.best], made.windows[made.least]
    yield windows_page(
        names,
        [request.context[one.span.start : one.span.end] for one in made.windows],
        [one.probability for one in made.windows],
        [one.absent for one in made.windows],
        f"The likeliest answer of all windows is that of {names[made.best]}, with {number(best.probability)}. A window "
        f"without the answer rightly says “{ABSENT}”, so of these probabilities the smallest counts: "
        f"{number(least.absent)}, in {names[made.least]}.",
    )


def windows_page(
    names: Sequence[str], texts: Sequence[str], probabilities: Sequence[float], absent: Sequence[float], how: str
) -> Page:
    """Show what was found in each window of the context.

    Args:
        texts: the likeliest answer in each.
        absent: the probability that the answer is not in this window.
        how: which of them count.
    """
    numbers = table(
        column("p", probabilities, Form.PERCENT),
        column("none", absent, Form.PERCENT),
        column("in", names),
        column("answer", texts),
    )
    picture = blocks.Bars("The likeliest answer's p", tuple(names), tuple(probabilities))
    return page("windows", numbers, how, picture=picture)


def _located(request: AnswerRequest, made: Location) -> tuple[Block, ...]:
    best, absent = made.windows[made.best], made.windows[made.least].absent
    text, probability = request.context[best.span.start : best.span.end], best.probability
    if absent > best.probability:
        text, probability = ABSENT, absent
    said = (
        f"The likeliest span has {number(best.probability)}, and “{ABSENT}” {number(absent)}, so the answer is "
        f"“{text}”. The two need not add up to 1, because there are other spans."
    )
    return decided(said, text, probability)
