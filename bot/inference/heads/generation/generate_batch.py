"""A batch that transformers' `generate` writes to its end: with beams, or with logits processors."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn.utils.rnn import pad_sequence
from transformers.modeling_outputs import BaseModelOutput

from bot.errors import NotFinite, Unanswered
from bot.inference.heads.generation.continuous_batching import Generated
from bot.inference.heads.generation.decode_attention import decoding
from bot.inference.heads.generation.encoder_decoder_runner import EncoderDecoder
from bot.inference.heads.generation.sampling import FiniteRows, RowStop
from bot.inference.heads.generation.source_text import SourceText
from bot.inference.operations import Row


class GenerateBatch:
    """Texts of an encoder-decoder that stay together to the end."""

    joinable = False

    def __init__(self, model: EncoderDecoder) -> None:
        self._model = model
        self._checkpoint = model.checkpoint
        self._rows: list[Row[SourceText]] = []
        self._done: list[tuple[Row[SourceText], Generated | Unanswered]] = []

    def __len__(self) -> int:
        return len(self._rows) + len(self._done)

    def join(self, rows: Sequence[Row[SourceText]]) -> None:
        """Add rows, which begin with the next step."""
        self._rows += rows

    def step(self) -> None:
        """Write all texts to their end."""
        rows, self._rows = self._rows, []
        if rows:
            self._done += zip(rows, self._generated(rows), strict=True)

    def leave(self) -> list[tuple[Row[SourceText], Generated | Unanswered]]:
        """Remove the finished rows; return each with its text or its error."""
        done, self._done = self._done, []
        return done

    @torch.inference_mode()
    def _generated(self, rows: Sequence[Row[SourceText]]) -> list[Generated | Unanswered]:
        inputs = [row.inputs for row in rows]
        lengths = [len(source.ids) for source in inputs]
        states = list(torch.split(self._model.encode([source.ids for source in inputs]), lengths))
        # All starts have the same length: a model's tasks give all of them a language token, or none.
        start = self._checkpoint.tensor([source.start for source in inputs])
        finite = FiniteRows(len(rows))
        with self._checkpoint.threads.chosen("write", len(rows)) as timed, decoding(self._checkpoint):
            output: torch.Tensor = self._checkpoint.model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=pad_sequence(states, batch_first=True)),
                attention_mask=pad_sequence([start.new_ones(length) for length in lengths], batch_first=True),
                decoder_input_ids=start,
                max_new_tokens=max(source.max_new_tokens for source in inputs),
                do_sample=False,
                logits_processor=[finite],
                stopping_criteria=[_stop(rows, start.shape[1], finite)],
            )
            timed.parts = output.shape[1]
        ends = self._checkpoint.end_ids
        return [
            _until_end(new[: source.max_new_tokens], ends) if is_finite else NotFinite()
            for source, new, is_finite in zip(inputs, output[:, start.shape[1] :].tolist(), finite.rows, strict=True)
        ]


def _until_end(ids: Sequence[int], ends: frozenset[int]) -> Generated:
    """Return a text without its end-of-sequence token and the padding behind it."""
    length = next((position for position, token in enumerate(ids) if token in ends), None)
    if length is None:
        return Generated(tuple(ids), finished=False)
    return Generated(tuple(ids[:length]), finished=True, end=ids[length])


def _stop(rows: Sequence[Row[SourceText]], width: int, finite: FiniteRows) -> RowStop:
    def ended(index: int, new: torch.Tensor) -> bool:
        row = rows[index]
        row.heartbeat += 1  # a batch takes long, and this is called for each token
        return row.is_ending or len(new) >= row.inputs.max_new_tokens or not finite.rows[index]

    return RowStop(ended, len(rows), width)
