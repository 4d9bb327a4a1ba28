"""Prompts, and all that may follow each of them, read in one forward pass.

The tokens of all rows stand in one sequence. Behind each prompt stand the beginnings of its candidates: each sees the
prompt and itself, and has the positions that it would have alone behind the prompt. So a prompt is read once, nothing
is padded, and attention looks at each row by itself.

Source: "tree attention" in Miao et al.: SpecInfer, ASPLOS 2024, arXiv:2305.09781.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

import torch

from bot.inference.compute.packed_linear import PackedLinear
from bot.inference.heads.invariance.row_attention import Place

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

Tokens = tuple[int, ...]

LEAST_ROWS = 16
"""An output layer that is not packed is asked for at least as many tokens: for fewer the plain kernels of PyTorch round
otherwise, and in the time that reading such a layer takes it computes as many."""


@dataclass(frozen=True)
class Tree:
    """A prompt, and what is read after it.

    Attributes:
        prompt: at least one token.
        beginnings: each at least one token.
    """

    prompt: Tokens
    beginnings: tuple[Tokens, ...]

    @cached_property
    def ids(self) -> list[int]:
        """All tokens, those of the prompt first."""
        return [*self.prompt, *(token for beginning in self.beginnings for token in beginning)]

    @property
    def positions(self) -> list[int]:
        """Of each token."""
        first = len(self.prompt)
        behind = [first + place for beginning in self.beginnings for place in range(len(beginning))]
        return [*range(first), *behind]

    @property
    def wanted(self) -> range:
        """The tokens after which the next one is asked for: the prompt's last one, and all behind it."""
        return range(len(self.prompt) - 1, len(self.ids))

    def seen(self, positions: torch.Tensor) -> torch.Tensor | None:
        """Which tokens (second axis) each token sees; None for all before it."""
        if len(self.beginnings) < 2:
            return None
        branches = [0] * len(self.prompt)
        for number, beginning in enumerate(self.beginnings, 1):
            branches += [number] * len(beginning)
        of = torch.tensor(branches, device=positions.device)
        return ((of == 0) | (of[:, None] == of)) & (positions[:, None] >= positions)

    def parts(self, most: int) -> Iterator[Tree]:
        """Trees of the same prompt that want the next token at no more places each, or have one beginning."""
        chosen: list[Tokens] = []
        for beginning in self.beginnings:
            if chosen and 1 + sum(map(len, chosen)) + len(beginning) > most:
                yield Tree(self.prompt, tuple(chosen))
                chosen = []
            chosen.append(beginning)
        yield Tree(self.prompt, tuple(chosen))


def read_trees(head: Head, trees: Sequence[Tree]) -> list[torch.Tensor]:
    """Logits of the token after each wanted token of each tree, (wanted, vocabulary) each, in one forward pass."""
    starts = list(accumulate((len(tree.ids) for tree in trees), initial=0))
    filling = head.filled_up(starts[-1]) - starts[-1]
    ids = [token for tree in trees for token in tree.ids] + [head.pad_token_id] * filling
    positions = head.tensor([place for tree in trees for place in tree.positions] + [0] * filling)
    places = [_place(tree, start, positions) for tree, start in zip(trees, starts, strict=False)]
    wanted = [start + place for tree, start in zip(trees, starts, strict=False) for place in tree.wanted]
    missing = 0 if _is_packed(head) else max(0, LEAST_ROWS - len(wanted))
    output = head.row_attention(
        places,
        input_ids=head.tensor([ids]),
        position_ids=positions[None],
        use_cache=False,
        logits_to_keep=head.tensor(wanted + wanted[-1:] * missing),
    )
    logits: torch.Tensor = output.logits[0, : len(wanted)]
    return list(torch.split(logits, [len(tree.wanted) for tree in trees]))


def _place(tree: Tree, start: int, positions: torch.Tensor) -> Place:
    tokens = slice(start, start + len(tree.ids))
    own = positions[tokens]
    return Place(0, tokens, tree.seen(own), own)


def _is_packed(head: Head) -> bool:
    return isinstance(head.model.get_output_embeddings(), PackedLinear)
