"""Sentences of explanations, with numbers and calculations in them."""

from __future__ import annotations

from collections.abc import Sequence
from string import Formatter

from bot.text.tables import read_table

MINUS = "\N{MINUS SIGN}"
SHOWN_TERMS = 6
"""The most terms of a sum that are written out."""

SENTENCES: dict[str, dict[str, str]] = read_table("bot.tasks.work", "sentences.toml")


class _Numbers(Formatter):
    def format_field(self, value: object, format_spec: str) -> str:
        match value, format_spec:
            case float(), "":
                return number(value)
            case float(), "()":
                return in_brackets(value)
            case _:
                return format(value, format_spec)


def filled(template: str, /, **values: object) -> str:
    """Format a template as `str.format` does, except for floats.

    A float without a format has four decimals; with the format `()` it has brackets if it is negative, because it
    stands after a sign.
    """
    return _Numbers().format(template, **values)


def sentence(key: str, /, **values: object) -> str:
    """Return a text of `sentences.toml`, such as "fill.proposed", with its fields `filled`."""
    section, name = key.split(".")
    return filled(SENTENCES[section][name], **values)


def number(value: float) -> str:
    """Write a number with four decimals, or with three digits if it is small."""
    text = f"{value:.4f}" if abs(value) >= 0.01 or value == 0 else f"{value:.3g}"
    return text.replace("-", MINUS)


def in_brackets(value: float) -> str:
    """Write a number that may stand after a sign: in brackets if it has one itself."""
    return f"({number(value)})" if value < 0 else number(value)


def softmax_of(values: Sequence[float], index: int, probability: float) -> str:
    """Work out one probability of a softmax: `exp(1.0000) / (exp(1.0000) + exp(2.0000)) = 0.2689`.

    Args:
        index: of the value whose probability it is.
    """
    terms = [f"exp({number(value)})" for value in values]
    shown = terms if len(terms) <= SHOWN_TERMS else [*terms[: SHOWN_TERMS - 2], "…", terms[-1]]
    return f"{terms[index]} / ({' + '.join(shown)}) = {number(probability)}"
