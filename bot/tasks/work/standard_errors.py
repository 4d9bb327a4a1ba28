"""How closely sampled scores are shown: with as many digits as their standard errors allow."""

from __future__ import annotations

from collections.abc import Iterable

from bot.tasks.work.blocks import Column, column
from bot.tasks.work.texts import Form

_DECIMALS = {Form.SIGNED_ONE: 1, Form.SIGNED_TWO: 2, Form.SIGNED_THREE: 2}
"""In pictures, which have no room for a third."""


def digits(errors: Iterable[float | None], most: Form = Form.SIGNED_THREE) -> Form:
    """Return a form with as many digits as the standard errors allow; exact values have none."""
    largest = max((one for one in errors if one is not None), default=0.0)
    if largest < 0.005:
        return most
    return Form.SIGNED_TWO if largest < 0.05 else Form.SIGNED_ONE


def error_column(errors: Iterable[float | None], form: Form) -> Column:
    """Return the column of the standard errors of scores in a form."""
    return column("±", errors, Form.THREE if form is Form.SIGNED_THREE else Form.TWO)


def decimals(form: Form) -> int:
    """Return the digits that pictures show of scores in a form."""
    return _DECIMALS[form]
