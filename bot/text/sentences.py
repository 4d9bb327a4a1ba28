"""Splitting text into sentences, with knowledge of a language's abbreviations."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

import regex

from bot.text.words import ABBREVIATIONS

# Read backwards: forwards, each letter of a long word would be tried as its first.
_LAST_WORD = regex.compile(r"(?r)([\p{L}\p{M}.]+)\.$")
# `t.ex`, `т.е`, `J`.
_OF_LETTERS = regex.compile(r"\p{L}{1,3}(?:\.\p{L}{1,3})+|\p{L}")
# A list item's: no sentence consists of a number.
_NUMBERING = regex.compile(r"\s*\(?\d{1,3}[.)]\s*")
_LOWER = regex.compile(r"\p{Ll}|\d")
# Between a mark that no abbreviation ends with, and a possible beginning of a sentence.
_CALL = regex.compile(r"(?V1)(?<=[!?…][\"'”’»)\]]?\s+)(?=[^\p{Ll}\s])")
# Chinese and Japanese have no space behind a sentence.
_FULL_STOP = regex.compile(r"(?:[。！？｡]|[\p{Sentence_Terminal}…](?=[\p{Pe}\p{Pf}\"']*(?:\s|$)))[\p{Pe}\p{Pf}\"']*")


def sentences(text: str, language: str) -> list[str]:
    """Split a text into sentences, each with the white space behind it; joined, they are the text.

    Only an empty line ends a sentence, not a line break. An unknown language has the abbreviations of English.
    """
    import sentencex  # of the extra `inference`: a bot whose models are elsewhere cuts no texts

    found: list[str] = []
    # On 72 lines in 17 languages, sentencex found the sentences of 56, and pysbd those of 44 in ten times the time.
    segments: list[str] = sentencex.segment(language.split("-")[0], text)
    whole = segments if "".join(segments) == text else [text]
    for piece in (part for one in whole for part in _CALL.split(one)):
        if found and (not piece.strip() or _goes_on(found[-1], piece, language)):
            found[-1] += piece
        else:
            found.append(piece)
    return found


def sentence_ends(text: str, language: str = "en") -> Iterator[int]:
    """Yield the offsets behind the last characters of whole sentences."""
    starts = {*accumulate(map(len, sentences(text, language)), initial=0)}
    for found in _FULL_STOP.finditer(text):
        following = found.end()
        while following < len(text) and text[following].isspace():
            following += 1
        if following < len(text):
            whole = following in starts
        else:  # a last full stop ends a sentence if another sentence can follow
            end = text[: found.end()]
            whole = len(sentences(f"{end} Another", language)) > len(sentences(end, language))
        if found[0][0] != "." or whole:
            yield found.end()


def _goes_on(before: str, after: str, language: str) -> bool:
    """Return whether a sentence that sentencex has ended goes on."""
    plain = before.rstrip()
    if plain.endswith(("」", "』")):
        return after.startswith("と")  # "…", said somebody
    if _NUMBERING.fullmatch(before):
        return True
    last = _LAST_WORD.search(plain)
    if last is None:
        return False
    word = last[1]
    if word.casefold() in ABBREVIATIONS.get(language.split("-")[0], ABBREVIATIONS["en"]):
        return True
    return bool(_OF_LETTERS.fullmatch(word)) and bool(_LOWER.match(after))
