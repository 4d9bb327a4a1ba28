"""What a decoder adds to the embeddings of its tokens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

_AT_ONCE = 64
"""Of so many positions the embeddings are looked up at once."""


class Positions:
    """What a decoder adds to the embeddings of its tokens: each row of a batch is given its own. Used on the device's
    thread only.

    The library counts the tokens that its cache has, which is one number for all rows.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._table = torch.empty(0)

    @property
    def are_added(self) -> bool:
        """Whether the decoder adds them at all; not where they are relative."""
        return self._module is not None

    @property
    def number(self) -> int:
        """How many are known."""
        return len(self._table)

    def reach(self, number: int, states: torch.Tensor) -> None:
        """Learn so many, if there are so many.

        Args:
            number: of positions, from the first one on.
            states: any of the encoder's hidden states, (tokens, hidden).
        """
        number = -(-number // _AT_ONCE) * _AT_ONCE
        most = getattr(self._head.model.config, "max_position_embeddings", None)
        number = number if most is None else min(number, most)
        if self._module is not None and number > self.number:
            self._table = self._looked_up(self._module, number, states)

    @contextmanager
    def of(self, places: torch.Tensor) -> Iterator[None]:
        """Have the decoder read one token of each row inside the body.

        Args:
            places: of each row's token in its text, from 0, (rows,).
        """
        if self._module is None:
            yield
            return
        found = self._table[places][:, None]
        handle = self._module.register_forward_hook(lambda *_: found)
        try:
            yield
        finally:
            handle.remove()

    @property
    def _module(self) -> torch.nn.Module | None:
        return getattr(self._head.model.get_decoder(), "embed_positions", None)

    def _looked_up(self, module: torch.nn.Module, number: int, states: torch.Tensor) -> torch.Tensor:
        """The embeddings of the first positions, (positions, hidden), as the decoder adds them to a text."""
        seen: list[torch.Tensor] = []
        text = [[_not(self._head.pad_token_id)] * number]
        handle = module.register_forward_hook(lambda module, arguments, output: seen.append(output))
        try:
            self._head.model.get_decoder()(
                input_ids=self._head.tensor(text), encoder_hidden_states=states[None, :1], use_cache=False
            )
        finally:
            handle.remove()
        return seen[0].reshape(-1, seen[0].shape[-1])


def _not(token: int) -> int:
    """Another token. Some models give padding no position."""
    return 1 if token == 0 else 0
