"""A model runner whose rows all begin together, with transformers' own cache."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import DynamicCache

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.decode_attention import decoding


class PaddedRunner:
    """A model runner for causal language models with any cache, also sliding windows and recurrent states."""

    joinable = False

    def __init__(self, checkpoint: Checkpoint) -> None:
        self._checkpoint = checkpoint
        self._cache: DynamicCache
        self._mask = torch.empty(0)

    def forward(self, last: torch.Tensor, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """See `ModelRunner.forward`; there are never both tokens and prompts."""
        if len(prompts):
            self._cache = DynamicCache(config=self._checkpoint.model.config)
            ids, self._mask = self._checkpoint.pad(prompts, left=True)
            positions = (self._mask.cumsum(dim=-1) - 1).clamp(min=0)
        else:
            ids = last.unsqueeze(1)
            self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
            positions = self._mask.sum(dim=-1, keepdim=True) - 1
        with decoding(self._checkpoint):
            output = self._checkpoint.model(
                input_ids=ids,
                attention_mask=self._mask,
                position_ids=positions,
                cache=self._cache,
                use_cache=True,
                logits_to_keep=1,
            )
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def keep(self, slots: Sequence[int]) -> None:
        """See `ModelRunner.keep`."""
        if not slots:
            del self._cache
            return
        chosen = self._checkpoint.tensor(slots)
        self._cache.batch_select_indices(chosen)
        self._mask = self._mask[chosen]

    def scrub(self) -> None:
        """See `ModelRunner.scrub`; transformers' cache keeps nothing of rows that are gone."""
