"""From the product of a query and a key to an attention weight, in words and numbers."""

from __future__ import annotations

import math

from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.heads.inspection.worked_attention import HeadRow
from bot.locales.lists import sentences
from bot.locales.message import _, plural
from bot.locales.numbers import decimal, significant


def in_digits(value: float) -> str:
    """Return a number with three digits after the point."""
    return decimal(value, 3)


def scaled(row: HeadRow, key: int) -> str:
    """Say how the product of a query and a key is scaled, and what is added to it."""
    said = [_divided(row, key)]
    if row.biases:
        bias = row.biases[key]
        said.append(
            _(
                "To this comes {bias}, which the model has learned for this distance (relative position bias): {sum}.",
                bias=in_digits(bias),
                sum=in_digits(row.products[key] * row.scale + bias),
            )
        )
    if row.softcap is not None:
        said.append(
            _(
                # Translators: a soft cap bends large scores back.
                "A soft cap keeps it below {most}: {score}.",
                most=significant(row.softcap),
                score=in_digits(row.scores[key]),
            )
        )
    return sentences(*said)


def _divided(row: HeadRow, key: int) -> str:
    product, scaled, root, size = row.products[key], row.products[key] * row.scale, 1 / row.scale**2, len(row.query)
    if row.scale == 1:
        return _("this model does not scale ({product} stays).", product=in_digits(product))
    if math.isclose(root, size, rel_tol=1e-6):
        return plural(
            "divided by √{count}, as a head has {count} number: {scaled}.",
            "divided by √{count}, as a head has {count} numbers: {scaled}.",
            size,
            scaled=in_digits(scaled),
        )
    return _(
        "times {scale}, a number of this model's own (1/√{root}): {scaled}.",
        scale=significant(row.scale, 4),
        root=significant(root, 4),
        scaled=in_digits(scaled),
    )


def masked(row: HeadRow, key: int, query: int, part: Part) -> str:
    """Say which tokens a query cannot see."""
    hidden = len(row.visible) - sum(row.visible)
    if not hidden and part is Part.DECODER:
        return _("nothing is hidden from the last token.")
    if not hidden:
        number = len(row.visible)
        return plural(
            "nothing is hidden: the only token can be seen.",
            "nothing is hidden: all {count} tokens can be seen.",
            number,
        )
    later, seen = row.visible[query + 1 :].count(False), sum(row.visible)
    said = [
        plural("{count} later token gets −∞.", "{count} later tokens get −∞.", later) if later else None,
        _beyond(hidden - later) if hidden > later else None,
        plural("{count} token can be seen.", "{count} tokens can be seen.", seen),
        None if row.visible[key] else _("This one is hidden, so its weight is 0."),
    ]
    return sentences(*said)


def _beyond(number: int) -> str:
    return plural(
        "{count} token beyond the sliding window gets −∞.",
        "{count} tokens beyond the sliding window get −∞.",
        number,
    )


def softmaxed(row: HeadRow, key: int) -> str:
    """Say how scores become weights."""
    if not row.visible[key]:
        return "e^(−∞) = 0."
    seen = [score for score, visible in zip(row.scores, row.visible, strict=True) if visible]
    largest = max(seen)
    total = math.fsum(math.exp(score - largest) for score in seen)
    return _(
        # Translators: what softmax does with a score.
        "less the largest score ({largest}), as a power of e, divided by the sum of all these: e^({difference}) / "
        "{total} = {power} / {total} = {weight}.",
        largest=in_digits(largest),
        difference=in_digits(row.scores[key] - largest),
        total=in_digits(total),
        power=in_digits(math.exp(row.scores[key] - largest)),
        weight=decimal(float(row.weights[key]), 4),
    )
