"""The position embeddings of a decoder: each row of a batch is given its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bot.inference.heads.checkpoint import Checkpoint

_AT_ONCE = 64
"""Embeddings are looked up for so many positions at once."""


class PositionEmbeddings:
    """What a decoder adds to the embeddings of its tokens. Used on the device's thread only."""

    # The library counts the tokens in its cache, which is one number for all rows.

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._table = torch.empty(0)

    @property
    def are_added(self) -> bool:
        """Whether the decoder adds position embeddings at all; it doesn't if positions are relative."""
        return self._module is not None

    @property
    def number(self) -> int:
        """The number of known positions."""
        return len(self._table)

    def reach(self, number: int, states: torch.Tensor) -> None:
        """Learn the first positions, if the model has so many.

        Args:
            number: of positions, from the first one on.
            states: any of the encoder's hidden states, (tokens, hidden).
        """
        number = -(-number // _AT_ONCE) * _AT_ONCE
        most = getattr(self._checkpoint.model.config, "max_position_embeddings", None)
        number = number if most is None else min(number, most)
        if self._module is not None and number > self.number:
            self._table = self._looked_up(self._module, number, states)

    @contextmanager
    def of(self, positions: torch.Tensor) -> Iterator[None]:
        """Have the decoder read one token of each row at these positions, (rows,), inside the body."""
        if self._module is None:
            yield
            return
        found = self._table[positions][:, None]
        handle = self._module.register_forward_hook(lambda *_: found)
        try:
            yield
        finally:
            handle.remove()

    @property
    def _module(self) -> torch.nn.Module | None:
        return getattr(self._checkpoint.model.get_decoder(), "embed_positions", None)

    def _looked_up(self, module: torch.nn.Module, number: int, states: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of the first positions, (positions, hidden), as the decoder adds them to a text."""
        seen: list[torch.Tensor] = []
        text = [[1 if self._checkpoint.pad_token_id == 0 else 0] * number]  # some models give padding no position
        handle = module.register_forward_hook(lambda module, arguments, output: seen.append(output))
        try:
            self._checkpoint.model.get_decoder()(
                input_ids=self._checkpoint.tensor(text), encoder_hidden_states=states[None, :1], use_cache=False
            )
        finally:
            handle.remove()
        return seen[0].reshape(-1, seen[0].shape[-1])
