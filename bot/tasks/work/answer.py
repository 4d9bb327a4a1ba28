"""How an answer to `/answer` came about."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from bot.inference.operations import TaskRun
from bot.inference.tokenization.tokens import Token
from bot.tasks import answer
from bot.tasks.answer import AnswerRequest, Guess, Location, Pointing, Weighing
from bot.tasks.quotes import QUOTED_SHARE, same_words
from bot.tasks.work.blocks import (
    Bars,
    Block,
    Explanation,
    Form,
    Formula,
    Number,
    Page,
    Paragraph,
    Quote,
    bracketed,
    column,
    table,
)
from bot.tasks.work.pages import decided, decision_page, explanation, page, text_page
from bot.tasks.work.reading import hidden_pages, model_page, numbered, read_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.wording import MINUS, difference, number, sigmoid_of
from bot.tasks.work.written import check_vocabulary, continuations

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.question_answering import QuestionAnswering

SPANS = 8
"""The likeliest spans that are named."""
MOST_TOKENS = 12
"""The likeliest starts and ends that are shown; the file has all."""
LARGE = 1_000
"""Logits from here on leave no room for decimals."""
ABSENT = "not in the text"
NEAREST = "Of several places, the one nearest to the question's words would be marked."


def explain_location(head: QuestionAnswering, request: AnswerRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a question-answering head. Nothing was written."""
    made = yield from answer.location(head, request, alone=True)
    names = numbered("window", len(made.windows))
    best, name = made.windows[made.best], names[made.best]
    inputs = best.window.row.inputs
    rows = [one.window.row.inputs.ids for one in made.windows]
    tokens, allowed = head.tokens(inputs.ids), [0, *_context(best)]
    borders = (None, None) if best.borders is None else best.borders
    states = yield from hidden_pages(head, head.reading(inputs.ids, type_ids=inputs.type_ids), name)
    return explanation(
        text_page(_paired(len(made.windows)), request.question, request.context),
        read_page(head, rows, names if len(names) > 1 else (), note=_kinds(best, name)),
        model_page(head),
        *states,
        *(
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
        ),
        _spans_page(request, best),
        *_windows(request, made, names),
        decision_page(*_located(request, made)),
    )


def _paired(windows: int) -> str:
    pair = "The model reads the question and the context as a pair."
    if windows == 1:
        return pair
    return (
        f"{pair} The context is longer than it reads at once, so it is read in {windows} windows, each with the whole "
        "question in front. Neighbouring windows overlap, so that an answer at a border is whole in one of them."
    )


def _kinds(one: Pointing, name: str) -> str:
    """Which tokens are the context's, and how the model is told."""
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


def _context(one: Pointing) -> list[int]:
    """The places of the context's tokens in a window."""
    return [place for place, characters in enumerate(one.window.places) if characters is not None]


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
    """Where a question-answering head sees the start of an answer, or its end.

    Args:
        key: "start" or "end".
        positions: of the tokens that take part: the first of all, which stands for "not in the text", and the
            context's.
        probabilities: softmax over the logits.
        border: the likeliest answer's first (or last) position; None if no answer has a probability.
        masked: how many other tokens the window has (the question's, special ones): they have a logit too, and
            softmax leaves them out.
        window: the part of the context that this is about; "" if the context is read at once.
    """
    order = sorted(range(len(tokens)), key=lambda index: -probabilities[index])
    side, within = f"{key}s", f" of {window}" if window else ""
    facts = (
        f"{len(tokens):,} tokens{within} take part. The other {masked:,}, the question's among them, are "
        "masked: whatever their logits are, their probability is 0."
    )
    shown = table(
        column("logit", (logits[index] for index in order), Form.TWO),
        column("p", (probabilities[index] for index in order), Form.PERCENT),
        column("#", (positions[index] for index in order)),
        column("token", (tokens[index] for index in order)),
        most=MOST_TOKENS,
    )
    first = order[:MOST_TOKENS]
    chips = [Token(tokens[index].text, tokens[index].id, special=False, starts_word=True) for index in first]
    picture = Bars(
        f"With which token the answer {side}",
        tuple((f"{positions[index]} ", chip) for index, chip in zip(first, chips, strict=True)),
        tuple(probabilities[index] for index in first),
    )
    formula = [] if border is None else [_softmax(side, border, positions.index(border), logits, probabilities)]
    return page(key, Paragraph(facts), shown, *formula, picture=picture)


def _softmax(side: str, position: int, index: int, logits: Sequence[float], probabilities: Sequence[float]) -> Formula:
    """The probability of a token, with the numbers put in."""
    logit, largest = logits[index], max(logits)
    total = sum(math.exp(other - largest) for other in logits)
    form = Form.THREE if max(abs(logit), abs(largest)) < LARGE else Form.WHOLE
    return Formula(
        (
            f"p({side} with token {position})",
            "= e^(z − max) / Σ e^(z − max)",
            ("= e^(", Number(logit, form), f" {MINUS} ", bracketed(largest, form), ") / ", total),
            ("= ", math.exp(logit - largest), " / ", total),
            ("= ", Number(probabilities[index], Form.FOUR)),
        )
    )


def _spans_page(request: AnswerRequest, one: Pointing) -> Page:
    together = answer.spans(one.probabilities, one.window.places)
    order = np.argsort(-together, axis=None, kind="stable")[:SPANS]
    pairs = [divmod(int(place), together.shape[1]) for place in order]
    found = [pair for pair in pairs if together[pair] > 0]
    texts = [_quote(request, one, *pair) for pair in found]
    shares = [float(together[pair]) for pair in found]
    starts, ends = one.probabilities
    edges = [(float(starts[first]), float(ends[last])) for first, last in [*found[:1], (0, 0)]]
    return spans_page(texts, found, shares, edges, one.absent, _characters(request, one))


def spans_page(
    texts: Sequence[str],
    spans: Sequence[tuple[int, int]],
    probabilities: Sequence[float],
    edges: Sequence[tuple[float, float]],
    absent: float,
    how: str,
) -> Page:
    """How starts and ends became answers.

    Args:
        texts: the likeliest spans, in order; none if no span has a probability.
        spans: the positions of each one's first and last token.
        edges: the probabilities of the start and the end, of the likeliest span if there is one, and of the first
            token, which stands for "not in the text".
        absent: the probability of that.
        how: which spans are allowed, and how the likeliest one's tokens became characters.
    """
    columns = (
        column("p", probabilities, Form.PERCENT),
        column("from", (first for first, _ in spans)),
        column("to", (last for _, last in spans)),
        column("span", texts),
    )
    best = [_product("answer", spans[0], edges[0], probabilities[0])] if texts else []
    return page(
        "spans",
        *([table(*columns)] if texts else []),
        *best,
        _product(ABSENT, (0, 0), edges[-1], absent),
        Paragraph(how),
        picture=Bars("Which span is the answer", (*texts, ABSENT), (*probabilities, absent)),
    )


def _product(name: str, span: tuple[int, int], edges: tuple[float, float], probability: float) -> Formula:
    return Formula(
        (
            f"p({name})",
            f"= p(starts with {span[0]}) × p(ends with {span[1]})",
            ("= ", Number(edges[0], Form.FOUR), " × ", Number(edges[1], Form.FOUR)),
            ("= ", Number(probability, Form.FOUR)),
        )
    )


def _quote(request: AnswerRequest, one: Pointing, first: int, last: int) -> str:
    span = answer.span_of(one.window, first, last)
    return request.context[span.start : span.end]


def _characters(request: AnswerRequest, one: Pointing) -> str:
    """How the tokens of the likeliest span became characters."""
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
    """What was found in each window of the context.

    Args:
        texts: the likeliest answer in each.
        absent: the probability that the answer is not in this window.
        how: which of them count.
    """
    columns = (
        column("p", probabilities, Form.PERCENT),
        column("none", absent, Form.PERCENT),
        column("in", names),
        column("answer", texts),
    )
    picture = Bars("The likeliest answer's p", tuple(names), tuple(probabilities))
    return page("windows", table(*columns), Paragraph(how), picture=picture)


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


def explain_writing(head: CausalLM, request: AnswerRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model.

    Args:
        written: the answer's token ids; without any, it is written first.

    Raises:
        InvalidRequest: the checkpoint cannot have written it.
    """
    from bot.inference.heads.generation.sampling import Sampling

    ids = tuple(token for text in written for token in text)
    check_vocabulary(head, ids)
    made = yield from answer.guess(head, request, ids, alone=True)
    truncated = "the end of the context" if made.truncated else None
    pages, sentence = yield from continuations(
        head, made.prompt, [made.ids], Sampling.likeliest(), truncated=truncated, stop="\n"
    )
    return explanation(
        text_page(SHOWN, answer.PROMPT.format(context=made.context, question=request.question)),
        *pages,
        _quotation(head, request, made),
        *([] if made.weighing is None else [_weighed(head, made.weighing)]),
        decision_page(Paragraph(sentence), *_weighed_decision(made)),
    )


SHOWN = (
    "A language model cannot point at a place, it only goes on with a text. So the context and the question stand "
    "behind two texts with answered questions, which also show what to write where there is no answer: "
    f"“{answer.NO_ANSWER}”."
)


def _quotation(head: CausalLM, request: AnswerRequest, made: Guess) -> Page:
    line = answer.first_line(head, made.ids).strip()
    if made.span is None:
        return quotation_page(line, made.text, "", _unmarked(made))
    quote = request.context[made.span.start : made.span.end]
    where = f"the characters {made.span.start} to {made.span.end - 1} (counted from 0)"
    if same_words(quote, made.text):
        how = f"The answer stands in the context: {where}."
    else:
        how = (
            "The context does not say it in exactly these words. Of the answer's words, the longest run that stands in "
            f"the context is marked there, {where}. It has to have {QUOTED_SHARE:.0%} of the answer's letters, and all "
            "of its numbers."
        )
    return quotation_page(line, made.text, quote, f"{how} {NEAREST}")


def quotation_page(line: str, text: str, quote: str, how: str) -> Page:
    """Where a written answer stands in the context.

    Args:
        line: as the model wrote it.
        text: the line, tidied up.
        quote: the part of the context that is marked; "" for none.
        how: why that one, or why none.
    """
    texts = {"Written": line, "Tidied up": "" if text == line else text, "Marked in the context": quote}
    shown = [(Paragraph(f"{name}:"), Quote(one)) for name, one in texts.items() if one.strip()]
    return page("quotation", *(block for pair in shown for block in pair), Paragraph(how))


def _unmarked(made: Guess) -> str:
    if not made.text:
        return "The model wrote nothing that could be looked for."
    if made.weighing is None:
        return "There is nothing to look for: by this line the model says that the text has no answer."
    return (
        f"No run of its words with {QUOTED_SHARE:.0%} of its letters and all of its numbers stands in the context, so "
        "these are the model's own words, and nothing is marked."
    )


def _weighed(head: CausalLM, made: Weighing) -> Page:
    after, usual = float(made.after.sum()), float(made.usual.sum())
    gain = after - usual
    argument = f"{number(gain)} {MINUS} {made.needed:g}"
    how = (
        f"The context makes the answer likelier by {difference(after, usual)} = {number(gain)}. For an even chance "
        f"that has to be {answer.QUOTED_GAIN:g} where the context says it so, and {answer.OWN_GAIN:g} where these "
        f"are the model's own words; here it is {made.needed:g}. The probability of the answer is "
        f"{sigmoid_of(argument, made.probability)}, and the rest is that of “{ABSENT}”."
    )
    return weighed_answer_page(head.tokens(made.answer), made.after.tolist(), made.usual.tolist(), answer.NEUTRAL, how)


def weighed_answer_page(
    tokens: Sequence[Token], after: Sequence[float], usual: Sequence[float], neutral: str, how: str
) -> Page:
    """By how much the context makes a written answer likelier.

    Args:
        after: each token's log-probability after the context.
        usual: the same after a text that says nothing about it.
        neutral: that text.
        how: how the probability comes about, with the constants.
    """
    gains = [one - other for one, other in zip(after, usual, strict=True)]
    shown = table(
        column("log p", after, Form.TWO, sum(after)),
        column("base", usual, Form.TWO, sum(usual)),
        column("gain", gains, Form.SIGNED_TWO, sum(after) - sum(usual)),
        column("token", tokens, total="sum"),
    )
    chips = tuple(Token(one.text, one.id, special=False, starts_word=True) for one in tokens)
    return page(
        "weighed-answer",
        Paragraph("log p of the answer's tokens after the context, after the neutral text (base), and the difference:"),
        shown,
        Paragraph(how),
        Paragraph("The neutral text:"),
        Quote(neutral),
        picture=Bars("What the context adds to each token's log p", chips, tuple(gains), probabilities=False),
    )


def _weighed_decision(made: Guess) -> tuple[Block, ...]:
    if made.weighing is None:
        said = f"wrote “{made.text}”" if made.text else "wrote nothing"
        return decided(f"The model {said}, so the answer is “{ABSENT}”.", ABSENT, 1.0)
    probability = made.weighing.probability
    if 1 - probability > probability:
        said = f"That is less than an even chance for “{made.text}”, so the answer is “{ABSENT}”."
        return decided(said, ABSENT, 1 - probability)
    return decided(f"The context speaks for it, so the answer is “{made.text}”.", made.text, probability)
