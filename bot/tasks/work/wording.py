"""Sentences of explanations, with numbers and calculations in them.

They are translated when a page is read, by somebody whose language the worker does not know, so each is a
`texts.Sentence`: its template, and its values as texts. `sentence` takes the template from `sentences.toml`; `later`
and `later_plural` take it from the code, where translators' tools find it by the name of the function.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from bot.tasks.work.texts import Form, Listed, Number, Sentence, Text, bracketed, joined
from bot.text.tables import read_table

SHOWN_TERMS = 6
"""The most terms of a sum that are written out."""

Wording: TypeAlias = str | Mapping[str, str]
"""A template, or the forms of one: for one thing and for others, or by the noun in it."""

SENTENCES: Mapping[str, Mapping[str, Wording]] = read_table("bot.tasks.work", "sentences.toml")


def sentence(key: str, form: str = "", /, **values: Text) -> Sentence:
    """Return a sentence of `sentences.toml`, such as "fill.proposed". A float among its values is a result.

    Args:
        form: of a sentence that has several, such as "word" of one that names the parts of a text.
    """
    section, name = key.split(".")
    wording = SENTENCES[section][name]
    return _filled(wording if isinstance(wording, str) else wording[form], values)


def counted(key: str, count: int, /, **values: Text) -> Sentence:
    """Return a sentence of `sentences.toml` that has a singular and a plural. Its fields are all among the values."""
    section, name = key.split(".")
    wording = SENTENCES[section][name]
    assert not isinstance(wording, str)
    return _filled(wording["one"], values, wording["other"], count)


def later(template: str, /, **values: Text) -> Sentence:
    """Return a sentence, or a word, that is translated when it is read. A float among its values is a result."""
    return _filled(template, values)


def later_plural(one: str, other: str, /, count: int, **values: Text) -> Sentence:
    """Return a sentence for a number of things. Its fields are all among the values, that number too."""
    return _filled(one, values, other, count)


def _filled(template: str, values: Mapping[str, Text], other: str = "", count: int = 0) -> Sentence:
    results = {name: number(value) if isinstance(value, float) else value for name, value in values.items()}
    return Sentence(template, results, other, count)


def number(value: float) -> Number:
    """Return a result: it has four decimals, or three digits if it is small."""
    return Number(value, Form.RESULT)


def in_brackets(value: float) -> Text:
    """Return a result that may stand after a sign: in brackets if it has one itself."""
    return bracketed(value, Form.RESULT)


def quoted(text: Text) -> Sentence:
    """Return a text in quotation marks."""
    return later("“{text}”", text=text)


def listed(items: Sequence[Text]) -> Text:
    """Return texts with commas between them; a single one as it is."""
    return items[0] if len(items) == 1 else Listed(tuple(items))


def listed_with_and(items: Sequence[Text]) -> Text:
    """Return texts with commas between them, and "and" before the last; a single one as it is."""
    return items[0] if len(items) == 1 else Listed(tuple(items), ends_with_and=True)


def softmax_of(values: Sequence[float], index: int, probability: float) -> Text:
    """Work out one probability of a softmax: `exp(1.0000) / (exp(1.0000) + exp(2.0000)) = 0.2689`.

    Args:
        index: of the value whose probability it is.
    """
    terms: list[Text] = [("exp(", number(value), ")") for value in values]
    shown = terms if len(terms) <= SHOWN_TERMS else [*terms[: SHOWN_TERMS - 2], "…", terms[-1]]
    return (terms[index], " / (", joined(shown), ") = ", number(probability))
