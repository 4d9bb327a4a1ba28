"""`/tokenize`: which tokens does a model read?"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import language
from bot.inference.operations import TaskRun
from bot.inference.requests import Request, Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.inference.tokenization.tokens import Token
from bot.locales.message import later
from bot.locales.values import later_whole
from bot.text.accepted import MAX_CHARACTERS
from bot.text.characters import without_controls

if TYPE_CHECKING:
    from bot.inference.heads.head import Head
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

MOST_TEXTS = 12


@dataclass(frozen=True)
class TokenizedText:
    """A text and its tokens."""

    text: str
    tokens: tuple[Token, ...]
    """All that the model reads, special ones included, without padding."""
    of_text: int
    """How many of them stand for the text, rather than being added to it."""
    left_out: int
    """How many further tokens exceed the model's limit."""
    in_template: TokenizedText | None = None
    """The same characters in a chat template, where they may be control tokens; None if the tokens are the same."""

    @property
    def characters_per_token(self) -> float | None:
        """Mean length of a token; None if part of the text was left out, or it has no token."""
        return None if self.left_out or not self.of_text else len(self.text) / self.of_text


@dataclass(frozen=True)
class TokenizeResult(Result):
    """Texts as the batch that a model reads: like `tokenizer(texts, padding=True, truncation=True)`."""

    texts: tuple[TokenizedText, ...]
    input_ids: tuple[tuple[int, ...], ...]
    """Padded to the longest text, (batch, sequence)."""
    attention_mask: tuple[tuple[int, ...], ...]
    """1 for tokens, 0 for padding, (batch, sequence)."""
    padding: Token | None
    """None if the tokenizer declares no padding token; any id serves, because the attention mask hides it."""
    padding_id: int
    padding_side: str
    """"left" or "right"."""
    truncation_side: str
    """The side of a text at which excess tokens are left out."""
    limit: int
    """The most tokens that the model reads, special ones included."""
    vocabulary: int
    """How many tokens the tokenizer knows."""

    @property
    def shape(self) -> tuple[int, int]:
        """(batch, sequence)."""
        return len(self.input_ids), len(self.input_ids[0])


@dataclass(frozen=True)
class TokenizeRequest(Request[TokenizeResult]):
    """Texts for a tokenizer; raises `InvalidRequest` if there is none, or too much."""

    texts: tuple[str, ...]
    """Spaces included, empty ones left out."""
    task: str = "sentiment"
    """The task whose checkpoint is used."""

    def __post_init__(self) -> None:
        # Every command reads texts in NFC, and tokenizers ignore control characters, which may stand between two that
        # are one in NFC.
        printable = (unicodedata.normalize("NFC", without_controls(text)) for text in self.texts)
        texts = tuple(text for text in printable if text.strip())
        if not texts:
            raise InvalidRequest(later("There is no text. Please write at least one line for the tokenizer to read."))
        if len(texts) > MOST_TEXTS:
            raise InvalidRequest(
                later(
                    "These are {number} texts, and I can show {most_texts}. Please leave some out.",
                    number=len(texts),
                    most_texts=MOST_TEXTS,
                )
            )
        if (characters := sum(map(len, texts))) > MAX_CHARACTERS:
            raise InvalidRequest(
                later(
                    "The texts have {characters} characters together, and I can read {max_characters} at most. Please "
                    "shorten them.",
                    characters=later_whole(characters),
                    max_characters=later_whole(MAX_CHARACTERS),
                )
            )
        object.__setattr__(self, "texts", texts)

    @classmethod
    def of_lines(cls, text: str, checkpoint: str | None = None) -> TokenizeRequest:
        """Return the request for the lines of a text."""
        return cls(tuple(text.splitlines()), checkpoint=checkpoint)

    @property
    def subject(self) -> str:
        """The texts."""
        return " | ".join(self.texts)

    @property
    def checkpoint_task(self) -> str:
        """The task whose checkpoint is used."""
        return self.task


def read_texts(head: Head, request: TokenizeRequest) -> TaskRun[TokenizeResult]:
    """Answer without a forward pass."""
    rows = [head.tokenize(text, truncation=True, max_length=head.context_length) for text in request.texts]
    yield from ()
    return _batch(head, request.texts, rows, head.tokenize_template)


def read_sources(head: Seq2SeqLM, request: TokenizeRequest) -> TaskRun[TokenizeResult]:
    """Answer for an encoder-decoder. Texts count as English if it has to be told a language."""
    english = next((code for code in head.language_codes if language(code).code == "en"), None)
    rows = [head.encode(text, max_new_tokens=1, source=english).inputs.ids for text in request.texts]
    yield from ()
    return _batch(head, request.texts, rows, partial(head.tokenize_template, source=english))


def _batch(
    head: Head, texts: Sequence[str], rows: Sequence[Sequence[int]], in_template: Callable[..., list[int]]
) -> TokenizeResult:
    """Pad rows to the longest, on the tokenizer's own side; `in_template` encodes a text as part of a template."""
    tokenizer = head.tokenizer
    width, fill = max(map(len, rows)), head.pad_token_id

    def padded(row: Sequence[int], filler: int) -> tuple[int, ...]:
        padding = (filler,) * (width - len(row))
        return (*padding, *row) if tokenizer.padding_side == "left" else (*row, *padding)

    return TokenizeResult(
        tuple(_tokenized(head, texts, rows, in_template)),
        input_ids=tuple(padded(row, fill) for row in rows),
        attention_mask=tuple(padded((1,) * len(row), 0) for row in rows),
        padding=head.tokens([fill])[0] if tokenizer.pad_token_id is not None else None,
        padding_id=fill,
        padding_side=tokenizer.padding_side,
        truncation_side=tokenizer.truncation_side,
        limit=head.context_length,
        vocabulary=len(tokenizer),
    )


def _tokenized(
    head: Head, texts: Sequence[str], rows: Sequence[Sequence[int]], in_template: Callable[..., list[int]]
) -> Iterator[TokenizedText]:
    for text, row in zip(texts, rows, strict=True):
        # A row that is not full has all of its text; counting the others' tokens takes time.
        whole = len(head.tokenize(text, verbose=False)) if len(row) >= head.context_length else len(row)
        tokens = head.tokens(row)
        of_text = sum(not token.special or token.id == head.tokenizer.unk_token_id for token in tokens)
        read = TokenizedText(text, tokens, of_text, whole - len(row))
        yield replace(read, in_template=_in_template(head, read, in_template))


def _in_template(head: Head, read: TokenizedText, in_template: Callable[..., list[int]]) -> TokenizedText | None:
    """Return a text with the tokens that it has in a template; None if these are the same."""
    ids = in_template(read.text, verbose=False)
    kept = ids[: head.context_length]
    if kept == [token.id for token in read.tokens]:
        return None
    control = set(head.control_tokens.values()) - {head.tokenizer.unk_token_id}
    tokens = tuple(replace(token, special=token.special or token.id in control) for token in head.tokens(kept))
    added = len(head.tokenize(""))
    return TokenizedText(read.text, tokens, len(ids) - added, len(ids) - len(kept))


TASK = Task(
    "tokenize",
    TokenizeRequest,
    {**dict.fromkeys(HeadKind, Implementation(read_texts)), HeadKind.SEQ2SEQ_LM: Implementation(read_sources)},
)
