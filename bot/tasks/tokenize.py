"""`/tokenize`: what does a model read of these texts?"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import language
from bot.inference.operations import TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.inference.tokenization.tokens import Token
from bot.text.accepted import MAX_CHARACTERS

if TYPE_CHECKING:
    from bot.inference.heads.head import Head
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

MOST_TEXTS = 12


@dataclass(frozen=True)
class TokenizedText:
    """A text and its tokens.

    Attributes:
        tokens: those that the model reads, special ones included, without padding.
        of_text: how many of them stand for the text, unknown ones included, rather than being added to it.
        left_out: how many further ones exceed the model's limit.
        in_template: what the same characters would be in a chat template, where control tokens are meant as such;
            None where that makes no difference.
    """

    text: str
    tokens: tuple[Token, ...]
    of_text: int
    left_out: int
    in_template: TokenizedText | None = None

    @property
    def characters_per_token(self) -> float | None:
        """How long a token is on average; None where a part of the text was left out, or it has no token."""
        return None if self.left_out or not self.of_text else len(self.text) / self.of_text


@dataclass(frozen=True)
class TokenizeResult:
    """Texts as the batch that a model reads: as `tokenizer(texts, padding=True, truncation=True)` gives it.

    Attributes:
        input_ids: a row for each text, padded to the longest; (batch, sequence).
        attention_mask: 1 for what is read, 0 for padding; of the same shape.
        padding: the token that fills up; None where the tokenizer declares none, and any id serves because the
            attention mask hides it.
        padding_side: "left" or "right".
        truncation_side: at which side of a text too many tokens are left out.
        limit: the most tokens that the model reads, special ones included.
        vocabulary: how many tokens the tokenizer knows.
    """

    texts: tuple[TokenizedText, ...]
    input_ids: tuple[tuple[int, ...], ...]
    attention_mask: tuple[tuple[int, ...], ...]
    padding: Token | None
    padding_id: int
    padding_side: str
    truncation_side: str
    limit: int
    vocabulary: int

    @property
    def shape(self) -> tuple[int, int]:
        """(batch, sequence)."""
        return len(self.input_ids), len(self.input_ids[0])


@dataclass(frozen=True)
class TokenizeRequest(Request[TokenizeResult]):
    """Texts for a tokenizer. Raises `InvalidRequest` where there is none, or too much.

    Attributes:
        texts: as they were written, spaces and all; empty ones are left out.
        task: whose checkpoint to take.
    """

    texts: tuple[str, ...]
    task: str = "sentiment"

    def __post_init__(self) -> None:
        texts = tuple(cleaned for text in self.texts if (cleaned := _printable(text)).strip())
        if not texts:
            raise InvalidRequest("There is no text. Please write at least one line for the tokenizer to read.")
        if len(texts) > MOST_TEXTS:
            raise InvalidRequest(f"These are {len(texts)} texts, and I can show {MOST_TEXTS}. Please leave some out.")
        if (characters := sum(map(len, texts))) > MAX_CHARACTERS:
            raise InvalidRequest(
                f"The texts have {characters:,} characters together, and I can read {MAX_CHARACTERS:,} at most. "
                "Please shorten them."
            )
        object.__setattr__(self, "texts", texts)

    @classmethod
    def of_lines(cls, text: str, task: str) -> TokenizeRequest:
        """One text for each line."""
        return cls(tuple(text.splitlines()), task)

    @property
    def checkpoint(self) -> str:
        """The one that was chosen."""
        return self.task


def _printable(text: str) -> str:
    """A text in NFC, as every command reads it, without control characters and lone surrogates: no tokenizer makes
    anything of those."""
    text = unicodedata.normalize("NFC", text)
    return "".join(letter for letter in text if letter == "\t" or unicodedata.category(letter) not in ("Cc", "Cs"))


def read_texts(head: Head, request: TokenizeRequest) -> TaskRun[TokenizeResult]:
    """By the head's tokenizer alone: no forward pass is needed."""
    rows = [head.tokenize(text, truncation=True, max_length=head.context_length) for text in request.texts]
    yield from ()
    return _batch(head, request.texts, rows, head.tokenize_template)


def read_sources(head: Seq2SeqLM, request: TokenizeRequest) -> TaskRun[TokenizeResult]:
    """The same for an encoder-decoder, as a text in English where it has to be told the language."""
    english = next((code for code in head.language_codes if language(code).code == "en"), None)
    rows = [head.encode(text, max_new_tokens=1, source=english).inputs.ids for text in request.texts]
    yield from ()
    return _batch(head, request.texts, rows, partial(head.tokenize_template, source=english))


def _batch(
    head: Head, texts: Sequence[str], rows: Sequence[Sequence[int]], in_template: Callable[..., list[int]]
) -> TokenizeResult:
    """Rows padded to the longest, on the tokenizer's own side.

    Args:
        in_template: gives the token ids of what a template has written.
    """
    tokenizer = head.tokenizer
    width, fill = max(map(len, rows)), head.pad_token_id
    is_left = tokenizer.padding_side == "left"
    ids, mask = [], []
    for row in rows:
        padding = width - len(row)
        ids.append(_beside(tuple(row), (fill,) * padding, is_left))
        mask.append(_beside((1,) * len(row), (0,) * padding, is_left))
    return TokenizeResult(
        tuple(_tokenized(head, texts, rows, in_template)),
        tuple(ids),
        tuple(mask),
        head.tokens([fill])[0] if tokenizer.pad_token_id is not None else None,
        fill,
        tokenizer.padding_side,
        tokenizer.truncation_side,
        head.context_length,
        len(tokenizer),
    )


def _tokenized(
    head: Head, texts: Sequence[str], rows: Sequence[Sequence[int]], in_template: Callable[..., list[int]]
) -> Iterator[TokenizedText]:
    for text, row in zip(texts, rows, strict=True):
        # A row that is not full is whole.
        whole = len(head.tokenize(text, verbose=False)) if len(row) >= head.context_length else len(row)
        tokens = head.tokens(row)
        of_text = sum(not token.special or token.id == head.tokenizer.unk_token_id for token in tokens)
        read = TokenizedText(text, tokens, of_text, whole - len(row))
        yield replace(read, in_template=_in_template(head, read, in_template))


def _in_template(head: Head, read: TokenizedText, in_template: Callable[..., list[int]]) -> TokenizedText | None:
    """A text as the tokens that it would be in a template, where these are others."""
    ids = in_template(read.text, verbose=False)
    kept = ids[: head.context_length]
    if kept == [token.id for token in read.tokens]:
        return None
    control = set(head.control_tokens.values()) - {head.tokenizer.unk_token_id}
    tokens = tuple(replace(token, special=token.special or token.id in control) for token in head.tokens(kept))
    added = len(head.tokenize(""))
    return TokenizedText(read.text, tokens, len(ids) - added, len(ids) - len(kept))


def _beside(row: tuple[int, ...], padding: tuple[int, ...], is_left: bool) -> tuple[int, ...]:
    return padding + row if is_left else row + padding


TASK = Task("tokenize", TokenizeRequest, {**dict.fromkeys(HeadKind, read_texts), HeadKind.SEQ2SEQ_LM: read_sources})
