"""Rows of an encoder-decoder that others join between two tokens.

Each row feeds the decoder one token a step, whatever its place in its text: its earlier tokens and its source stand in
columns that end where everybody's end. Distances between tokens are the same there as in a text by itself, which is
all that relative positions (T5) ask for. Where positions are added to the embeddings (BART and its relatives), each row
is given its own.

Source: as `bot.inference.heads.decoding`; `EncoderDecoderCache` in the transformers documentation ("Caching").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import accumulate, count, pairwise
from typing import TYPE_CHECKING, Any, Protocol

import torch
from transformers import Cache, EncoderDecoderCache
from transformers.cache_utils import DynamicLayer
from transformers.modeling_outputs import BaseModelOutput

from bot.inference.heads.columns import Columns
from bot.inference.heads.probing import agree

if TYPE_CHECKING:
    from bot.inference.heads.base import Head

ROOM = 32
"""Columns that are added whenever what was written runs out of them."""
_NOTE = "sources"
_POSITIONS = 64
"""Of so many positions the embeddings are looked up at once."""


class Source(Sized, Protocol):
    """What is read before a text is written; its length is that of what the encoder reads."""

    @property
    def ids(self) -> Sequence[int]:
        """What the encoder reads."""
        ...

    @property
    def start(self) -> Sequence[int]:
        """What the decoder starts from: the first token is read in the first step."""
        ...


class Encoder(Protocol):
    """Reads sources."""

    def __call__(self, sources: Sequence[Sequence[int]]) -> torch.Tensor:
        """The encoder's hidden states of all tokens, one source after the other, (tokens, hidden)."""
        ...


class SourceRows:
    """See the module's text.

    Attributes:
        joinable: True: rows can join others that are under way.
    """

    joinable = True

    def __init__(self, head: Head, encode: Encoder, positions: Positions) -> None:
        self._head = head
        self._encode = encode
        self._positions = positions
        self._written = Columns(head, spare=ROOM)
        self._sources = Columns(head)
        self._new: list[int] = []  # lengths of the sources that join in this step
        self._states = torch.empty(0)
        # Layers make themselves known one by one; the library counts them from 0.
        own, cross = count(), count()
        self._cache = EncoderDecoderCache(
            Cache(layer_class_to_replicate=lambda: _WrittenLayer(self._written, next(own))),
            Cache(layer_class_to_replicate=lambda: _SourceLayer(self._sources, next(cross), self._new)),
        )

    def read(self, last: torch.Tensor, new: Sequence[Source]) -> torch.Tensor:
        """See `Rows.read`; of new rows the decoder reads the first token."""
        self._new[:] = [len(source.ids) for source in new]
        self._written.make_room([1] * len(new), further=1)
        self._written.add([1] * len(new))
        self._sources.make_room(self._new, further=0)
        self._sources.add(self._new)
        if new:
            self._states = self._encode([source.ids for source in new])
            self._cache.is_updated = {}  # the decoder makes keys and values of the new sources
            last = torch.cat([last, self._head.tensor([source.start[0] for source in new])])
        starts, end = self._written.starts, self._written.end
        with self._positions.of([end - 1 - start for start in starts], self._states):
            output = self._head.model(
                encoder_outputs=BaseModelOutput(last_hidden_state=self._states[None]),
                attention_mask=self._mask(self._sources),
                decoder_input_ids=last[:, None],
                decoder_attention_mask=self._mask(self._written),
                cache=self._cache,
                use_cache=True,
            )
        logits: torch.Tensor = output.logits[:, -1].float()
        return logits

    def keep(self, places: Sequence[int]) -> None:
        """See `Rows.keep`."""
        for columns in (self._written, self._sources):
            columns.keep(places)
        for layer in self._cache.cross_attention_cache.layers:
            layer.see()

    def _mask(self, columns: Columns) -> torch.Tensor:
        """Which columns each row sees, (rows, 1, 1, columns)."""
        seen = columns.seen
        mask = columns.mask(seen)
        return self._everything(len(columns.starts), seen) if mask is None else mask

    def _everything(self, rows: int, seen: slice) -> torch.Tensor:
        return torch.ones(rows, 1, 1, seen.stop - seen.start, dtype=torch.bool, device=self._head.device.name)


class _WrittenLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of what the decoder has read, in one layer."""

    def __init__(self, columns: Columns, place: int) -> None:
        super().__init__()
        self._columns = columns
        self._place = place

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add a token of each row, (rows, heads, 1, size); returns all of each row, (rows, heads, columns, size)."""
        columns = self._columns
        rows, seen = len(columns.starts), columns.seen
        layer = columns.layer(self._place, key_states, value_states)
        layer.keys[:rows, :, seen.stop - 1] = key_states[:, :, 0]
        layer.values[:rows, :, seen.stop - 1] = value_states[:, :, 0]
        return layer.keys[:rows, :, seen], layer.values[:rows, :, seen]

    def get_seq_length(self) -> int:
        """How far the token that is read now is from the first column."""
        return self._columns.end - 1 - min(self._columns.starts)


class _SourceLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of the sources, in one layer."""

    def __init__(self, columns: Columns, place: int, new: Sequence[int]) -> None:
        super().__init__()
        self._columns = columns
        self._place = place
        self._new = new

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add new sources, one after the other, (1, heads, tokens, size); returns those of all rows."""
        columns = self._columns
        layer = columns.layer(self._place, key_states, value_states)
        borders = pairwise(accumulate(self._new, initial=0))
        for row, (start, stop) in enumerate(borders, len(columns.starts) - len(self._new)):
            here = slice(columns.starts[row], columns.end)
            layer.keys[row, :, here] = key_states[0, :, start:stop]
            layer.values[row, :, here] = value_states[0, :, start:stop]
        return self.see()

    def see(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Show the library the rows that there are, and the columns that they need."""
        rows, seen = len(self._columns.starts), self._columns.seen
        layer = self._columns.layers.get(self._place)
        if layer is None:
            self.keys = self.values = torch.empty(0)
        else:
            self.keys, self.values = layer.keys[:rows, :, seen], layer.values[:rows, :, seen]
        return self.keys, self.values


class Positions:
    """What a decoder adds to the embeddings of its tokens: each row of a batch is given its own. Used on the device's
    thread only.

    The library counts the tokens that its cache has, which is one number for all rows.
    """

    def __init__(self, head: Head) -> None:
        self._head = head
        self._table = torch.empty(0)

    @contextmanager
    def of(self, places: Sequence[int], states: torch.Tensor) -> Iterator[None]:
        """Have the decoder read one token of each row inside the body.

        Args:
            places: of each row's token in its text, from 0.
            states: any of the encoder's hidden states, (tokens, hidden).
        """
        module = getattr(self._head.model.get_decoder(), "embed_positions", None)
        if module is None:
            yield
            return
        if max(places) >= len(self._table):
            self._table = self._looked_up(module, max(places) + 1, states)
        found = self._table[self._head.tensor(places)][:, None]
        handle = module.register_forward_hook(lambda *_: found)
        try:
            yield
        finally:
            handle.remove()

    def _looked_up(self, module: torch.nn.Module, needed: int, states: torch.Tensor) -> torch.Tensor:
        """The embeddings of the first positions, (positions, hidden), as the decoder adds them to a text."""
        seen: list[torch.Tensor] = []
        number = -(-needed // _POSITIONS) * _POSITIONS
        most = getattr(self._head.model.config, "max_position_embeddings", None)
        text = [[_not(self._head.pad_token_id)] * (number if most is None else min(number, most))]
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


def can_be_joined(head: Head, encode: Encoder, positions: Positions) -> bool:
    """Whether rows of an encoder-decoder can join others that are under way, and get what they would get alone.

    Found out with a few short forward passes, once for each checkpoint. Used on the device's thread only.
    """
    if _NOTE not in head.notes:
        head.notes[_NOTE] = is_greedy(head.model.generation_config.to_diff_dict()) and _agrees(head, encode, positions)
    return bool(head.notes[_NOTE])


@dataclass(frozen=True)
class _Probe:
    """A source, and what the decoder reads."""

    ids: tuple[int, ...]
    start: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.ids)


_EARLY = (_Probe((5, 6, 7), (2, 3, 4, 5, 6, 7, 8, 9)), _Probe((8, 9), (3, 5, 2, 6, 4, 9, 7, 8)))
_LATE = _Probe((4, 7, 5, 6, 9), (4, 6))
"""Joins them for their last steps."""


def _agrees(head: Head, encode: Encoder, positions: Positions) -> bool:
    """Whether two rows, and a third that joins them, get the logits that each would get alone."""
    rows = SourceRows(head, encode, positions)
    probes = (*_EARLY, _LATE)
    joining = len(_EARLY[0].start) - len(_LATE.start)
    try:
        rows.read(head.tensor([]), _EARLY)
        for step in range(1, joining + 1):
            rows.read(head.tensor([probe.start[step] for probe in _EARLY]), [_LATE] if step == joining else [])
        found = rows.read(head.tensor([probe.start[-1] for probe in probes]), [])
        plain = [_plain(head, probe) for probe in probes]
    except (AttributeError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return False
    return agree(list(found), plain, head.precision)


def _plain(head: Head, probe: Source) -> torch.Tensor:
    """Logits of the next token, (vocabulary,), in a forward pass without a cache."""
    output = head.model(
        input_ids=head.tensor([probe.ids]), decoder_input_ids=head.tensor([probe.start]), use_cache=False
    )
    logits: torch.Tensor = output.logits[0, -1].float()
    return logits


_WITHOUT_EFFECT = frozenset(
    {
        "bos_token_id",
        "decoder_start_token_id",
        "early_stopping",
        "eos_token_id",
        "length_penalty",
        "max_length",
        "max_new_tokens",
        "pad_token_id",
        "temperature",
        "top_k",
        "top_p",
        "transformers_version",
        "use_cache",
    }
)
"""Of a generation configuration, where the likeliest token is always taken and one text is written for a source."""
_NEUTRAL = {
    "num_beams": 1,
    "num_beam_groups": 1,
    "num_return_sequences": 1,
    "repetition_penalty": 1,
    "guidance_scale": 1,
}


def is_greedy(config: Mapping[str, Any]) -> bool:
    """Whether `generate` takes the likeliest token each time and changes no logits, without a setting to sample.

    Args:
        config: what a generation configuration sets (`GenerationConfig.to_diff_dict`). What is not known here has an
            effect.
    """
    return all(
        not value or value == _NEUTRAL.get(name)
        for name, value in config.items()
        if name not in _WITHOUT_EFFECT and name != "do_sample" and not name.startswith(("_", "output_", "return_"))
    )
