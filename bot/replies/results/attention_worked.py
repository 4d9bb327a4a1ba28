"""One attention weight worked out in six steps, in words and numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.inference.heads.inspection.worked_attention import HeadRow, Steps
from bot.locales.conventions import decimal_sign
from bot.locales.lists import sentences
from bot.locales.message import _, plural
from bot.locales.numbers import decimal, percent
from bot.pictures.wording import quoted as in_quotes
from bot.replies.results.attention_scores import in_digits, masked, scaled, softmaxed
from bot.tasks.attention import AttentionResult

NUMBERS = 3
"""Of a vector, that are written out."""
LEAST = 1e-5
"""A share that is no longer told apart from less."""


@dataclass(frozen=True)
class Step:
    """A step of the calculation, as plain text."""

    name: str
    text: str


def steps_in_words(result: AttentionResult) -> list[Step]:
    """Return the six steps, without what proves them."""
    steps, view = result.steps, result.shown.view
    assert steps is not None
    assert view.query is not None
    assert view.key is not None
    row, query, key = steps.row, view.query - 1, view.key - 1
    query_name, key_name = in_quotes(result.queries[query].text), in_quotes(result.keys[key].text)
    # Translators: the names of the six steps in which an attention weight is computed.
    return [
        Step(_("Query"), _query(row, query_name)),
        Step(_("Key"), _key(row, key, key_name)),
        Step(_("Scale"), scaled(row, key)),
        Step(_("Mask"), masked(row, key, query, result.shown.part)),
        Step(_("Softmax"), softmaxed(row, key)),
        Step(_("Value"), _value(row, key, key_name)),
    ]


def proof(result: AttentionResult) -> str:
    """Return the sentence with the model's own numbers."""
    steps, view = result.steps, result.shown.view
    assert steps is not None
    assert view.query is not None
    assert view.key is not None
    own = float(result.shown.weights[view.query - 1, view.key - 1])
    said = _(
        "Check: the model's own pass has {own} here; these steps give {number}.",
        own=decimal(own, 4),
        number=decimal(float(steps.row.weights[view.key - 1]), 4),
    )
    return sentences(said, sum_proof(steps))


def sum_proof(steps: Steps) -> str:
    """Return the sentence that all that arrives is the layer's output."""
    return _(
        "All that arrives from all tokens by all heads, and the bias, add up to this layer's own output: the "
        "difference is at most {share} of its length.",
        share=_percent(steps.error),
    )


def _percent(share: float) -> str:
    """Return a share with two significant digits; never less than 0.001 %."""
    share = max(share, LEAST)
    return percent(share, digits=len(f"{100 * share:.2g}".partition(".")[2]))


def _query(row: HeadRow, name: str) -> str:
    size, vector = len(row.query), _vector(row.query)
    if row.is_rotated:
        # Translators: {token} is a quoted token, {vector} such as "(0.123, −0.456, …)".
        return plural(
            "{token} asks with {count} number, turned by its position (RoPE): {vector}.",
            "{token} asks with {count} numbers, turned by its position (RoPE): {vector}.",
            size,
            token=name,
            vector=vector,
        )
    return plural(
        # Translators: {token} is a quoted token, {vector} such as "(0.123, −0.456, …)".
        "{token} asks with {count} number: {vector}.",
        "{token} asks with {count} numbers: {vector}.",
        size,
        token=name,
        vector=vector,
    )


def _key(row: HeadRow, key: int, name: str) -> str:
    multiplied = _(
        # Translators: what happens with the numbers of the query and of the key.
        "Multiplied number by number, and added up: {products} = {sum}.",
        products=_products(row, key),
        sum=in_digits(row.products[key]),
    )
    return sentences(_found(row, key, name), _shared(row), multiplied)


def _found(row: HeadRow, key: int, name: str) -> str:
    size, vector = len(row.query), _vector(row.keys[key])
    if row.is_rotated:
        return plural(
            # Translators: {token} is a quoted token, {vector} such as "(0.123, −0.456, …)".
            "{token} is found by {count} number, turned by its position (RoPE): {vector}.",
            "{token} is found by {count} numbers, turned by its position (RoPE): {vector}.",
            size,
            token=name,
            vector=vector,
        )
    return plural(
        # Translators: {token} is a quoted token, {vector} such as "(0.123, −0.456, …)".
        "{token} is found by {count} number: {vector}.",
        "{token} is found by {count} numbers: {vector}.",
        size,
        token=name,
        vector=vector,
    )


def _shared(row: HeadRow) -> str | None:
    if row.shared_by <= 1:
        return None
    return plural(
        "{count} query head has this key and its value (grouped-query attention).",
        "{count} query heads share this key and its value (grouped-query attention).",
        row.shared_by,
    )


def _value(row: HeadRow, key: int, name: str) -> str:
    given = _(
        # Translators: {token} is a quoted token, {vector} such as "(0.123, −0.456, …)".
        "{token} gives {weight} · {vector}.",
        token=name,
        weight=decimal(float(row.weights[key]), 4),
        vector=_vector(row.values[key]),
    )
    total = _(
        "All values with their weights add up to the head's output: {vector}.",
        vector=_vector(row.output),
    )
    return sentences(given, total)


def _products(row: HeadRow, key: int) -> str:
    terms = [f"{_bracketed(one)} · {_bracketed(other)}" for one, other in zip(row.query, row.keys[key], strict=True)]
    return " + ".join([*terms[:NUMBERS], *(["…"] if len(terms) > NUMBERS else [])])


def _vector(values: Sequence[float]) -> str:
    # A comma would be read as a decimal one in many languages, so they put a semicolon between numbers.
    sign = "; " if decimal_sign() == "," else ", "
    return f"({sign.join([*map(in_digits, values[:NUMBERS]), *(['…'] if len(values) > NUMBERS else [])])})"


def _bracketed(value: float) -> str:
    return f"({in_digits(value)})" if value < 0 else in_digits(value)
