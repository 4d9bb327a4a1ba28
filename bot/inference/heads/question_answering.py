"""An encoder that marks an answer in a text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import regex
import torch
from tokenizers import Encoding

from bot.errors import InvalidRequest
from bot.inference.heads.encoder_head import EncoderHead, EncoderInput, Floats
from bot.inference.heads.head import Loaded
from bot.inference.operations import Row
from bot.inference.task import HeadKind
from bot.locales.message import later
from bot.text.graphemes import UNSPACED, Graphemes, Span

WINDOW_TOKENS = 384
"""Of a question with a part of its context: the length in training, and transformers' default."""
STRIDE_TOKENS = 128
"""The overlap of neighbouring windows: an answer at a border is whole in one of them."""

_UNSPACED = regex.compile(rf"[{UNSPACED}\u3001-\u3020\uff01-\uff65]")
"""Letters of scripts that are written without spaces, and East Asian punctuation."""


@dataclass(frozen=True)
class Window:
    """A question with a part of its context."""

    row: Row[EncoderInput]
    spans: tuple[Span | None, ...]
    """Each context token's characters there, widened to its whole word and to whole graphemes, without white space at
    the ends; empty if the token is white space. None for all other tokens."""


class QuestionAnswering(EncoderHead):
    """`AutoModelForQuestionAnswering`.

    Attributes:
        locate: outputs logits, (2, tokens), float32: that the answer begins with a token, and that it ends with it.
            Those of the first token stand for no answer.

    Raises:
        ModelUnavailable: the tokenizer doesn't tell which characters a token stands for.
    """

    kind = HeadKind.QUESTION_ANSWERING

    def __init__(self, *loaded: *Loaded) -> None:
        super().__init__(*loaded)
        self.check_offsets()
        self.locate = self.operation("locate")

    def encode_windows(self, question: str, context: str) -> list[Window]:
        """Tokenize a question with its context, in overlapping windows if the context is long.

        Raises:
            InvalidRequest: the question leaves no room for a context.
        """
        length = min(self.context_length, WINDOW_TOKENS)
        stride = min(STRIDE_TOKENS, length // 2)
        with self.literally:
            question_tokens = len(self.tokenizer(question, add_special_tokens=False)["input_ids"])
            room = length - question_tokens - self.tokenizer.num_special_tokens_to_add(pair=True)
            if room < 8:
                raise InvalidRequest(
                    later("The question is longer than this model can read. Please ask a shorter one.")
                )
            encoded = self.tokenizer(
                question,
                context,
                truncation="only_second",
                max_length=length,
                stride=stride if stride < room else room // 2,
                return_overflowing_tokens=True,
            )
        graphemes = Graphemes(context)
        return [self._window(encoding, graphemes) for encoding in encoded.encodings]

    def _window(self, encoding: Encoding, graphemes: Graphemes) -> Window:
        # The second sequence of a window is the context.
        spans = tuple(
            graphemes.widened(*_word_of(encoding, token, graphemes.text)) if sequence == 1 else None
            for token, sequence in enumerate(encoding.sequence_ids)
        )
        return Window(EncoderInput.of(encoding, with_types=self.asks_for_types).row, spans)

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[Floats]:
        output = self.forward(rows)
        logits = torch.stack([output.start_logits, output.end_logits], dim=1).float().cpu().numpy()
        return [pair[:, : len(row.inputs.ids)] for row, pair in zip(rows, logits, strict=True)]


def _word_of(encoding: Encoding, token: int, context: str) -> Span:
    """Return the characters of a token's word, or the token's own if it belongs to none."""
    start, end = encoding.offsets[token]
    word = encoding.word_ids[token]
    found = None if word is None else encoding.word_to_chars(word, sequence_index=1)
    if found is None or start >= end:
        return Span(start, end)
    # To a tokenizer, a whole sentence of a script without spaces is one word: a token is widened only up to such
    # letters.
    before, after = context[found[0] : start], context[end : found[1]]
    if not _UNSPACED.match(context[start]):
        start -= len(before) - max((match.end() for match in _UNSPACED.finditer(before)), default=0)
    if not _UNSPACED.match(context[end - 1]):
        following = _UNSPACED.search(after)
        end += following.start() if following else len(after)
    return Span(start, end)
