"""Tokens in a form that people can read."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_WORD_START = "\u2581"  # SentencePiece's mark for a word's leading space
_LONE_BYTES = {0xDC00 + byte: f"<{byte:02X}>" for byte in range(0x80, 0x100)}  # not UTF-8, by `surrogateescape`
_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


@dataclass(frozen=True)
class Token:
    """A token of a text."""

    text: str
    """Without marks for word boundaries; bytes that are not a whole character as `<E3>`."""
    id: int
    special: bool
    """Whether the tokenizer added it ([CLS], </s>)."""
    starts_word: bool
    """Whether it does not continue the word before it."""


def read_tokens(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> tuple[Token, ...]:
    """Return the tokens of a byte-level BPE, WordPiece or SentencePiece tokenizer. The caller holds its lock."""
    pieces: list[str | None] = tokenizer.convert_ids_to_tokens(list(ids))
    languages: dict[str, int] = getattr(tokenizer, "lang_code_to_id", None) or {}
    special = {*tokenizer.all_special_ids, *languages.values()}
    read = _reader(tokenizer)
    tokens: list[Token] = []
    for index, (token, piece) in enumerate(zip(ids, pieces, strict=True)):
        if piece is None:  # the model's vocabulary is larger than the tokenizer's
            tokens.append(Token(f"<{token}>", token, special=True, starts_word=True))
        elif token in special:
            tokens.append(Token(piece, token, special=True, starts_word=True))
        else:
            text, starts_word = read(piece)
            apart = text[:1].isspace() or index == 0 or tokens[-1].special or tokens[-1].text[-1:].isspace()
            tokens.append(Token(text, token, special=False, starts_word=starts_word or apart))
    return tuple(tokens)


@dataclass(frozen=True)
class BrokenEnd:
    """An incomplete character at the end of a text."""

    tokens: int = 0
    """How many tokens hold its bytes, special ones among them included; 0 if the text ends with a whole character."""
    read: int = 0
    """How many tokens at the end were read: those of `whole`, and those of the incomplete character."""
    whole: str = ""
    """The text of the bytes before it in those tokens."""


def broken_end(tokenizer: PreTrainedTokenizerBase, ids: Sequence[int]) -> BrokenEnd:
    """Find the incomplete character at the end of these tokens' text, if any.

    U+FFFD in the text itself is a whole character. The caller holds the tokenizer's lock.
    """
    pieces: list[str | None] = tokenizer.convert_ids_to_tokens(list(ids))
    read, special = _reader(tokenizer), set(tokenizer.all_special_ids)
    held: list[bytes] = []  # of each token, the last one first
    for piece, token in zip(reversed(pieces), reversed(ids), strict=True):
        content = b"" if piece is None or token in special else read.content(piece)
        if content is None:
            break
        held.append(content)
    content = b"".join(reversed(held))
    text = content.decode("utf-8", errors="surrogateescape")
    broken = len(text) - len(text.rstrip("".join(map(chr, _LONE_BYTES))))
    if not broken:
        return BrokenEnd()
    tokens = next(number for number in range(1, len(held) + 1) if sum(map(len, held[:number])) >= broken)
    return BrokenEnd(tokens, len(held), content[:-broken].decode("utf-8", errors="replace"))


class _Reader(ABC):
    """Reads a vocabulary's pieces."""

    @abstractmethod
    def __call__(self, piece: str) -> tuple[str, bool]:
        """Return a piece's text, and whether a word begins with it."""

    def content(self, piece: str) -> bytes | None:
        """Return a piece's bytes if it may hold part of a character; else None."""
        return None


class _WordPiece(_Reader):
    def __call__(self, piece: str) -> tuple[str, bool]:
        return (piece[2:], False) if piece.startswith("##") else (piece, True)


class _SentencePiece(_Reader):
    def __call__(self, piece: str) -> tuple[str, bool]:
        if (content := self.content(piece)) is not None:
            return _text_of(content), False
        return piece.replace(_WORD_START, " ").removeprefix(" "), piece.startswith(_WORD_START)

    def content(self, piece: str) -> bytes | None:
        byte = _BYTE.fullmatch(piece)
        return None if byte is None else bytes([int(byte[1], 16)])


class _ByteLevel(_Reader):
    """Byte-level BPE writes each byte as a printable character.

    Source: Radford et al.: Language Models are Unsupervised Multitask Learners, 2019; GPT-2's `bytes_to_unicode`.
    """

    def __init__(self) -> None:
        printable = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
        others = [byte for byte in range(256) if byte not in printable]
        self._bytes = {chr(byte): byte for byte in printable}
        self._bytes |= {chr(256 + index): byte for index, byte in enumerate(others)}

    def __call__(self, piece: str) -> tuple[str, bool]:
        content = self.content(piece)
        if content is None:  # an added token, written as it is
            return piece, True
        text = _text_of(content)
        return text.removeprefix(" ") or " ", text[:1].isspace()

    def content(self, piece: str) -> bytes | None:
        if any(character not in self._bytes for character in piece):
            return None
        return bytes(self._bytes[character] for character in piece)


def _reader(tokenizer: PreTrainedTokenizerBase) -> _Reader:
    decoder = repr(getattr(getattr(tokenizer, "backend_tokenizer", None), "decoder", ""))
    if "ByteLevel" in decoder:
        return _ByteLevel()
    return _WordPiece() if "WordPiece" in decoder else _SentencePiece()


def _text_of(content: bytes) -> str:
    """Decode bytes; those that are not a whole character become hexadecimal numbers."""
    return content.decode("utf-8", errors="surrogateescape").translate(_LONE_BYTES)
