"""Texts, numbers and tokens as pages show them, in the language of whoever reads them."""

from __future__ import annotations

import math

from bot.inference.tokenization.tokens import Token
from bot.locales import lists, numbers
from bot.locales.current import ENGLISH, current_locale
from bot.locales.languages import language_name
from bot.locales.message import _, translated
from bot.pictures.wording import as_chip
from bot.replies.formatting.bars import NO_BREAK_SPACE
from bot.replies.formatting.bars import percent as percent_of
from bot.replies.work.text_table import cut_to
from bot.tasks.work.texts import Form, LanguageName, Listed, Number, Sentence, Short, Text

CONTINUES = "·"
"""Stands before a token that continues the word before it."""

_SIGNED = {Form.SIGNED_ONE: 1, Form.SIGNED_TWO: 2, Form.SIGNED_THREE: 3, Form.SIGNED_FOUR: 4}
_COARSE = 2
"""Digits."""


def written(text: Text) -> str:
    """Write words, numbers, tokens and sentences behind each other."""
    return text if isinstance(text, str) else cell(text, Form.THREE)


def _sentence(one: Sentence) -> str:
    """Translate a sentence, and fill in its values."""
    template, values = translated(one.template, one.other, one.count), one.values
    if not values:
        return template.format(count=one.count) if one.other else template
    return template.format_map({name: written(value) for name, value in values.items()})


def cell(text: Text, form: Form) -> str:  # noqa: C901 (a case for each kind)
    """Write the content of a table's cell, numbers in the column's form."""
    match text:  # the most frequent kinds first: a page has hundreds of texts
        case str():
            return text
        case Sentence():
            return _sentence(text)
        case tuple():
            return "".join([one if isinstance(one, str) else cell(one, Form.THREE) for one in text])
        case Number(value, other):
            return _number(value, other)
        case None:
            return ""
        case Listed((float() | Number(), *_) as items, False):
            return lists.in_a_row(map(written, items))
        case Listed(items, ends_with_and):
            return (lists.joined if ends_with_and else lists.enumerated)(map(written, items))
        case Token():
            return token_text(text)
        case Short(words, width):
            return cut_to(words, width)
        case LanguageName(tag):
            return language_name(tag)
        case int() if form is not Form.COUNT:
            return str(text)
        case _:
            return _number(text, form)


def _number(value: float, form: Form) -> str:
    if isinstance(digits := form.value, int):
        return decimal(value, digits)
    match form:
        case Form.PERCENT:
            return percent(value)
        case Form.COUNT:
            return numbers.whole(value)  # type: ignore[arg-type]  # counts are whole
        case Form.RESULT:
            return result(value)
        case Form.WHOLE_PERCENT:
            return numbers.percent(value, 0).replace(" ", "")
        case Form.GENERAL:
            return numbers.without_groups(f"{value:g}")
        case Form.NORM:
            return numbers.whole(round(value)) if 1_000 <= value < 1e6 else decimal(value, 2)
        case Form.MILLIONS:
            return _millions(value)
        case _:
            return _with_sign(value, _SIGNED[form])


def _with_sign(value: float, digits: int) -> str:
    if digits <= _COARSE and round(value, digits) == 0:
        # Powers of ten among numbers that are this coarse would look like the largest of them.
        return numbers.without_groups(f"{0:.{digits}f}")
    return signed(value, digits)


def _millions(number: float) -> str:
    if current_locale() != ENGLISH:
        return numbers.in_millions(round(number))
    for unit, name in ((1_000_000_000, "billion"), (1_000_000, "million")):
        if number >= unit:
            share = number / unit
            return f"{share:.1f} {name}" if share < 10 else f"{share:.0f} {name}"
    return f"{number:,}"


def percent(probability: float) -> str:
    """Write a probability: `0.8312` → "83.1%"; never 100 for less than 1, nor 0 for more than 0.

    English tables have no room to spare. Where a language writes a space before the sign, it stays.
    """
    said = percent_of(probability)
    return said.replace(NO_BREAK_SPACE, "") if current_locale() == ENGLISH else said


def decimal(value: float, digits: int = 3) -> str:
    """Write a number: `-1.5` → "−1.500"; large and tiny ones in powers of ten."""
    if not math.isfinite(value):
        return numbers.unknown()
    rounded = round(value, digits) + 0.0  # never −0
    if abs(value) >= 1e5 or (value and not rounded):
        return numbers.without_groups(f"{value:.1e}")
    return numbers.without_groups(f"{rounded:.{digits}f}")


def result(value: float) -> str:
    """Write a number with four decimals, or with three digits if it is small."""
    return numbers.without_groups(f"{value:.4f}" if abs(value) >= 0.01 or value == 0 else f"{value:.3g}")


def signed(value: float, digits: int = 3) -> str:
    """Write a number as `decimal` does, with a plus sign if it is positive."""
    shown = decimal(value, digits)
    return f"+{shown}" if value > 0 else shown


def token_text(token: Token) -> str:
    """Write a token in a table: "love", "·ing" if it continues a word, "[CLS] (special)"."""
    if token.special:
        return _("{token} (special)", token=token.text)
    return as_chip(token.text) if token.starts_word else CONTINUES + as_chip(token.text)
