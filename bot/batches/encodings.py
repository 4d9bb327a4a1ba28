"""The encoding of a text file."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from charset_normalizer import from_bytes

from bot.errors import InvalidRequest
from bot.locales.message import later

NO_TEXT = later(
    "I cannot read this file as text. Save it as CSV, TSV, JSON lines or plain text, in UTF-8 if your program "
    "offers that, and attach that. I do not open spreadsheets (.xlsx) or archives."
)
USUAL = "cp1252"
"""Windows' encoding of Western languages."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16's, with which it begins
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
FEW = 24
"""Letters with accents that stand alone, as they do in Western languages only: too few to tell more."""
_TWO_ACCENTS = re.compile(rb"[\x80-\xff]{2}")
_WITH_NULLS = ["utf_16", "utf_16_le", "utf_16_be", "utf_32", "utf_32_le", "utf_32_be"]
"""Encodings whose line breaks have null bytes. A few words with accents look like Chinese in them."""
_SAMPLE = 200_000
"""Bytes that are enough to tell an encoding."""
_CONTROLS = frozenset(map(chr, {*range(32)} - {*b"\t\n\v\f\r\x1a\x1b"}))
"""Characters that no text has, and every other kind of file."""


@dataclass(frozen=True)
class Encoding:
    """How a file's text is encoded.

    Attributes:
        name: a codec of Python's.
        marked: whether the file begins with a byte order mark.
    """

    name: str
    marked: bool = False

    def encode(self, text: str) -> bytes:
        """Return a text in this encoding, or in UTF-8 if the encoding lacks one of its characters."""
        try:
            return self._mark + text.encode(self.name)
        except UnicodeEncodeError:
            # A spreadsheet takes UTF-8 without the mark for the encoding of its own country.
            return codecs.BOM_UTF8 + text.encode("utf-8")

    @property
    def _mark(self) -> bytes:
        return next(mark for mark, name in _MARKS if name == self.name) if self.marked else b""


def decode(content: bytes) -> tuple[str, Encoding]:
    """Return the text of a file, and its encoding, which is detected unless a byte order mark or UTF-8 tells.

    Raises:
        InvalidRequest: it is not a text.
    """
    for mark, name in _MARKS:
        if content.startswith(mark):
            return _decoded(content[len(mark) :], Encoding(name, marked=True))
    try:
        return _checked(content.decode("utf-8")), Encoding("utf-8")
    except UnicodeDecodeError:
        pass
    return _decoded(content, Encoding("" if b"\0" in content[:_SAMPLE] else _detected(content[:_SAMPLE])))


def _detected(sample: bytes) -> str:
    """Return the name of the likeliest encoding of bytes without a null byte."""
    accents = sum(byte > 0x7F for byte in sample)
    if accents < FEW and _TWO_ACCENTS.search(sample) is None:
        return USUAL
    found = from_bytes(sample, cp_exclusion=_WITH_NULLS)
    best = found.best()
    if best is None:
        return USUAL  # a few words may be too little to tell; what is no text has control characters
    # Few letters with accents tell little, and this is by far the most frequent of the encodings that they allow.
    usual = next((one for one in found if USUAL in (one.encoding, *one.could_be_from_charset)), None)
    return USUAL if usual is not None and usual.chaos <= best.chaos else best.encoding


def _decoded(content: bytes, encoding: Encoding) -> tuple[str, Encoding]:
    try:
        return _checked(content.decode(encoding.name)), encoding
    except (UnicodeDecodeError, LookupError):
        raise InvalidRequest(NO_TEXT) from None


def _checked(text: str) -> str:
    if not _CONTROLS.isdisjoint(text[:_SAMPLE]):
        raise InvalidRequest(NO_TEXT)
    return text
