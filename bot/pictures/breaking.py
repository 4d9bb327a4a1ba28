"""Where a line of a picture may end: behind a space, and in Japanese and Chinese between any two characters.

Source: Unicode Standard Annex 14 (line breaking), of which this is what a title needs.
"""

from __future__ import annotations

from collections.abc import Iterator

import regex

_UNSPACED = r"\p{Han}\p{Hiragana}\p{Katakana}"
_HAS_UNSPACED = regex.compile(f"[{_UNSPACED}]")
# No line begins with what ends a clause or belongs to the character before it, and none ends with what opens a quote.
_PIECE = regex.compile(
    rf"[\p{{Ps}}\p{{Pi}}]*(?:[{_UNSPACED}]|[^{_UNSPACED}\p{{Ps}}\p{{Pi}}]+)"
    r"[\p{Pe}\p{Pf}\p{Po}ー々ぁぃぅぇぉっゃゅょァィゥェォッャュョ]*|[\p{Ps}\p{Pi}]+"
)


def pieces(text: str) -> Iterator[str]:
    """Yield the parts of a text between which a line may end, each with the space behind it."""
    for word in text.split():
        *parts, last = _PIECE.findall(word) if _HAS_UNSPACED.search(word) else [word]
        yield from parts
        yield f"{last} "
