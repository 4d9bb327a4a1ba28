"""An encoder's layers without padding: the tokens of all rows stand in one sequence, and attention looks at each row.

Source: "sequence packing" in Krell et al.: Efficient Sequence Packing without Cross-contamination, 2021,
arXiv:2107.02027; NVIDIA's "effective transformer" unpads in the same place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, groupby
from typing import Any

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from bot.inference.heads.attention_backend import LayerInput
from bot.inference.heads.invariance.row_attention import LEAST_SHARED_WIDTH
from bot.inference.heads.stacks import states_of, with_states


@dataclass(frozen=True)
class UnpaddedAttention:
    """Attention over one sequence of rows with these lengths. Tokens behind them attend to nothing."""

    lengths: Sequence[int]

    def attend(self, inputs: LayerInput) -> torch.Tensor:
        """See `Attention.attend`."""
        if inputs.causal or (inputs.window is not None and max(self.lengths) > inputs.window):
            raise NotImplementedError("only for encoders that see the whole row")
        query, key, value = (states[0].transpose(0, 1) for states in (inputs.query, inputs.key, inputs.value))
        if not query.shape[0] == key.shape[0] >= sum(self.lengths):
            raise NotImplementedError("its tokens do not stand in one sequence")
        output = query.new_zeros(1, query.shape[0], query.shape[1], value.shape[2])
        for start, rows, length in self._alike(min(query.shape[2], value.shape[2])):
            tokens = slice(start, start + rows * length)
            # (rows, heads, tokens, size)
            queries, keys, values = (
                states[tokens].view(rows, length, *states.shape[1:]).transpose(1, 2) for states in (query, key, value)
            )
            grouped = query.shape[1] != key.shape[1]
            attended = scaled_dot_product_attention(queries, keys, values, scale=inputs.scale, enable_gqa=grouped)
            output[0, tokens] = attended.transpose(1, 2).flatten(0, 1)
        return output

    def _alike(self, width: int) -> Iterator[tuple[int, int, int]]:
        """Yield the start, the number and the length of neighbouring rows that share a call."""
        start = 0
        for length, group in groupby(self.lengths):
            number = sum(1 for _ in group)
            together = number if width >= LEAST_SHARED_WIDTH else 1
            for _ in range(number // together):
                yield start, together, length
                start += together * length


@dataclass(frozen=True)
class UnpaddedLayers:
    """The layers of an encoder, in order.

    Attributes:
        round_up: returns the number of tokens, at least the given one, that is computed.
    """

    layers: Sequence[nn.Module]
    round_up: Callable[[int], int]

    @contextmanager
    def reading(self, lengths: Sequence[int], width: int) -> Iterator[UnpaddedAttention]:
        """Compute without padding inside the body; the model's inputs and outputs stay padded on the right.

        Args:
            lengths: of the rows, in tokens.
            width: of the padded batch.

        Yields:
            The attention function that the model has to use meanwhile.
        """
        ends = [*accumulate(lengths)]
        filling = self.round_up(ends[-1]) - ends[-1]
        places = [number * width + token for number, length in enumerate(lengths) for token in range(length)]
        index = torch.tensor(places + [0] * filling)

        def pack(_: nn.Module, arguments: tuple[Any, ...], options: dict[str, Any]) -> tuple[Any, Any]:
            states = arguments[0] if arguments else options["hidden_states"]
            packed = states.flatten(0, 1).index_select(0, index.to(states.device))[None]
            return ((packed, *arguments[1:]), options) if arguments else ((), options | {"hidden_states": packed})

        def unpack(_: nn.Module, __: object, output: object) -> object:
            states = states_of(output)[0, : ends[-1]]
            padded = states.new_zeros(len(lengths) * width, states.shape[-1])
            padded[index[: ends[-1]].to(states.device)] = states
            return with_states(output, padded.view(len(lengths), width, -1))

        with (
            self.layers[0].register_forward_pre_hook(pack, with_kwargs=True),
            self.layers[-1].register_forward_hook(unpack),
        ):
            yield UnpaddedAttention(lengths)
