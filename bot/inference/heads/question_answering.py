"""An encoder that points at an answer: where in a text it begins, and where it ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import regex
import torch
from tokenizers import Encoding

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.heads.encoder_input import EncoderHead, EncoderInput, encoder_budget
from bot.inference.operations import Operation, Row
from bot.inference.task import HeadKind
from bot.text.graphemes import UNSPACED, Graphemes

WINDOW_TOKENS = 384
"""Of a question with a part of its context; what the checkpoints were trained with, and transformers' own default."""
STRIDE_TOKENS = 128
"""By which neighbouring windows overlap, so that an answer at a border is whole in one of them."""

Place = tuple[int, int]
"""A part of a text: its first character, and the one after its last."""
_UNSPACED = regex.compile(rf"[{UNSPACED}\u3001-\u3020\uff01-\uff65]")
"""Letters of scripts that are written without spaces, and East Asian punctuation."""


@dataclass(frozen=True)
class Window:
    """A question, and a part of its context.

    Attributes:
        row: the tokens of both.
        places: for each token of the context the characters (start, end) of the context that it stands for, widened to
            its whole word, and to whole graphemes (an emoji, a letter with its accents), without white space at its
            ends; empty where a token stands for white space alone; None for all other tokens.
    """

    row: Row[EncoderInput]
    places: tuple[Place | None, ...]


class QuestionAnswering(EncoderHead):
    """`AutoModelForQuestionAnswering`.

    Attributes:
        locate: the operation; its outputs are logits of shape (2, tokens), float32: that the answer begins at a token,
            and that it ends with it. Those of the first token are for "there is no answer here".
    """

    kind = HeadKind.QUESTION_ANSWERING

    def set_up(self) -> None:
        if not self.tokenizer.is_fast:
            raise ModelUnavailable(
                "The checkpoint's tokenizer does not tell where a token stands in the text, so I cannot mark anything. "
                "Whoever runs this bot can set another one."
            )
        self.locate: Operation[EncoderInput, npt.NDArray[np.float32]] = Operation(
            "locate", self.run, encoder_budget(self.device)
        )

    def encode_windows(self, question: str, context: str) -> list[Window]:
        """Tokenise a question with its context, in overlapping windows where it is long.

        Raises:
            InvalidRequest: the question leaves no room for a context.
        """
        length = min(self.context_length, WINDOW_TOKENS)
        stride = min(STRIDE_TOKENS, length // 2)
        with self.literally:
            asked = len(self.tokenizer(question, add_special_tokens=False)["input_ids"])
            room = length - asked - self.tokenizer.num_special_tokens_to_add(pair=True)
            if room < 8:
                raise InvalidRequest("The question is longer than this model can read. Please ask a shorter one.")
            encoded = self.tokenizer(
                question,
                context,
                truncation="only_second",
                max_length=length,
                stride=stride if stride < room else room // 2,
                return_overflowing_tokens=True,
                return_token_type_ids="token_type_ids" in self.tokenizer.model_input_names,
            )
        types = encoded["token_type_ids"] if "token_type_ids" in encoded else [None] * len(encoded.encodings)
        graphemes = Graphemes(context)
        return [_window(encoding, kinds, graphemes) for encoding, kinds in zip(encoded.encodings, types, strict=True)]

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[npt.NDArray[np.float32]]:
        output = self.read(rows)
        logits = torch.stack([output.start_logits, output.end_logits], dim=1).float().cpu().numpy()
        return [one[:, : len(row.inputs.ids)] for row, one in zip(rows, logits, strict=True)]


def _window(encoding: Encoding, types: Sequence[int] | None, graphemes: Graphemes) -> Window:
    inputs = EncoderInput(tuple(encoding.ids), None if types is None else tuple(types), truncated=False)
    places = tuple(
        graphemes.widened(*_word_of(encoding, token, graphemes.text)) if sequence == 1 else None
        for token, sequence in enumerate(encoding.sequence_ids)
    )
    return Window(Row(inputs, len(inputs.ids)), places)


def _word_of(encoding: Encoding, token: int, context: str) -> Place:
    """The characters of the word that a token belongs to; the token's own where it belongs to none.

    Tokenizers take what stands between two spaces for a word. In scripts that are written without spaces this is a
    whole sentence, so a token of such a script is not widened, and others are only as far as it reaches.
    """
    start, end = encoding.offsets[token]
    word = encoding.word_ids[token]
    found = None if word is None else encoding.word_to_chars(word, sequence_index=1)
    if found is None or start >= end:
        return start, end
    before, after = context[found[0] : start], context[end : found[1]]
    if not _UNSPACED.match(context[start]):
        start -= len(before) - max((match.end() for match in _UNSPACED.finditer(before)), default=0)
    if not _UNSPACED.match(context[end - 1]):
        following = _UNSPACED.search(after)
        end += following.start() if following else len(after)
    return start, end
