"""Numbers and decisions in words."""

from __future__ import annotations

from collections.abc import Sequence

from bot.tasks.scores import LabelScore
from bot.tasks.work.pieces import Decision

MINUS = "\N{MINUS SIGN}"
SHOWN_TERMS = 6
"""The most terms of a sum that are written out."""


def number(value: float) -> str:
    """A number with four decimals, or with three digits where it is small."""
    text = f"{value:.4f}" if abs(value) >= 0.01 or value == 0 else f"{value:.3g}"
    return text.replace("-", MINUS)


def difference(first: float, second: float) -> str:
    """A subtraction: `1.5000 − 0.5000`, `1.5000 − (−0.5000)`."""
    return f"{number(first)} {MINUS} {in_brackets(second)}"


def in_brackets(value: float) -> str:
    """A number that may stand after a sign: in brackets where it has one itself."""
    return f"({number(value)})" if value < 0 else number(value)


def softmax_of(values: Sequence[float], place: int, probability: float) -> str:
    """One probability of a softmax, with the numbers put in: `exp(1.0000) / (exp(1.0000) + exp(2.0000)) = 0.2689`.

    Args:
        values: what the softmax is over.
        place: of the value that it is about.
        probability: what came out.
    """
    terms = [f"exp({number(value)})" for value in values]
    shown = terms if len(terms) <= SHOWN_TERMS else [*terms[: SHOWN_TERMS - 2], "…", terms[-1]]
    return f"{terms[place]} / ({' + '.join(shown)}) = {number(probability)}"


def sigmoid_of(value: str, probability: float) -> str:
    """A sigmoid with its number put in; the number may be written as a sum or a fraction."""
    return f"sigmoid({value}) = {number(probability)}"


def largest(scores: Sequence[LabelScore]) -> Decision:
    """The likeliest label is the answer.

    Args:
        scores: likeliest first.
    """
    label, probability = scores[0].label, scores[0].probability
    return Decision(f"The largest probability is that of {label}, so the answer is {label}.", label, probability)


def applying(scores: Sequence[LabelScore]) -> Decision:
    """Every label is judged on its own.

    Args:
        scores: likeliest first.
    """
    label, probability = scores[0].label, scores[0].probability
    applies = [score.label for score in scores if score.probability > 0.5]
    if applies:
        found = f"Above one half, so that they apply: {', '.join(applies)}."
    else:
        found = f"None is above one half; the nearest is {label}."
    return Decision(f"Each label has a probability of its own. {found}", label, probability)
