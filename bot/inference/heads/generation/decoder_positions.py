"""Position embeddings of a decoder whose rows are at different positions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from bot.inference.heads.checkpoint import Checkpoint

_AT_ONCE = 64
"""Positions whose embeddings are looked up at once."""


class PositionEmbeddings:
    """A table of the embeddings that a decoder adds to its tokens. Used on the device's thread only."""

    # The library would give all rows one position: the number of tokens in its cache.

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._table = torch.empty(0)

    @property
    def are_added(self) -> bool:
        """Whether the decoder adds position embeddings at all; it doesn't if positions are relative."""
        return self._module is not None

    def __len__(self) -> int:
        return len(self._table)

    def extend(self, count: int, states: torch.Tensor) -> None:
        """Extend the table to `count` positions, or to the model's last one.

        Args:
            states: any of the encoder's hidden states, (tokens, hidden).
        """
        count = -(-count // _AT_ONCE) * _AT_ONCE
        most = getattr(self._checkpoint.model.config, "max_position_embeddings", None)
        count = count if most is None else min(count, most)
        if self._module is not None and count > len(self):
            self._table = self._looked_up(self._module, count, states)

    @contextmanager
    def of(self, positions: torch.Tensor) -> Iterator[None]:
        """Have the decoder add the embeddings of these positions, (rows,), inside the body."""
        if self._module is None:
            yield
            return
        embeddings = self._table[positions][:, None]
        handle = self._module.register_forward_hook(lambda *_: embeddings)
        try:
            yield
        finally:
            handle.remove()

    @property
    def _module(self) -> torch.nn.Module | None:
        return getattr(self._checkpoint.model.get_decoder(), "embed_positions", None)

    def _looked_up(self, module: torch.nn.Module, count: int, states: torch.Tensor) -> torch.Tensor:
        """Return the embeddings of the first positions, (positions, hidden), from a forward pass of the decoder."""
        seen: list[torch.Tensor] = []
        text = [[1 if self._checkpoint.pad_token_id == 0 else 0] * count]  # some models give padding no position
        handle = module.register_forward_hook(lambda module, arguments, output: seen.append(output))
        try:
            self._checkpoint.model.get_decoder()(
                input_ids=self._checkpoint.tensor(text), encoder_hidden_states=states[None, :1], use_cache=False
            )
        finally:
            handle.remove()
        return seen[0].reshape(-1, seen[0].shape[-1])
