"""An encoder that labels every token of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tokenizers import Encoding

from bot.inference.heads.encoder_head import EncoderHead, EncoderInput, Floats
from bot.inference.heads.head import Loaded
from bot.inference.operations import Row
from bot.inference.task import HeadKind


@dataclass(frozen=True)
class TokenSpan:
    """The span of a token in its text."""

    start: int
    end: int
    goes_on: bool
    """Whether it continues the word of the token before it; False unless the tokenizer `marks_words`."""


@dataclass(frozen=True)
class TaggedText:
    """A text for `TokenClassifier.tag`."""

    row: Row[EncoderInput]
    spans: tuple[TokenSpan | None, ...]
    """Of each token; None for special tokens."""


class TokenClassifier(EncoderHead):
    """`AutoModelForTokenClassification`.

    Attributes:
        labels: the names of the classes, by id.
        marks_words: whether the tokenizer marks tokens that continue a word, as WordPiece does with `##`.
        tag: outputs logits, (tokens, labels), float32.

    Raises:
        ModelUnavailable: the tokenizer doesn't tell which characters a token stands for.
    """

    kind = HeadKind.TOKEN_CLASSIFIER

    def __init__(self, *loaded: *Loaded) -> None:
        super().__init__(*loaded)
        self.check_offsets()
        config = self.model.config
        self.labels = tuple(str(config.id2label[index]) for index in range(config.num_labels))
        self._prefix = str(getattr(self.tokenizer._tokenizer.model, "continuing_subword_prefix", None) or "")
        self.marks_words = bool(self._prefix)
        self.tag = self.operation("tag")

    def encode_spans(self, text: str) -> TaggedText:
        """Tokenize a text to the model's context length, with each token's span."""
        with self.literally:
            [encoding] = self.tokenizer(text, truncation=True, max_length=self.context_length).encodings
        spans = tuple(
            None if special else TokenSpan(start, end, goes_on)
            for (start, end), special, goes_on in zip(
                encoding.offsets, encoding.special_tokens_mask, self._going_on(encoding), strict=True
            )
        )
        return TaggedText(EncoderInput.of(encoding, with_types=self.asks_for_types).row, spans)

    def _going_on(self, encoding: Encoding) -> Iterator[bool]:
        """Yield for each token whether it continues a word."""
        # transformers compares a token's length with that of its characters instead, which also differ if a normaliser
        # drops accents.
        before: int | None = None
        for token, word in zip(encoding.tokens, encoding.word_ids, strict=True):
            marked = self.marks_words and token.startswith(self._prefix)
            yield marked and word is not None and word == before
            before = word

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[Floats]:
        logits = self.forward(rows).logits.float().cpu().numpy()
        return [tokens[: len(row.inputs.ids)] for row, tokens in zip(rows, logits, strict=True)]
