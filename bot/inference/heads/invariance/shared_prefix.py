"""Prompts, and everything that may follow each of them, in one forward pass.

The tokens of all rows stand in one sequence. Behind each prompt stand its suffixes: each sees the prompt and itself,
and has the positions that it would have alone behind the prompt. So a prompt is read once, nothing is padded, and
attention is computed for each row by itself.

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
"""An output layer that isn't packed is asked for at least as many tokens: for fewer the plain kernels of PyTorch round
otherwise, and in the time that reading such a layer takes it computes as many."""


@dataclass(frozen=True)
class SharedPrefix:
    """A prompt, and what is read after it.

    Attributes:
        prompt: at least one token.
        suffixes: each at least one token.
    """

    prompt: Tokens
    suffixes: tuple[Tokens, ...]

    @cached_property
    def ids(self) -> list[int]:
        """All tokens, those of the prompt first."""
        return [*self.prompt, *(token for suffix in self.suffixes for token in suffix)]

    @property
    def positions(self) -> list[int]:
        """Of each token."""
        first = len(self.prompt)
        behind = [first + index for suffix in self.suffixes for index in range(len(suffix))]
        return [*range(first), *behind]

    @property
    def wanted(self) -> range:
        """The tokens after which the next one is asked for: the prompt's last one, and all behind it."""
        return range(len(self.prompt) - 1, len(self.ids))

    def seen(self, positions: torch.Tensor) -> torch.Tensor | None:
        """Return which tokens (second axis) each token sees; None for all before it."""
        if len(self.suffixes) < 2:
            return None
        suffixes = [0] * len(self.prompt)
        for number, suffix in enumerate(self.suffixes, 1):
            suffixes += [number] * len(suffix)
        of = torch.tensor(suffixes, device=positions.device)
        return ((of == 0) | (of[:, None] == of)) & (positions[:, None] >= positions)

    def parts(self, most: int) -> Iterator[SharedPrefix]:
        """Yield parts with the same prompt: each wants at most so many next tokens, or has a single suffix."""
        chosen: list[Tokens] = []
        for suffix in self.suffixes:
            if chosen and 1 + sum(map(len, chosen)) + len(suffix) > most:
                yield SharedPrefix(self.prompt, tuple(chosen))
                chosen = []
            chosen.append(suffix)
        yield SharedPrefix(self.prompt, tuple(chosen))


def read_together(checkpoint: Checkpoint, asked: Sequence[SharedPrefix]) -> list[torch.Tensor]:
    """Return logits of the token after each wanted token, (wanted, vocabulary) each, in one forward pass."""
    starts = list(accumulate((len(one.ids) for one in asked), initial=0))
    padding = checkpoint.padded_length(starts[-1]) - starts[-1]
    ids = [token for one in asked for token in one.ids] + [checkpoint.pad_token_id] * padding
    positions = checkpoint.tensor([position for one in asked for position in one.positions] + [0] * padding)
    spans = [_span(one, start, positions) for one, start in zip(asked, starts, strict=False)]
    wanted = [start + index for one, start in zip(asked, starts, strict=False) for index in one.wanted]
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
    return list(torch.split(logits, [len(one.wanted) for one in asked]))


def _span(one: SharedPrefix, start: int, positions: torch.Tensor) -> RowSpan:
    tokens = slice(start, start + len(one.ids))
    own = positions[tokens]
    return RowSpan(0, tokens, one.seen(own), own)
