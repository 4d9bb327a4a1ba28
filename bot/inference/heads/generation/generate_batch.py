"""A batch that the library's `generate` writes to its end: with beams, or with rules that change logits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers.modeling_outputs import BaseModelOutput

from bot.errors import NotFinite, Unanswered
from bot.inference.heads.generation.continuous_batching import Generated
from bot.inference.heads.generation.sampling import FiniteRows, RowStop
from bot.inference.heads.generation.token_logprobs import end_ids
from bot.inference.heads.head import Head
from bot.inference.operations import Row

if TYPE_CHECKING:
    from bot.inference.heads.seq2seq_lm import SourceText


class GenerateBatch:
    """Texts of an encoder-decoder that stay together to the end.

    Attributes:
        joinable: False: rows cannot join others that are under way.
    """

    joinable = False

    def __init__(self, head: Head, encode: Callable[[Sequence[Sequence[int]]], torch.Tensor]) -> None:
        """Begin without rows.

        Args:
            head: whose model writes.
            encode: gives the encoder's hidden states of sources, one after the other, (tokens, hidden).
        """
        self._head = head
        self._encode = encode
        self._rows: list[Row[SourceText]] = []
        self._done: list[tuple[Row[SourceText], Generated | Unanswered]] = []

    def __len__(self) -> int:
        return len(self._rows) + len(self._done)

    def join(self, rows: Sequence[Row[SourceText]]) -> None:
        """Have new rows begin with the next step."""
        self._rows += rows

    def step(self) -> None:
        """Write all texts to their end."""
        rows, self._rows = self._rows, []
        if rows:
            self._done += zip(rows, self._generated(rows), strict=True)

    def leave(self) -> list[tuple[Row[SourceText], Any]]:
        """Take out the rows that are done, with what was written."""
        done, self._done = self._done, []
        return done

    @torch.inference_mode()
    def _generated(self, rows: Sequence[Row[SourceText]]) -> list[Generated | Unanswered]:
        inputs = [row.inputs for row in rows]
        lengths = [len(one.ids) for one in inputs]
        states = list(torch.split(self._encode([one.ids for one in inputs]), lengths))
        # Rows whose start has a language token must not share a batch with rows without: tasks use one form a model.
        start = self._head.tensor([one.start for one in inputs])
        finite = FiniteRows(len(rows))
        with self._head.threads.chosen("write", len(rows)) as this:
            output: torch.Tensor = self._head.model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=pad_sequence(states, batch_first=True)),
                attention_mask=pad_sequence([start.new_ones(length) for length in lengths], batch_first=True),
                decoder_input_ids=start,
                max_new_tokens=max(one.max_new_tokens for one in inputs),
                do_sample=False,
                logits_processor=[finite],
                stopping_criteria=[_stop(rows, start.shape[1], finite)],
            )
            this.parts = output.shape[1]
        ends = end_ids(self._head)
        texts = [
            new[: one.max_new_tokens] for one, new in zip(inputs, output[:, start.shape[1] :].tolist(), strict=True)
        ]
        return [
            _until_end(text, ends) if is_finite else NotFinite()
            for text, is_finite in zip(texts, finite.rows, strict=True)
        ]


def _until_end(ids: Sequence[int], ends: frozenset[int]) -> Generated:
    """What was written, without the end and the padding behind it."""
    place = next((place for place, token in enumerate(ids) if token in ends), None)
    if place is None:
        return Generated(tuple(ids), finished=False)
    return Generated(tuple(ids[:place]), finished=True, end=ids[place])


def _stop(rows: Sequence[Row[SourceText]], width: int, finite: FiniteRows) -> RowStop:
    def ended(row: int, new: torch.Tensor) -> bool:
        one = rows[row]
        one.heartbeat += 1  # a batch takes long, and this is called for each token
        return one.is_ending or len(new) >= one.inputs.max_new_tokens or not finite.rows[row]

    return RowStop(ended, len(rows), width)
