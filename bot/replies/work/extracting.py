"""How an answer was found in a text: its start and its end, or a written answer that is looked for."""

from __future__ import annotations

import math
from functools import partial

from bot.pictures.bars import Unit, bars
from bot.pictures.wording import MINUS, as_chip
from bot.replies.work.blocks import Block, Formula, Paragraph, Quote, Table
from bot.replies.work.numbers import decimal, percent, signed, token_text
from bot.replies.work.page import Page
from bot.tasks.work.pieces import (
    Edge,
    EdgeLogits,
    EdgeToken,
    Quotation,
    SpanCandidate,
    SpanCandidates,
    WeighedAnswer,
    WindowAnswers,
)

MOST_TOKENS = 12
"""The likeliest that are shown; the file has all."""
LARGE = 1_000
"""Logits from here on leave no room for decimals."""

_SIDES = {Edge.START: "starts", Edge.END: "ends"}
EDGE_ABOUT = {
    Edge.START: (
        "The head gives each token a **start logit**: how much it looks like the first token of the answer. Softmax "
        "goes over the context's tokens and the first one of all, which stands for “not in the text”."
    ),
    Edge.END: (
        "Each token has an **end logit** too: how much it looks like the last token of the answer. It has a softmax of "
        "its own, over the same tokens."
    ),
}
SPAN_ABOUT = (
    "A span of the context is as likely to be the answer as that it starts with its first token, times that it ends "
    "with its last one."
)
WINDOWS_ABOUT = "Each window of the context gives an answer of its own, and says how likely it is that it has none."
QUOTATION_ABOUT = (
    "An answer should be in the text's own words. So what was written, without quotation marks and a full stop at its "
    "end, is looked for in the context, whatever its case and its punctuation."
)
WEIGHED_ABOUT = (
    "A language model always writes something, also where the text has no answer. So what it wrote is weighed twice: "
    "after the context, and in the same prompt after a text that is about nothing in particular. What the context "
    "makes no likelier is a guess."
)


def edge_page(piece: EdgeLogits) -> Page:
    """Where the answer may begin (or end): logits, and their softmax with the numbers put in."""
    ranked = sorted(piece.tokens, key=lambda one: -one.probability)
    side = _SIDES[piece.edge]
    within = f" of {piece.window}" if piece.window else ""
    facts = (
        f"{len(piece.tokens):,} tokens{within} take part. The other {piece.masked:,}, the question's among them, are "
        "masked: whatever their logits are, their probability is 0."
    )
    rows = tuple(
        (decimal(one.logit, 2), percent(one.probability), str(one.place), token_text(one.token)) for one in ranked
    )
    table = Table(("logit", "p", "#", "token"), rows, most=MOST_TOKENS)
    formula = [] if piece.chosen is None else [_softmax(piece, piece.tokens[piece.chosen])]
    draw = partial(
        bars,
        [f"{one.place} {as_chip(one.token.text)}" for one in ranked[:MOST_TOKENS]],
        [one.probability for one in ranked[:MOST_TOKENS]],
        f"With which token the answer {side}",
    )
    return Page(f"{piece.edge.capitalize()} logits", EDGE_ABOUT[piece.edge], (Paragraph(facts), table, *formula), draw)


def _softmax(piece: EdgeLogits, one: EdgeToken) -> Formula:
    """The probability of a token, with the numbers put in."""
    largest = max(other.logit for other in piece.tokens)
    total = sum(math.exp(other.logit - largest) for other in piece.tokens)
    digits = 3 if max(abs(one.logit), abs(largest)) < LARGE else 0
    exponent = f"{decimal(one.logit, digits)} − {_in_brackets(decimal(largest, digits))}"
    return Formula(
        (
            f"p({_SIDES[piece.edge]} with token {one.place})",
            "= e^(z − max) / Σ e^(z − max)",
            f"= e^({exponent}) / {decimal(total)}",
            f"= {decimal(math.exp(one.logit - largest))} / {decimal(total)}",
            f"= {decimal(one.probability, 4)}",
        )
    )


def _in_brackets(number: str) -> str:
    """A number that stands after a sign: in brackets where it has one itself."""
    return f"({number})" if number.startswith(MINUS) else number


def candidates_page(piece: SpanCandidates) -> Page:
    """The likeliest spans, the product of the best one, and that of "not in the text"."""
    all_of_them = [*piece.candidates, piece.absent]
    rows = tuple((percent(one.probability), str(one.first), str(one.last), one.text) for one in piece.candidates)
    blocks: list[Block] = [Table(("p", "from", "to", "span"), rows)] if rows else []
    blocks += [_product(one, "answer") for one in piece.candidates[:1]]
    blocks += [_product(piece.absent, "not in the text"), Paragraph(piece.how)]
    draw = partial(
        bars, [one.text for one in all_of_them], [one.probability for one in all_of_them], "Which span is the answer"
    )
    return Page("Start × end", SPAN_ABOUT, tuple(blocks), draw)


def _product(one: SpanCandidate, name: str) -> Formula:
    return Formula(
        (
            f"p({name})",
            f"= p(starts with {one.first}) × p(ends with {one.last})",
            f"= {decimal(one.start, 4)} × {decimal(one.end, 4)}",
            f"= {decimal(one.probability, 4)}",
        )
    )


def windows_page(piece: WindowAnswers) -> Page:
    """What each window says."""
    rows = tuple((percent(one.probability), percent(one.absent), one.name, one.text) for one in piece.rows)
    table = Table(("p", "none", "in", "answer"), rows)
    draw = partial(
        bars, [one.name for one in piece.rows], [one.probability for one in piece.rows], "The likeliest answer's p"
    )
    return Page("Windows", WINDOWS_ABOUT, (table, Paragraph(piece.how)), draw)


def quotation_page(piece: Quotation) -> Page:
    """What was written, and what of the context says it."""
    texts = {"Written": piece.line, "Tidied up": piece.answer, "Marked in the context": piece.quote}
    if piece.answer == piece.line:
        del texts["Tidied up"]
    shown: list[Block] = [
        block for name, text in texts.items() if text.strip() for block in (Paragraph(f"{name}:"), Quote(text))
    ]
    return Page("In the context", QUOTATION_ABOUT, (*shown, Paragraph(piece.how)))


def weighed_answer_page(piece: WeighedAnswer) -> Page:
    """Each token's log-probability after both texts, and their sums."""
    rows = tuple(
        (decimal(one.after, 2), decimal(one.usual, 2), signed(one.after - one.usual, 2), token_text(one.token))
        for one in piece.tokens
    )
    after, usual = (sum(values) for values in zip(*((one.after, one.usual) for one in piece.tokens), strict=True))
    total = (decimal(after, 2), decimal(usual, 2), signed(after - usual, 2), "sum")
    draw = partial(
        bars,
        [as_chip(one.token.text) for one in piece.tokens],
        [one.after - one.usual for one in piece.tokens],
        "What the context adds to each token's log p",
        Unit.NUMBER,
    )
    blocks = (
        Paragraph("log p of the answer's tokens after the context, after the neutral text (base), and the difference:"),
        Table(("log p", "base", "gain", "token"), rows, (total,)),
        Paragraph(piece.how),
        Paragraph("The neutral text:"),
        Quote(piece.neutral),
    )
    return Page("Answer weighed", WEIGHED_ABOUT, blocks, draw)
