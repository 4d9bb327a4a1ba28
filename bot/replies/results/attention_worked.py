"""One attention weight worked out in six steps, in words and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.heads.inspection.worked_attention import HeadRow, Steps
from bot.pictures.wording import MINUS, counted
from bot.pictures.wording import quoted as in_quotes
from bot.tasks.attention import AttentionResult

NUMBERS = 3
"""Of a vector, that are written out."""


def steps_in_words(result: AttentionResult) -> list[str]:
    """Return the six steps, and what proves them, as plain sentences."""
    steps, view = result.steps, result.shown.view
    assert steps is not None
    assert view.query is not None
    assert view.key is not None
    row, key = steps.row, view.key - 1
    names = [in_quotes(token.text) for token in result.keys]
    query_name, key_name = in_quotes(result.queries[view.query - 1].text), names[key]
    turned = ", turned by its position (RoPE)" if row.is_rotated else ""
    shared = (
        f" {row.shared_by} query heads share this key and its value (grouped-query attention)."
        if row.shared_by > 1
        else ""
    )
    size = len(row.query)
    return [
        f"Query: {query_name} asks with {size} numbers{turned}: {_vector(row.query)}.",
        f"Key: {key_name} is found by {size} numbers{turned}: {_vector(row.keys[key])}.{shared} "
        f"Multiplied number by number, and added up: {_products(row, key)} = {_said(row.products[key])}.",
        f"Scale: {_scaled(row, key)}",
        f"Mask: {_masked(row, key, view.query - 1, result.shown.part)}",
        f"Softmax: {_softmax(row, key)}",
        f"Value: {key_name} gives {row.weights[key]:.4f} · {_vector(row.values[key])}. "
        f"All values with their weights add up to the head's output: {_vector(row.output)}.",
    ]


def proof(result: AttentionResult) -> str:
    """Return the sentence with the model's own numbers."""
    steps, view = result.steps, result.shown.view
    assert steps is not None
    assert view.query is not None
    assert view.key is not None
    own = float(result.shown.weights[view.query - 1, view.key - 1])
    return (
        f"Check: the model's own pass has {own:.4f} here; these steps give {steps.row.weights[view.key - 1]:.4f}. "
        f"{sum_proof(steps)}"
    )


def sum_proof(steps: Steps) -> str:
    """Return the sentence that all that arrives is the layer's output."""
    return (
        "All that arrives from all tokens by all heads, and the bias, add up to this layer's own output: the "
        f"difference is at most {_percent(steps.error)} of its length."
    )


def _percent(share: float) -> str:
    percent = 100 * share
    return "0.001 %" if percent <= 0.001 else f"{percent:.2g} %"


def _scaled(row: HeadRow, key: int) -> str:
    product, scaled = row.products[key], row.products[key] * row.scale
    root = 1 / row.scale**2
    if row.scale == 1:
        said = f"this model does not scale ({_said(product)} stays)."
    elif math.isclose(root, len(row.query), rel_tol=1e-6):
        said = f"divided by √{len(row.query)}, as a head has {len(row.query)} numbers: {_said(scaled)}."
    else:
        said = f"times {row.scale:.4g}, a number of this model's own (1/√{root:.4g}): {_said(scaled)}."
    if row.biases:
        bias = row.biases[key]
        said += (
            f" To this comes {_said(bias)}, which the model has learned for this distance (relative position bias): "
            f"{_said(scaled + bias)}."
        )
    if row.softcap is not None:
        said += f" A soft cap keeps it below {row.softcap:g}: {_said(row.scores[key])}."
    return said


def _masked(row: HeadRow, key: int, query: int, part: Part) -> str:
    hidden = len(row.visible) - sum(row.visible)
    if not hidden and part is Part.DECODER:
        return "nothing is hidden from the last token."
    if not hidden:
        return f"nothing is hidden: all {counted(len(row.visible), 'token')} can be seen."
    later = row.visible[query + 1 :].count(False)
    reasons = [f"{counted(later, 'later token')}"] if later else []
    if hidden > later:
        reasons.append(f"{counted(hidden - later, 'token')} beyond the sliding window")
    verb = "gets" if hidden == 1 else "get"
    said = f"{' and '.join(reasons)} {verb} −∞; {counted(sum(row.visible), 'token')} can be seen."
    return said if row.visible[key] else f"{said} This one is hidden, so its weight is 0."


def _softmax(row: HeadRow, key: int) -> str:
    seen = [score for score, visible in zip(row.scores, row.visible, strict=True) if visible]
    largest = max(seen)
    total = math.fsum(math.exp(score - largest) for score in seen)
    if not row.visible[key]:
        return "e^(−∞) = 0."
    power = math.exp(row.scores[key] - largest)
    return (
        f"less the largest score ({_said(largest)}), as a power of e, divided by the sum of all these: "
        f"e^({_said(row.scores[key] - largest)}) / {_said(total)} = {_said(power)} / {_said(total)} = "
        f"{row.weights[key]:.4f}."
    )


def _products(row: HeadRow, key: int) -> str:
    terms = [f"{_bracketed(one)} · {_bracketed(other)}" for one, other in zip(row.query, row.keys[key], strict=True)]
    return " + ".join([*terms[:NUMBERS], *(["…"] if len(terms) > NUMBERS else [])])


def _vector(values: Sequence[float]) -> str:
    return f"({', '.join([*map(_said, values[:NUMBERS]), *(['…'] if len(values) > NUMBERS else [])])})"


def _bracketed(value: float) -> str:
    return f"({_said(value)})" if value < 0 else _said(value)


def _said(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}".replace("-", MINUS)
