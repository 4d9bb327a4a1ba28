"""Tokens, numbers and facts in words: what is set in pictures and what is said in their alt texts."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Sequence

from bot.pictures.picture import ALT_LIMIT
from bot.text.characters import REPLACEMENT_CHARACTER

CUT = "…"
MINUS = "−"

_SPACE = "␣"
_SHOWN = {"\n": "⏎", "\r": "⏎", "\t": "→"}
_LARGEST = 1e30
_JOINERS = frozenset("\u200c\u200d")
WIDEST = 400
"""More characters than fit any line of a picture: what follows is not looked at."""

_QUOTED = 32  # characters of one token in an alt text; more would crowd out the others


def visible(text: str) -> str:
    """A text in which nothing is unseen or turns round what stands beside it.

    Line breaks and tabs get a sign; control characters, direction overrides, lone surrogates and other characters
    without a shape become U+FFFD. What joins letters or emoji (zero-width joiners, variation selectors) stays.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_drawable, text))


def as_chip(text: str) -> str:
    """A token that stands alone: white space at its ends is shown as well."""
    shown = visible(text[:WIDEST])
    inner = shown.strip(" ")
    if not inner:
        return _SPACE * min(len(shown), 4) or "∅"
    start = len(shown) - len(shown.lstrip(" "))
    end = len(shown) - len(shown.rstrip(" "))
    return _SPACE * start + inner + _SPACE * end


def as_word(text: str, starts_word: bool) -> str:
    """The same for a token that stands beside its neighbours: the space that a word begins with is the gap between."""
    return as_chip(text[1:] if starts_word and len(text) > 1 and text[0] == " " else text)


def quoted(text: str) -> str:
    """A token within a sentence: “love”."""
    shown = visible(text[:WIDEST]).strip() or as_chip(text)
    return f"“{shown[:_QUOTED]}{CUT if len(shown) > _QUOTED else ''}”"


def alt_text(sentences: Iterable[str]) -> str:
    """Sentences as an alt text, cut to what Discord takes (counted in UTF-16, which is never less than characters)."""
    text = visible(" ".join(sentence for sentence in sentences if sentence)[: ALT_LIMIT + 1])
    encoded = text.encode("utf-16-le")
    if len(encoded) // 2 <= ALT_LIMIT:
        return text
    return encoded[: 2 * (ALT_LIMIT - 1)].decode("utf-16-le", "ignore").rstrip() + CUT


def listed(items: Sequence[str]) -> str:
    """`a, b and c`."""
    if len(items) < 2:
        return "".join(items)
    return f"{', '.join(items[:-1])} and {items[-1]}"


def counted(number: int, noun: str) -> str:
    """`1 token`, `9 tokens`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def percent(probability: float) -> str:
    """`0.8312` → "83.1 %"; never 100 % for less than 1, nor 0 % for more than 0."""
    if not math.isfinite(probability):
        return "unknown"
    rounded = round(probability * 100, 1)
    if rounded >= 100 and probability < 1:
        return "> 99.9 %"
    if rounded <= 0 and probability > 0:
        return "< 0.1 %"
    return f"{rounded:.1f} %"


def number(value: float) -> str:
    """`-4.2731` → "−4.27", `1234.5` → "1,234"; never −0."""
    if not math.isfinite(value):
        return "unknown"
    if abs(value) >= 1e6:
        return f"{value:.2e}".replace("-", MINUS)
    digits = 2 if abs(value) < 100 else 0
    return f"{round(value, digits) + 0.0:,.{digits}f}".replace("-", MINUS)


def drawable(value: float) -> float:
    """A number that lengths can be computed from: 0 for what is none, and no larger than lengths can be."""
    return min(max(value, -_LARGEST), _LARGEST) if math.isfinite(value) else 0.0


def signed(value: float) -> str:
    """A number with its sign: "+0.42"; what rounds to zero has none."""
    said = number(value)
    return f"+{said}" if value > 0 and said != "0.00" and math.isfinite(value) else said


def _drawable(char: str) -> str:
    category = unicodedata.category(char)
    if category == "Zs":
        return " "
    if category in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in _JOINERS and not _is_emoji_tag(char):
        return _SHOWN.get(char, REPLACEMENT_CHARACTER)
    return char


def _is_emoji_tag(char: str) -> bool:
    """They spell the region of a flag: England's is a black flag, and `gbeng` in tags."""
    return "\U000e0020" <= char <= "\U000e007f"
