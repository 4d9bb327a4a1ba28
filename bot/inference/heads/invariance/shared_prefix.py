"""Shared prefixes: prompts, each with several suffixes, in one forward pass without padding.

Source: "tree attention" in Miao et al.: SpecInfer, ASPLOS 2024, arXiv:2305.09781.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import torch

from bot.inference.compute.packed_linear import PackedLinear
from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.invariance.row_attention import RowAttention, RowSpan

Tokens = tuple[int, ...]

LEAST_ROWS = 16
"""Tokens that an unpacked output layer reads at least: for fewer, PyTorch's plain kernels round differently."""


@dataclass(frozen=True)
class SharedPrefix:
    """A prompt, and the suffixes that are read after it, each by itself; each has at least one token."""

    prompt: Tokens
    suffixes: tuple[Tokens, ...]

    @cached_property
    def ids(self) -> list[int]:
        """All tokens, those of the prompt first."""
        return [*self.prompt, *(token for suffix in self.suffixes for token in suffix)]

    @property
    def positions(self) -> list[int]:
        """Of each token: every suffix begins where the prompt ends."""
        first = len(self.prompt)
        behind = [first + index for suffix in self.suffixes for index in range(len(suffix))]
        return [*range(first), *behind]

    @property
    def predicting(self) -> range:
        """The indices of the tokens whose next one is predicted: the prompt's last token, and those of the suffixes."""
        return range(len(self.prompt) - 1, len(self.ids))

    def seen(self, positions: torch.Tensor) -> torch.Tensor | None:
        """Return which tokens (second axis) each token sees; None for all before it."""
        if len(self.suffixes) < 2:
            return None
        numbers = [0] * len(self.prompt)
        for number, suffix in enumerate(self.suffixes, 1):
            numbers += [number] * len(suffix)
        owner = torch.tensor(numbers, device=positions.device)
        return ((owner == 0) | (owner[:, None] == owner)) & (positions[:, None] >= positions)

    def parts(self, most: int) -> Iterator[SharedPrefix]:
        """Yield parts with the same prompt: each predicts at most so many tokens, or has a single suffix."""
        chosen: list[Tokens] = []
        for suffix in self.suffixes:
            if chosen and 1 + sum(map(len, chosen)) + len(suffix) > most:
                yield SharedPrefix(self.prompt, tuple(chosen))
                chosen = []
            chosen.append(suffix)
        yield SharedPrefix(self.prompt, tuple(chosen))


def read_together(checkpoint: Checkpoint, rows: Sequence[SharedPrefix]) -> list[torch.Tensor]:
    """Return each row's logits of the predicted tokens, (tokens, vocabulary), from one forward pass."""
    # The tokens of all rows stand in one sequence; attention treats each row by itself.
    starts = list(accumulate((len(row.ids) for row in rows), initial=0))
    padding = checkpoint.padded_length(starts[-1]) - starts[-1]
    ids = [token for row in rows for token in row.ids] + [checkpoint.pad_token_id] * padding
    positions = checkpoint.tensor([position for row in rows for position in row.positions] + [0] * padding)
    spans = [_span(row, start, positions) for row, start in zip(rows, starts, strict=False)]
    wanted = [start + index for row, start in zip(rows, starts, strict=False) for index in row.predicting]
    is_packed = isinstance(checkpoint.model.get_output_embeddings(), PackedLinear)
    missing = 0 if is_packed else max(0, LEAST_ROWS - len(wanted))
    output = checkpoint.attention_backend.run(
        RowAttention(spans),
        input_ids=checkpoint.tensor([ids]),
        position_ids=positions[None],
        use_cache=False,
        logits_to_keep=checkpoint.tensor(wanted + wanted[-1:] * missing),
    )
    logits: torch.Tensor = output.logits[0, : len(wanted)]
    return list(torch.split(logits, [len(row.predicting) for row in rows]))


def _span(row: SharedPrefix, start: int, positions: torch.Tensor) -> RowSpan:
    tokens = slice(start, start + len(row.ids))
    own = positions[tokens]
    return RowSpan(0, tokens, row.seen(own), own)
