"""An encoder that labels every token of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Encoding

from bot.errors import ModelUnavailable
from bot.inference.heads.encoder_input import EncoderHead, EncoderInput, encoder_budget
from bot.inference.operations import Operation, Row
from bot.inference.task import HeadKind


@dataclass(frozen=True)
class TokenSpan:
    """Where a token stands in its text.

    Attributes:
        start: its first character.
        end: the character after its last one.
        goes_on: whether it continues a word that the token before it has begun; always False where the tokenizer does
            not mark that (`TokenClassifier.marks_words`).
    """

    start: int
    end: int
    goes_on: bool


@dataclass(frozen=True)
class TaggedText:
    """A text for `TokenClassifier.tag`.

    Attributes:
        row: its tokens.
        spans: for each token its place in the text, None for special tokens.
    """

    row: Row[EncoderInput]
    spans: tuple[TokenSpan | None, ...]


class TokenClassifier(EncoderHead):
    """`AutoModelForTokenClassification`.

    Attributes:
        labels: the names of the classes, by id.
        marks_words: whether the tokenizer marks tokens that continue a word, as WordPiece does with `##`.
        tag: the operation; its outputs are logits of shape (tokens, labels), float32.
    """

    kind = HeadKind.TOKEN_CLASSIFIER

    def set_up(self) -> None:
        if not self.tokenizer.is_fast:
            raise ModelUnavailable(
                "The checkpoint's tokenizer does not tell where a token stands in the text, so I cannot mark anything. "
                "Whoever runs this bot can set another one."
            )
        config = self.model.config
        self.labels = tuple(str(config.id2label[index]) for index in range(config.num_labels))
        # The same question that transformers' own pipeline asks.
        self._prefix = str(getattr(self.tokenizer._tokenizer.model, "continuing_subword_prefix", None) or "")
        self.marks_words = bool(self._prefix)
        self.tag: Operation[EncoderInput, npt.NDArray[np.float32]] = Operation(
            "tag", self.run, encoder_budget(self.device)
        )

    def encode_spans(self, text: str) -> TaggedText:
        """Tokenise a text to the model's context length, and remember where each token stands."""
        with self.literally:
            encoded = self.tokenizer(
                text,
                truncation=True,
                max_length=self.context_length,
                return_token_type_ids="token_type_ids" in self.tokenizer.model_input_names,
            )
            [encoding] = encoded.encodings
        types = tuple(encoding.type_ids) if "token_type_ids" in encoded else None
        inputs = EncoderInput(tuple(encoding.ids), types, truncated=bool(encoding.overflowing))
        spans = tuple(
            None if special else TokenSpan(start, end, goes_on)
            for (start, end), special, goes_on in zip(
                encoding.offsets, encoding.special_tokens_mask, self._going_on(encoding), strict=True
            )
        )
        return TaggedText(Row(inputs, len(inputs.ids)), spans)

    def _going_on(self, encoding: Encoding) -> Iterator[bool]:
        """Whether each token continues a word.

        transformers compares a token's length with the number of characters that it stands for, which differ also where
        a normaliser drops accents.
        """
        before: int | None = None
        for token, word in zip(encoding.tokens, encoding.word_ids, strict=True):
            marked = self.marks_words and token.startswith(self._prefix)
            yield marked and word is not None and word == before
            before = word

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[npt.NDArray[np.float32]]:
        logits: torch.Tensor = self.read(rows).logits
        found = logits.float().cpu().numpy()
        return [one[: len(row.inputs.ids)] for row, one in zip(rows, found, strict=True)]
