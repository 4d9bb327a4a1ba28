"""The words of a text, with what their capital letters say about names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from itertools import groupby

import regex

from bot.tasks.names.words import NameWords, name_words
from bot.text.graphemes import Span
from bot.text.markup import markup

_PART = r"[\p{L}\p{N}][\p{L}\p{M}\p{N}_\u200c\u200d]*"
_WORD = regex.compile(
    rf"""
    (?<! [\p{{L}}\p{{M}}\p{{N}}_] )
    (?: (?P<elision> \p{{Ll}}{{1,4}} ['’] (?= \p{{Lu}} ) )                                       # l'Allemagne
      | (?P<initials> (?: \p{{Lu}} (?: \. \p{{Lu}} )+ \.? | \p{{Lu}} \. ) (?! [\p{{Ll}}\p{{N}}] ) )  # J.R.R., U.S.
      | {_PART} (?: (?: ['’&] | [-‐‑] | \. (?= (?: com|org|net|io|ai|js ) \b ) ) {_PART} )*
    )
    """,
    regex.VERBOSE,
)
# A possessive or a contraction, perhaps a double one: who'd've.
_TAIL = regex.compile(r"(?P<base>.+?)(?:['’](?:s|re|ve|ll|d|m|(?<=n['’])t))+", regex.IGNORECASE)
_NOT = regex.compile(r".*n['’]t(?:['’]ve)?", regex.IGNORECASE)
_HOUR = regex.compile(r"\d[ \u00a0]?$")
_HALF_DAY = regex.compile(r"[AP]\.?M\.?", regex.IGNORECASE)
_SENTENCE_END = regex.compile(r"[.!?…。！？]+[\"'”’»)\]*_~|]*(?=\s|$)|\n")
# Behind these, a new part of the text begins with a capital letter of its own.
_OPENING = regex.compile(r"[:(\[{\"“„«‘*_~|>#•\p{So}\p{Pd}]")
# If this share of a sentence's words has capital letters, these say nothing about names.
SHOUTED = 0.8


class WordKind(Enum):
    """A word's possible role in a name."""

    CAPITALISED = auto()
    INITIALS = auto()
    PARTICLE = auto()
    TITLE = auto()
    OTHER = auto()


@dataclass(frozen=True)
class NameToken:
    """A word of a text; its span leaves out contractions and the possessive."""

    start: int
    end: int
    key: str
    """The word in lower case, without a full stop."""
    kind: WordKind
    ends_name: bool = False
    """It is possessive or contracted, so that the next word begins another name."""
    opens: bool = False
    """Its capital letter may only mark the beginning of a sentence or the like."""
    shouted: bool = False
    """All words around it have capital letters."""
    sentence: int = 0
    """Index in `ReadText.sentences`."""


@dataclass(frozen=True)
class ReadText:
    """A text with its words."""

    chains: tuple[tuple[NameToken, ...], ...]
    """Words with no more than a space between them, in order."""
    sentences: tuple[Span, ...]


def read_tokens(text: str) -> ReadText:
    """Find the sentences of a text, and its words outside of markup."""
    unread = markup(text)
    words = name_words()
    tokens: list[NameToken] = []
    borders = [0]
    found = (match for match in _WORD.finditer(text) if not unread.touches(*match.span()))
    for token in (_token(text, match, words) for match in found):
        gap = text[tokens[-1].end if tokens else 0 : token.start]
        # Full stops of titles, initials and abbreviations belong to the token, so they don't end a sentence.
        ends = [token.start - len(gap) + match.end() for match in _SENTENCE_END.finditer(gap)]
        borders += ends
        opens = not tokens or bool(ends) or _OPENING.search(gap) is not None
        tokens.append(replace(token, opens=opens, sentence=len(borders) - 1))
    heard: list[NameToken] = []
    for _, group in groupby(tokens, lambda one: one.sentence):
        sentence = list(group)
        shouted = _is_shouted([text[one.start : one.end] for one in sentence], sentence, words)
        heard += (replace(one, opens=True, shouted=True) if shouted else one for one in sentence)
    return ReadText(tuple(_chains(text, heard)), tuple(map(Span, borders, [*borders[1:], len(text)])))


def _token(text: str, match: regex.Match[str], words: NameWords) -> NameToken:
    start, end = match.span()
    if _HOUR.search(text, 0, start) and _HALF_DAY.fullmatch(match[0]):
        return NameToken(start, end, match[0].lower(), WordKind.OTHER)
    if match["initials"]:
        return NameToken(start, end, match[0].lower(), WordKind.INITIALS)
    if match["elision"]:
        return NameToken(start, end, match[0], WordKind.PARTICLE)
    if _NOT.fullmatch(match[0]):
        return NameToken(start, end, match[0].lower(), WordKind.OTHER)
    tail = _TAIL.fullmatch(match[0])
    word = tail["base"] if tail else match[0]
    key = word.lower()
    if tail and words.is_opener(key) and key not in words.given_names:
        return NameToken(start, end, key, WordKind.OTHER)
    end = start + len(word)
    if (key in words.abbreviations or key in words.titles) and text[end : end + 1] == ".":
        end += 1
    return NameToken(start, end, key, _kind(word, key, words), ends_name=tail is not None)


def _kind(word: str, key: str, words: NameWords) -> WordKind:
    if key in words.titles and not word.islower():
        return WordKind.TITLE
    if key in words.particles and (word.islower() or words.is_function(key)):
        return WordKind.PARTICLE
    return WordKind.CAPITALISED if word[0].isupper() or word[0].istitle() else WordKind.OTHER


def _is_shouted(written: Sequence[str], sentence: Sequence[NameToken], words: NameWords) -> bool:
    """Return whether nearly all words of a sentence have capital letters, so that these say nothing."""
    cased = [word for word in written if word.lower() != word.upper()]
    if len(cased) < 3:
        return False
    if sum(word.isupper() for word in cased) >= SHOUTED * len(cased):
        return any(words.is_everyday(one.key) for one in sentence)
    capitalised = sum(word[0].isupper() for word in cased) >= SHOUTED * len(cased)
    return capitalised and any(
        words.is_function(one.key) and one.kind is WordKind.CAPITALISED for one in list(sentence)[1:]
    )


def _chains(text: str, tokens: Sequence[NameToken]) -> Iterator[tuple[NameToken, ...]]:
    chain: list[NameToken] = []
    for token in tokens:
        if chain and not _is_next(text, chain[-1], token):
            yield tuple(chain)
            chain = []
        chain.append(token)
    if chain:
        yield tuple(chain)


def _is_next(text: str, before: NameToken, token: NameToken) -> bool:
    """Return whether a word follows another one as the parts of a name do."""
    gap = text[before.end : token.start]
    if before.ends_name:
        return regex.fullmatch(r"(?:['’]\w+)+ ", gap) is not None
    return gap in (" ", "\u00a0") or (not gap and before.kind in (WordKind.INITIALS, WordKind.PARTICLE))
