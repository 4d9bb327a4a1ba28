"""The characters of a text: which are visible, and which texts people take for the same.

Source: Unicode Standard Annex 15 (normalisation forms), Annex 44 (`Default_Ignorable_Code_Point`), and Technical
Standard 51 (emoji, and the flags that are written with tags).
"""

from __future__ import annotations

import unicodedata

import regex

REPLACEMENT_CHARACTER = "\N{REPLACEMENT CHARACTER}"
"""Decoders write this for bytes that are not a whole character."""

LINE_BREAKS = regex.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
"""Every line break but `\\n`."""

FLAG = "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,7}\U000e007f"
"""A pattern of flags such as Scotland's: a black flag, the code of a region in tags, and the tag that ends it."""

# Characters that look like a space: fillers, and the empty cell of Braille outside of Braille. No Unicode property
# covers them.
_BLANK = regex.compile("[\u3164\uffa0\U00013441\U00013442\U0001d159]|(?<![\u2800-\u28ff])\u2800+(?![\u2800-\u28ff])")

_UNSEEN = regex.compile(
    rf"""(?V1)
    (?=[\p{{Default_Ignorable_Code_Point}}\p{{C}}\U0001f3f4])  # nearly no character, so the rest is seldom tried
    (?:
        (?P<kept>
            {FLAG}
            # Joiners that change a letter's form (Persian, Hindi) or make one emoji of several.
            | (?<=[\p{{L}}&&[\p{{jt=D}}\p{{jt=R}}\p{{jt=L}}[^\p{{InSC=Other}}]]]\p{{M}}{{0,4}})[\u200c\u200d]
            | (?<=\p{{Extended_Pictographic}}\p{{Emoji_Modifier}}?\ufe0f?)\u200d(?=\p{{Extended_Pictographic}})
            # Variation selectors behind characters that have variants.
            | (?<=[\p{{Emoji}}--[0-9\#*]])[\ufe0e\ufe0f]
            | (?<=[0-9\#*])\ufe0f(?=\u20e3)
            | (?<=[\p{{Sm}}[\p{{L}}&&[^\p{{InSC=Other}}]]])[\ufe00-\ufe0d]
            | (?<=\p{{Han}})[\ufe00-\ufe0f\U000e0100-\U000e01ef]
            | (?<=[\p{{L}}&&\p{{Mongolian}}])[\u180b-\u180f]
        )
        | [\p{{Default_Ignorable_Code_Point}}\p{{Cs}}[\p{{Cc}}--[\n\t]]]
    )
    """,
    regex.VERBOSE,
)

CUT = "…"
"""Replaces the part of a text that was left out."""
CURSOR = "▌"
"""Ends a text that is still being written."""

_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}")


def line_breaks(text: str) -> str:
    """Return a text in which every line break is `\\n`."""
    return str(LINE_BREAKS.sub("\n", text))


def without_ignorable(text: str) -> str:
    """Return a text without the characters that are invisible by default."""
    return str(_IGNORABLE.sub("", text))


def without_controls(text: str, keep: str = "\t") -> str:
    """Return a text without control characters and lone surrogates, other than those in `keep`."""
    return "".join(one for one in text if one in keep or unicodedata.category(one) not in ("Cc", "Cs"))


def whole_characters(text: str) -> str:
    """Return a text in which half characters (lone surrogates), which nothing can encode, are replaced."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def visible(text: str) -> str:
    """Return the visible characters of a text in NFC, stripped, with `\\n` for every line break.

    Canonically equivalent texts have the same result, and so does the result itself.
    """
    # Nearly all training data of models is in NFC.
    text = _BLANK.sub(" ", line_breaks(text))
    while (seen := unicodedata.normalize("NFC", _UNSEEN.sub(r"\g<kept>", unicodedata.normalize("NFC", text)))) != text:
        text = seen  # a removed character may have separated two that belong together
    return text.strip()


def identity(text: str) -> str:
    """Return a key that doesn't depend on a name's case, full-width letters or invisible characters.

    Source: NFKC_Casefold in the Unicode Standard, section 3.13.
    """
    folded = unicodedata.normalize("NFKC", without_ignorable(visible(text))).casefold()
    return " ".join(unicodedata.normalize("NFKC", folded).split())
