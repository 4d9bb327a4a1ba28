"""Numbers and calculations within sentences."""

from __future__ import annotations

from collections.abc import Sequence

MINUS = "\N{MINUS SIGN}"
SHOWN_TERMS = 6
"""The most terms of a sum that are written out."""


def number(value: float) -> str:
    """Write a number with four decimals, or with three digits if it is small."""
    text = f"{value:.4f}" if abs(value) >= 0.01 or value == 0 else f"{value:.3g}"
    return text.replace("-", MINUS)


def difference(first: float, second: float) -> str:
    """Write a subtraction: `1.5000 − 0.5000`, `1.5000 − (−0.5000)`."""
    return f"{number(first)} {MINUS} {in_brackets(second)}"


def in_brackets(value: float) -> str:
    """Write a number that may stand after a sign: in brackets if it has one itself."""
    return f"({number(value)})" if value < 0 else number(value)


def softmax_of(values: Sequence[float], index: int, probability: float) -> str:
    """Work out one probability of a softmax: `exp(1.0000) / (exp(1.0000) + exp(2.0000)) = 0.2689`.

    Args:
        values: what the softmax is over.
        index: of the value that it is about.
        probability: what came out.
    """
    terms = [f"exp({number(value)})" for value in values]
    shown = terms if len(terms) <= SHOWN_TERMS else [*terms[: SHOWN_TERMS - 2], "…", terms[-1]]
    return f"{terms[index]} / ({' + '.join(shown)}) = {number(probability)}"


def sigmoid_of(value: str, probability: float) -> str:
    """Work out a sigmoid; its number may be written as a sum or a fraction."""
    return f"sigmoid({value}) = {number(probability)}"
