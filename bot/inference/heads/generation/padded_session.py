"""Rows under way that begin together, in the library's own cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from transformers import DynamicCache

if TYPE_CHECKING:
    from bot.inference.heads.head import Head


class PaddedRows:
    """A batch whose prompts are padded on the left. Any cache will do, also one that forgets or keeps states.

    Attributes:
        joinable: False: rows cannot join others that are under way.
    """

    joinable = False

    def __init__(self, head: Head) -> None:
        self._head = head
        self._cache: Any = None
        self._mask = torch.empty(0)

    def read(self, last: torch.Tensor, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """See `Rows.read`; there are either tokens or prompts."""
        if len(prompts):
            self._cache = DynamicCache(config=self._head.model.config)
            ids, self._mask = self._head.pad(prompts, left=True)
            positions = (self._mask.cumsum(dim=-1) - 1).clamp(min=0)
        else:
            ids = last.unsqueeze(1)
            self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
            positions = self._mask.sum(dim=-1, keepdim=True) - 1
        output = self._head.model(
            input_ids=ids,
            attention_mask=self._mask,
            position_ids=positions,
            cache=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def keep(self, places: Sequence[int]) -> None:
        """See `Rows.keep`."""
        if not places:
            self._cache = None
            return
        chosen = self._head.tensor(places)
        self._cache.batch_select_indices(chosen)
        self._mask = self._mask[chosen]

    def scrub(self) -> None:
        """See `Rows.scrub`: the library's cache keeps nothing of rows that are gone."""
