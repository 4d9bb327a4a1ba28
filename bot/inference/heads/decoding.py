"""Generation in which rows join and leave between two tokens.

A static batch makes everybody wait for its longest text, and a newcomer for all of them. Here each step gives every row
one token; rows that are finished leave, and rows that wait join, before the next step.

Source: Yu et al.: Orca: A Distributed Serving System for Transformer-Based Generative Models, OSDI 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from bot.inference.heads.base import Head
from bot.inference.heads.sampling import Sampler, Sampling, choose
from bot.inference.steps import Row


@dataclass(frozen=True)
class Generation:
    """A prompt to continue, as token ids, and how.

    Attributes:
        max_new_tokens: the most tokens to generate.
        stop: the row ends after the first token whose text holds this.
    """

    prompt: tuple[int, ...]
    max_new_tokens: int
    sampling: Sampling
    stop: str | None = None


@dataclass(frozen=True)
class Generated:
    """What was generated.

    Attributes:
        ids: the new tokens, without the end-of-text token.
        finished: whether the model ended the text itself, rather than reaching `max_new_tokens` or being stopped.
        end: the end-of-text token that it wrote then, unless `stop` has ended the row.
    """

    ids: tuple[int, ...]
    finished: bool
    end: int | None = None

    @property
    def written(self) -> tuple[int, ...]:
        """The new tokens, the end-of-text token included."""
        return self.ids if self.end is None else (*self.ids, self.end)


@dataclass(eq=False)
class _Writing:
    """A row that is being written: its tokens so far are the row's `progress`."""

    row: Row[Generation]
    sampler: Sampler
    ended: bool = False
    end: int | None = None

    @property
    def output(self) -> Generated:
        return Generated(tuple(self.row.progress), self.ended, self.end)


class Decoder:
    """Rows that are being written together. Used on the device's thread only.

    Attributes:
        joinable: whether rows can join others that are under way; not where the checkpoint's cache forgets (sliding
            windows, recurrent states), where a batch stays together until its last row is finished.
    """

    def __init__(self, head: Head, end_ids: frozenset[int]) -> None:
        self._head = head
        self._end_ids = end_ids
        self._writing: list[_Writing] = []
        self._cache: Any = None
        self._mask = torch.empty(0)
        self._last = torch.empty(0)
        self.joinable = True

    def __len__(self) -> int:
        return len(self._writing)

    @torch.inference_mode()
    def join(self, rows: Sequence[Row[Generation]]) -> None:
        """Read the prompts of new rows, and give each its first token."""
        cache = DynamicCache(config=self._head.model.config)
        self.joinable = all(type(layer) is DynamicLayer for layer in cache.layers)
        if self.joinable:
            cache.layers = [_RoomyLayer() for _ in cache.layers]
        ids, mask = self._head.pad([row.inputs.prompt for row in rows], left=True)
        positions = (mask.cumsum(dim=-1) - 1).clamp(min=0)
        logits = self._forward(ids, mask, positions, cache)
        joining = [_Writing(row, Sampler(row.inputs.sampling)) for row in rows]
        last = self._choose(joining, logits)
        if self._writing:
            mask = _merge(self._cache, self._mask, cache, mask)
            last = torch.cat([self._last, last])
        else:
            self._cache = cache
        self._mask, self._last = mask, last
        self._writing = [*self._writing, *joining]

    @torch.inference_mode()
    def step(self) -> None:
        """Give every row that is under way its next token."""
        self._mask = torch.nn.functional.pad(self._mask, (0, 1), value=1)
        positions = self._mask.sum(dim=-1, keepdim=True) - 1
        logits = self._forward(self._last.unsqueeze(1), self._mask, positions, self._cache)
        self._last = self._choose(self._writing, logits)

    def leave(self) -> list[tuple[Row[Generation], Generated]]:
        """Take out the rows that are finished, stopped or abandoned, with what was written."""
        done = [one for one in self._writing if self._is_done(one)]
        if done:
            self._keep([place for place, one in enumerate(self._writing) if not self._is_done(one)])
        return [(one.row, one.output) for one in done]

    def _keep(self, places: list[int]) -> None:
        self._writing = [self._writing[place] for place in places]
        if not places:
            self._cache = None
            return
        chosen = self._head.tensor(places)
        self._cache.batch_select_indices(chosen)
        self._mask, self._last = self._mask[chosen], self._last[chosen]
        if self.joinable:
            unused = int(self._mask.argmax(dim=-1).min())
            self._mask = self._mask[:, unused:]
            for layer in self._cache.layers:
                layer.drop_left(unused)

    def _forward(
        self, ids: torch.Tensor, mask: torch.Tensor, positions: torch.Tensor, cache: DynamicCache
    ) -> torch.Tensor:
        """Logits of the next token, (batch, vocabulary), float32."""
        output = self._head.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        )
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def _choose(self, rows: Sequence[_Writing], logits: torch.Tensor) -> torch.Tensor:
        """Each row's next token by its own options, (batch,); kept in its progress unless it ends the text."""
        chosen = choose(logits, [one.sampler for one in rows])
        for one, token in zip(rows, chosen.tolist(), strict=True):
            if token in self._end_ids:
                one.ended, one.end = True, token
            else:
                one.row.progress.append(token)
        return chosen

    def _is_done(self, one: _Writing) -> bool:
        row = one.row
        if row.inputs.stop is not None and row.inputs.stop in self._head.decode(row.progress[-1:]):
            one.ended = True
        return one.ended or row.abandoned or row.stopped or len(row.progress) >= row.inputs.max_new_tokens


class _RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values with room for more: the library's layer copies everything for each new token.

    `keys` and `values` are views of the used part, (batch, heads, sequence, size).
    """

    ROOM = 64
    keys: torch.Tensor
    values: torch.Tensor
    _all_keys: torch.Tensor | None = None
    _all_values: torch.Tensor | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Append keys and values."""
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        used = self.get_seq_length()
        new = used + key_states.shape[-2]
        if self._all_keys is None or self._all_values is None or new > self._all_keys.shape[-2]:
            self._all_keys = _with_room(self.keys, key_states, used, new + self.ROOM)
            self._all_values = _with_room(self.values, value_states, used, new + self.ROOM)
        self._all_keys[:, :, used:new] = key_states
        self._all_values[:, :, used:new] = value_states
        self.keys, self.values = self._all_keys[:, :, :new], self._all_values[:, :, :new]
        return self.keys, self.values

    def replace(self, keys: torch.Tensor, values: torch.Tensor) -> None:
        """Other keys and values than those so far."""
        self.keys, self.values = keys, values
        self._all_keys = self._all_values = None

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep only some rows."""
        self.replace(self.keys[indices], self.values[indices])

    def drop_left(self, tokens: int) -> None:
        """Forget the first tokens."""
        if tokens:
            self.replace(self.keys[:, :, tokens:], self.values[:, :, tokens:])


def _with_room(old: torch.Tensor, new: torch.Tensor, used: int, length: int) -> torch.Tensor:
    batch, heads, _, size = new.shape
    room = new.new_empty((batch, heads, length, size))
    if used:
        room[:, :, :used] = old
    return room


def _merge(cache: Any, mask: torch.Tensor, other: Any, other_mask: torch.Tensor) -> torch.Tensor:
    """Put another batch's keys and values under a cache's own, padded on the left; returns the common mask."""
    width = max(mask.shape[1], other_mask.shape[1])
    # The token that was chosen last has not been read yet, so the mask is as wide as the keys are long.
    for layer, joining in zip(cache.layers, other.layers, strict=True):
        layer.replace(
            torch.cat([_widened(layer.keys, width), _widened(joining.keys, width)]),
            torch.cat([_widened(layer.values, width), _widened(joining.values, width)]),
        )
    pad = torch.nn.functional.pad
    return torch.cat([pad(one, (width - one.shape[1], 0)) for one in (mask, other_mask)])


def _widened(states: torch.Tensor, width: int) -> torch.Tensor:
    return torch.nn.functional.pad(states, (0, 0, width - states.shape[2], 0))
