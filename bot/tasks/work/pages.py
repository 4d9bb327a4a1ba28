"""Pages that several explanations have: the text, logits, weighed labels, the decision."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from bot.inference.requests import LabelScore
from bot.tasks.scores import Floats
from bot.tasks.work import blocks
from bot.tasks.work.blocks import Block, Explanation, Page, column, formula, table
from bot.tasks.work.temperatures import at_temperatures
from bot.tasks.work.texts import Form, Sentence, Short, Text, Words, four, joined
from bot.tasks.work.wording import later, listed, sentence
from bot.text.tables import read_table

LARGE = 15.0
"""Logits from here on have powers of e that are too long to read."""
MOST_TERMS = 3
"""Of a sum that is written out."""
LABEL = 14
"""Columns of a label in a formula."""
PAGES: dict[str, dict[str, str]] = read_table("bot.tasks.work", "pages.toml")
"""Name and introduction of each page, by its key."""

Shown: TypeAlias = Block | str | Sentence | tuple[Text, ...]
"""A block, or the text of a paragraph."""


def page(
    key: str, *content: Shown, picture: blocks.Picture | None = None, before: Words = "", behind: Words = ""
) -> Page:
    """Return a page of `PAGES`; words before or behind its name are separated from it by a colon."""
    name: Words = Sentence(PAGES[key]["name"])
    if before:
        name = sentence("names.of-page", before=before, behind=name)
    if behind:
        name = sentence("names.of-page", before=name, behind=behind)
    paragraphs = (blocks.Paragraph(one) if isinstance(one, str | Sentence | tuple) else one for one in content)
    return Page(name, Sentence(PAGES[key]["about"]), tuple(paragraphs), picture)


def key_of(one: Page) -> str:
    """Return the key of a page in `PAGES`; "" if there is none, as of a page from another version."""
    about = one.about if isinstance(one.about, str) else one.about.template
    return next((key for key, texts in PAGES.items() if texts["about"] == about), "")


def explanation(*pages: Page) -> Explanation:
    """Return an explanation in which pages of the same name are numbered."""
    # People choose a page by its name in a menu.
    total, seen = Counter(one.name for one in pages), Counter[Words]()

    def numbered() -> Iterator[Page]:
        for one in pages:
            if total[one.name] == 1:
                yield one
                continue
            seen[one.name] += 1
            yield replace(one, name=sentence("names.again", name=one.name, number=seen[one.name]))

    return Explanation(tuple(numbered()))


def text_page(how: Text, *texts: str, to_end: bool = False) -> Page:
    """Show the text as the model is given it.

    Args:
        how: the changes that the task has made to the user's text, in words.
        texts: one for each sequence that the model reads; one that is paired with each of the others comes first.
        to_end: the end of the texts says more than their start.
    """
    return page("text", (how,), *(blocks.Quote(text, to_end) for text in texts))


def logits_page(
    labels: Sequence[str],
    logits: Sequence[float],
    probabilities: Sequence[float],
    *,
    independent: bool = False,
    first: Sequence[tuple[Text, ...]] = (),
) -> Page:
    """Show the logits of a classification head, and their softmax or sigmoid with the numbers put in.

    Args:
        labels: `id2label`, in the order of the ids.
        independent: each label is judged on its own, by the sigmoid.
        first: paragraphs before the others.
    """
    order = sorted(range(len(labels)), key=lambda index: -probabilities[index])
    names, values = [labels[index] for index in order], [logits[index] for index in order]
    shares = [probabilities[index] for index in order]
    picture = blocks.Bars(later("Probabilities"), tuple(names), tuple(shares))
    title, result = ("p(", Short(names[0], LABEL), ")"), ("= ", four(shares[0]))
    if independent:
        powers = [math.exp(min(-value, 700)) for value in values]  # from 710 on, exp overflows
        numbers = table(column(later("logit"), values), column("e^-z", powers), *shares_table(names, shares).columns)
        worked_out = formula(title, ("= 1 / (1 + e^", -values[0], ")"), ("= 1 / (1 + ", powers[0], ")"), result)
        return page("sigmoid", *first, numbers, worked_out, picture=picture)
    shift = max(logits) if max(map(abs, logits)) > LARGE else 0.0
    powers, total = [math.exp(value - shift) for value in values], sum(math.exp(logit - shift) for logit in logits)
    numbers = table(
        column(later("logit"), values),
        column("e^(z-max)" if shift else "e^z", powers, total=total),
        # Not 99.9 % for a sum that rounding leaves just below 1.
        column("p", shares, Form.PERCENT, round(sum(probabilities), 9)),
        column(later("label"), names, total=later("sum")),
    )
    terms: list[Text] = [("e^", value - shift) for value in values]
    divided = ("  / (", joined(terms, MOST_TERMS), ")")
    worked_out = formula(title, ("= ", terms[0]), divided, ("= ", powers[0], " / ", total), result)
    shifted = [sentence("pages.shifted")] if shift else []
    made = page("softmax", *first, numbers, *shifted, worked_out, picture=picture)
    return replace(made, variants=at_temperatures(logits, order, names, 0, later("Probabilities"), later("label")))


def weighed_page(labels: Sequence[str], numbers: Sequence[Floats] | Floats, how: Text) -> Page:
    """Show labels that a causal language model has scored.

    Args:
        numbers: of each label: its log-probability after the text, a mean over prompts and words; the same measured
            without the text (the calibration); the score, which goes into the function; its probability.
        how: how scores and probabilities come about, with the constants.
    """
    log_probs, baselines, scores, probabilities = (one.tolist() for one in numbers)
    title = later("Score: how much the text speaks for a label")
    return page(
        "weighed",
        table(
            column("log p", log_probs, Form.TWO),
            # Translators: short for the baseline, the title of a narrow column of numbers.
            column(later("base"), baselines, Form.TWO),
            column(later("score"), scores, Form.SIGNED_TWO),
            column(later("label"), labels),
        ),
        (how,),
        shares_table(labels, probabilities),
        picture=blocks.Bars(title, tuple(labels), tuple(scores), probabilities=False),
    )


def shares_table(labels: Sequence[Text], probabilities: Sequence[float], title: Words | None = None) -> blocks.Table:
    """Return a table of labels with their probabilities."""
    return table(column("p", probabilities, Form.PERCENT), column(later("label") if title is None else title, labels))


def decision_page(*content: Shown) -> Page:
    """Return the last page, with the answer."""
    return page("decision", *content)


def decided(said: Text, label: Words, probability: float) -> tuple[Block, ...]:
    """Return a sentence about the answer, and the answer itself."""
    return blocks.Paragraph(said), blocks.Bar(label, probability)


def largest(scores: Sequence[LabelScore]) -> tuple[Block, ...]:
    """Say that the likeliest label is the answer; it comes first."""
    best = scores[0]
    return decided(sentence("pages.largest", label=best.label), best.label, best.probability)


def applying(scores: Sequence[LabelScore]) -> tuple[Block, ...]:
    """Say which labels apply if several may; the likeliest comes first."""
    best, applies = scores[0], [score.label for score in scores if score.probability > 0.5]
    if applies:
        said = sentence("pages.some-apply", labels=listed(applies))
    else:
        said = sentence("pages.none-applies", nearest=best.label)
    return decided(said, best.label, best.probability)
