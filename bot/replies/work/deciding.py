"""How numbers become an answer: logits, their softmax, and what was decided."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

from bot.pictures import attribution
from bot.pictures.bars import Unit, bars
from bot.pictures.wording import as_chip
from bot.replies.formatting.bars import bar_line, plain_line
from bot.replies.formatting.text import escape, fit
from bot.replies.work.blocks import Block, Formula, Line, Paragraph, Table, cut_to
from bot.replies.work.numbers import decimal, percent, signed, token_text
from bot.replies.work.page import Page
from bot.tasks.work.pieces import (
    Attribution,
    Decision,
    Function,
    Inferences,
    Logits,
    MaskCandidates,
    OmittedAttribution,
    PostponedAttribution,
    RescoredCandidates,
    WeighedLabels,
)

LARGE = 15.0
"""Logits from here on have powers of e that are too long to read."""
MOST_TERMS = 3
"""Of a sum that is written out."""
LABEL = 14
"""Columns of a label in a formula."""
DECISION_LABEL = 200

SOFTMAX_ABOUT = (
    "The classification head gives each label a number, its **logit**. Softmax makes probabilities of them that add up "
    "to 100 %: `p = e^z / Σ e^z`, where z is the logit."
)
SHIFTED = "Here the largest logit is subtracted from all of them first; the probabilities stay the same."
SIGMOID_ABOUT = (
    "The classification head gives each label a number, its **logit**. Here each label is judged on its own: the "
    "sigmoid makes a probability of each, `p = 1 / (1 + e^-z)`, where z is the logit."
)
MASK_ABOUT = (
    "At the hidden place the model has a logit for every token of its vocabulary. Softmax over all of them makes "
    "probabilities; of the tokens that are words, these got the largest."
)
MOST_LEFT_OUT = 5
RESCORED_ABOUT = (
    "This model writes from left to right and cannot look behind a gap. So it proposes words, each is put in place, "
    "and the whole sentence is weighed: log p is the logarithm of its probability."
)
INFERENCE_ABOUT = (
    "Each label becomes a sentence, and the model judges whether the text supports it (**entailment**), contradicts it "
    "(**contradiction**), or neither (**neutral**)."
)
WEIGHED_ABOUT = (
    "This model only predicts text. So each label is scored by how likely the model is to write it after the text "
    "(log p), measured against how likely it is anyway (base)."
)
ATTRIBUTION_ABOUT = (
    "Which tokens spoke for the label, and which against it? A score above zero spoke for it. Together the scores make "
    "up what the text changed in the number that is explained."
)
ATTRIBUTION_NAME = "Which words mattered"
COMPUTING = (
    "*Computing: the model reads the text dozens of times, which takes a few seconds, and up to half a minute for a "
    "long text. If no scores appear, turn to another page and come back.*"
)
NOT_IN_FILE = "Not in this file: this is computed when its page is opened."
DECISION_ABOUT = "What the numbers come to."


def logits_page(piece: Logits) -> Page:
    """The logits, the function, and the numbers put in."""
    softmax = piece.function is Function.SOFTMAX
    order = sorted(range(len(piece.labels)), key=lambda index: -piece.probabilities[index])
    table = _softmax_table(piece, order) if softmax else _sigmoid_table(piece, order)
    formula = _softmax_formula(piece, order) if softmax else _sigmoid_formula(piece, order[0])
    notes = [Paragraph(SHIFTED)] if softmax and _shift(piece.logits) else []
    draw = partial(
        bars, [piece.labels[index] for index in order], [piece.probabilities[index] for index in order], "Probabilities"
    )
    name = "Logits and softmax" if softmax else "Logits and sigmoid"
    return Page(name, SOFTMAX_ABOUT if softmax else SIGMOID_ABOUT, (table, *notes, formula), draw)


def mask_page(piece: MaskCandidates) -> Page:
    """The likeliest tokens at a mask."""
    rows = tuple(
        ("" if one.logit is None else decimal(one.logit, 2), percent(one.probability), str(one.id), as_chip(one.text))
        for one in piece.candidates
    )
    where = Paragraph(f"Mask {piece.mask} is token {piece.position} of the text.")
    draw = partial(
        bars, [as_chip(one.text) for one in piece.candidates], [one.probability for one in piece.candidates], "Mask"
    )
    table = Table(("logit", "p", "id", "token"), rows)
    return Page(f"Mask {piece.mask}: logits", MASK_ABOUT, (where, table, *_left_out(piece)), draw)


def _left_out(piece: MaskCandidates) -> Iterator[Paragraph]:
    """What was likelier than the last word, and is no guess."""
    if not piece.left_out:
        return
    named = [f"{as_chip(one.text)} (id {one.id}) {percent(one.probability)}" for one in piece.left_out[:MOST_LEFT_OUT]]
    further = len(piece.left_out) - len(named)
    names = ", ".join(named) + (f" and {further} more" if further else "")
    yield Paragraph(
        f"Left out, because special tokens, white space and parts of characters are no words: {names}. The words keep "
        "their probabilities: these are not shared among them."
    )


def rescored_page(piece: RescoredCandidates) -> Page:
    """The words that were proposed, and how likely each made the sentence."""
    if any(one.as_answer for one in piece.candidates):
        titles: tuple[str, ...] = ("log p", "asked", "share", "word")
    else:
        titles = ("log p", "share", "word")
    rows = []
    for one in piece.candidates:
        asked = [decimal(one.as_answer, 2)] if len(titles) == 4 else []
        rows.append((decimal(one.log_probability, 2), *asked, percent(one.probability), one.word))
    draw = partial(
        bars, [one.word for one in piece.candidates], [one.probability for one in piece.candidates], "Candidates"
    )
    table = Table(titles, tuple(rows))
    return Page(f"Mask {piece.mask}: candidates", RESCORED_ABOUT, (Paragraph(piece.how), table), draw)


def inferences_page(piece: Inferences) -> Page:
    """The logits of natural language inference for each label."""
    titles = (*(_short(name) for name in piece.classes), "label")
    rows = tuple((*(decimal(logit, 2) for logit in row.logits), row.label) for row in piece.rows)
    legend = Paragraph(f"Logits: {', '.join(f'{_short(name)} is {name}' for name in piece.classes)}.")
    draw = partial(bars, [row.label for row in piece.rows], [row.probability for row in piece.rows], "Labels")
    shares = Table(("p", "label"), tuple((percent(row.probability), row.label) for row in piece.rows))
    return Page("Entailment", INFERENCE_ABOUT, (Table(titles, rows), legend, Paragraph(piece.how), shares), draw)


def weighed_page(piece: WeighedLabels) -> Page:
    """Each label's log-probability, its baseline, and their difference."""
    rows = tuple(
        (decimal(row.log_probability, 2), decimal(row.baseline, 2), signed(row.score, 2), row.label)
        for row in piece.rows
    )
    shares = tuple((percent(row.probability), row.label) for row in piece.rows)
    draw = partial(
        bars,
        [row.label for row in piece.rows],
        [row.score for row in piece.rows],
        "Score: how much the text speaks for a label",
        Unit.NUMBER,
    )
    blocks = (
        Table(("log p", "base", "score", "label"), rows),
        Paragraph(piece.how),
        Table(("p", "label"), shares),
    )
    return Page("Labels weighed", WEIGHED_ABOUT, blocks, draw)


def postponed_page(piece: PostponedAttribution) -> Page:
    """What is shown while the scores are computed; in a file, why they are not there."""
    return Page(ATTRIBUTION_NAME, ATTRIBUTION_ABOUT, (Line(COMPUTING, NOT_IN_FILE),), postponed=True)


def omitted_page(piece: OmittedAttribution) -> Page:
    """Why there are no scores."""
    why = (
        f"This text is too long for scores. The model reads {piece.tokens:,} tokens here, each dozens of times, which "
        f"would take minutes; up to {piece.most:,} tokens are read for scores, everything around the text included. "
        "Try a shorter text to see which of its words mattered."
    )
    return Page(ATTRIBUTION_NAME, ATTRIBUTION_ABOUT, (Paragraph(why),))


def attribution_page(piece: Attribution) -> Page:
    """How much each token spoke for a label."""
    pairs = list(zip(piece.tokens, piece.scores, strict=True))
    ranked = sorted(pairs, key=lambda pair: -abs(pair[1]))
    rows = tuple((signed(score), token_text(token)) for token, score in ranked)
    total = (
        f"The scores add up to {signed(sum(piece.scores))}; the difference to explain is {signed(piece.difference)}."
    )
    scored = [attribution.ScoredToken(token.text, score, token.starts_word) for token, score in pairs]
    draw = partial(attribution.attribution, scored, piece.label, f"What spoke for {piece.label}", total)
    facts = Paragraph(f"For {piece.label}, by {piece.method}. {total}")
    return Page(ATTRIBUTION_NAME, ATTRIBUTION_ABOUT, (facts, Table(("score", "token"), rows)), draw)


def decision_page(found: Sequence[Decision]) -> Page:
    """What the answer says."""
    return Page("Decision", DECISION_ABOUT, tuple(block for piece in found for block in _decided(piece)))


def _decided(piece: Decision) -> Iterator[Block]:
    yield Paragraph(piece.sentence)
    if piece.label is not None and piece.probability is not None:
        label = fit(piece.label, DECISION_LABEL, escape)[0]
        shown = f"**{label}**" if label.strip() else label
        yield Line(bar_line(piece.probability, shown), plain_line(piece.probability, piece.label))


def _shift(logits: Sequence[float]) -> float:
    """What is subtracted from all logits so that their powers can be read; 0 where they can."""
    return max(logits) if max(map(abs, logits)) > LARGE else 0.0


def _softmax_table(piece: Logits, order: Sequence[int]) -> Table:
    shift = _shift(piece.logits)
    powers = [math.exp(logit - shift) for logit in piece.logits]
    rows = tuple(
        (decimal(piece.logits[index]), decimal(powers[index]), percent(piece.probabilities[index]), piece.labels[index])
        for index in order
    )
    titles = ("logit", "e^(z-max)" if shift else "e^z", "p", "label")
    return Table(titles, rows, (("", decimal(sum(powers)), percent(round(sum(piece.probabilities), 9)), "sum"),))


def _sigmoid_table(piece: Logits, order: Sequence[int]) -> Table:
    rows = tuple(
        (
            decimal(piece.logits[index]),
            decimal(math.exp(min(-piece.logits[index], 700))),
            percent(piece.probabilities[index]),
            piece.labels[index],
        )
        for index in order
    )
    return Table(("logit", "e^-z", "p", "label"), rows)


def _softmax_formula(piece: Logits, order: Sequence[int]) -> Formula:
    """The largest probability, with the numbers put in."""
    shift = _shift(piece.logits)
    first = order[0]
    terms = [f"e^{decimal(piece.logits[index] - shift)}" for index in order]
    if len(terms) > MOST_TERMS:
        terms = [*terms[: MOST_TERMS - 1], "…"]
    powers = [math.exp(logit - shift) for logit in piece.logits]
    name = f"p({cut_to(piece.labels[first], LABEL)})"
    return Formula(
        (
            name,
            f"= {terms[0]}",
            f"  / ({' + '.join(terms)})",
            f"= {decimal(powers[first])} / {decimal(sum(powers))}",
            f"= {decimal(piece.probabilities[first], 4)}",
        )
    )


def _sigmoid_formula(piece: Logits, first: int) -> Formula:
    logit = piece.logits[first]
    power = math.exp(min(-logit, 700))
    return Formula(
        (
            f"p({cut_to(piece.labels[first], LABEL)})",
            f"= 1 / (1 + e^{decimal(-logit)})",
            f"= 1 / (1 + {decimal(power)})",
            f"= {decimal(piece.probabilities[first], 4)}",
        )
    )


def _short(name: str) -> str:
    """The title of a class's column: "ent" for "entailment"."""
    return name[:3]
