"""Tokens and numbers in words, for pictures and their alt texts."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bot.locales import lists, numbers
from bot.locales.marks import in_quotes
from bot.locales.message import Message, Value, _, plural
from bot.pictures.picture import ALT_LIMIT
from bot.text.characters import CUT, REPLACEMENT_CHARACTER

WIDEST = 400
"""More characters than fit any line of a picture; the rest is ignored."""

_SPACE = "␣"
_SHOWN = {"\n": "⏎", "\r": "⏎", "\t": "→"}
_LARGEST = 1e30
_JOINERS = frozenset("\u200c\u200d")
_QUOTED = 32  # characters of one token in an alt text; more would crowd out the others


def visible(text: str) -> str:
    """Return a text without hidden characters, and without characters that reverse their neighbours.

    Line breaks and tabs get a sign; control characters, direction overrides, lone surrogates and other characters
    without a shape become U+FFFD. Zero-width joiners and variation selectors, which join letters or emoji, stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_drawable, text))


def as_chip(text: str) -> str:
    """Return a token that stands alone, with signs for the white space at its ends."""
    shown = visible(text[:WIDEST])
    inner = shown.strip(" ")
    if not inner:
        return _SPACE * min(len(shown), 4) or "∅"
    start = len(shown) - len(shown.lstrip(" "))
    end = len(shown) - len(shown.rstrip(" "))
    return _SPACE * start + inner + _SPACE * end


def as_word(text: str, starts_word: bool) -> str:
    """Return a token that stands beside its neighbours: the gap between them is the space that a word begins with."""
    return as_chip(text[1:] if starts_word and len(text) > 1 and text[0] == " " else text)


def inline(text: str) -> str:
    """Return a token within a text, in which spaces separate the words."""
    shown = visible(text)
    return shown if shown.strip(" ") or not shown else " " * min(len(shown), 8)


def quoted(text: str) -> str:
    """Return a token as it is quoted in a sentence: “love”."""
    shown = visible(text[:WIDEST]).strip() or as_chip(text)
    return in_quotes(f"{shown[:_QUOTED]}{CUT if len(shown) > _QUOTED else ''}")


def alt_text(sentences: Iterable[str], title: str = "") -> str:
    """Join a title and sentences to an alt text of at most `ALT_LIMIT` UTF-16 units, and so of as many characters."""
    text = lists.sentences(_("{phrase}.", phrase=title) if title else "", *sentences)
    text = visible(text[: ALT_LIMIT + 1])
    encoded = text.encode("utf-16-le")
    if len(encoded) // 2 <= ALT_LIMIT:
        return text
    return encoded[: 2 * (ALT_LIMIT - 1)].decode("utf-16-le", "ignore").rstrip() + CUT


def in_a_row(numbers: Iterable[str]) -> str:
    """Return "0.50, −0.25", or "0,50; −0,25"."""
    return lists.in_a_row(numbers)


def listed(items: Sequence[str]) -> str:
    """Return "a, b and c"."""
    return lists.joined(items)


def enumerated(items: Iterable[str]) -> str:
    """Return "a, b, c"."""
    return lists.enumerated(items)


def filled(message: Message, **values: Value) -> str:
    """Return a message that lacks its values, with them, in the current locale."""
    return str(replace(message, values=values))


def more(number: int) -> str:
    """Return "… 12 more"."""
    # Translators: stands below what a picture has room for.
    return plural("… {number} more", "… {number} more", number, number=numbers.whole(number))


def number(value: float, decimals: int = 2) -> str:
    """Return "−4.27" for `-4.2731`, "1,234" for `1234.5`; never −0."""
    if math.isfinite(value) and abs(value) >= 1e6:
        return numbers.without_groups(f"{value:.2e}")
    return numbers.decimal(value, decimals if abs(value) < 100 else 0)


def drawable(value: float) -> float:
    """Return a number that is safe to compute lengths from: not too large, and 0 for NaN and infinities."""
    return min(max(value, -_LARGEST), _LARGEST) if math.isfinite(value) else 0.0


def share_of(probability: float) -> float:
    """Return a probability as the share of a bar, from 0 to 1."""
    return min(max(drawable(probability), 0.0), 1.0)


def signed(value: float, decimals: int = 2) -> str:
    """Return a number with its sign, such as "+0.42"; zero has none."""
    said = number(value, decimals)
    return f"+{said}" if value > 0 and said != number(0, decimals) and math.isfinite(value) else said


def _drawable(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _JOINERS and not _is_emoji_tag(char):
        return _SHOWN.get(char, REPLACEMENT_CHARACTER)
    return char


def _is_emoji_tag(char: str) -> bool:
    # Tags spell the region of a flag: England's is a black flag and `gbeng`.
    return "\U000e0020" <= char <= "\U000e007f"
