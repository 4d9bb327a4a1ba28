"""Rows of an encoder-decoder that others join between two tokens.

Each row feeds the decoder one token a step, whatever its place in its text: its earlier tokens and its source stand in
columns that end where everybody's end. Distances between tokens are the same there as in a text by itself, which is
all that relative positions (T5) ask for. Where positions are added to the embeddings (BART and its relatives), each row
is given its own.

Source: as `continuous_batching`; `EncoderDecoderCache` in the transformers documentation ("Caching").
"""

from __future__ import annotations

from collections.abc import Sequence, Sized
from functools import partial
from itertools import accumulate, count, pairwise
from typing import TYPE_CHECKING, Any, Protocol

import torch
from transformers import Cache, EncoderDecoderCache
from transformers.cache_utils import DynamicLayer
from transformers.modeling_outputs import BaseModelOutput

from bot.inference.heads.generation.cuda_graphs import RecordedSteps
from bot.inference.heads.generation.decoder_positions import Positions
from bot.inference.heads.generation.kv_cache import Columns
from bot.inference.heads.generation.static_kv_cache import FixedColumns, Window

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

ROOM = 32
"""Columns that are added whenever what was written runs out of them."""


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

    def __init__(
        self, head: Head, encode: Encoder, positions: Positions, recorded: RecordedSteps | None = None
    ) -> None:
        """Begin without rows.

        Args:
            head: whose model writes.
            encode: reads the sources.
            positions: of the decoder's tokens.
            recorded: steps in which nobody joins are recorded there, if it has nobody else's rows; with columns for
                what is written, and for the sources.
        """
        self._head = head
        self._encode = encode
        self._positions = positions
        self._recorded = recorded
        self._states = torch.empty(0)
        self._begin(Columns(head, spare=ROOM), Columns(head))

    def read(self, last: torch.Tensor, new: Sequence[Source]) -> torch.Tensor:
        """See `Rows.read`; of new rows the decoder reads the first token."""
        if self._recorded is not None:
            if not self._written.starts and self._recorded.lend(self):
                self._begin(*self._recorded.columns)
            if not new and isinstance(self._written, FixedColumns) and isinstance(self._sources, FixedColumns):
                return self._repeated(last, self._recorded, self._written, self._sources)
        return self._read(last, new)

    def keep(self, places: Sequence[int]) -> None:
        """See `Rows.keep`."""
        for columns in (self._written, self._sources):
            columns.keep(places)
        if not places and self._recorded is not None and isinstance(self._written, FixedColumns):
            self._recorded.give_back()
            self._begin(Columns(self._head, spare=ROOM), Columns(self._head))
        for layer in self._cache.cross_attention_cache.layers:
            layer.see()

    def scrub(self) -> None:
        """See `Rows.scrub`. Also where all rows are gone: the columns of recorded steps stay."""
        kept = self._recorded.columns if self._recorded is not None else ()
        for columns in (self._written, self._sources, *kept):
            columns.scrub()

    def _begin(self, written: Columns, sources: Columns) -> None:
        self._written = written
        self._sources = sources
        self._new = new = list[int]()  # lengths of the sources that join in this step
        # Layers make themselves known one by one; the library counts them from 0. They must not refer to `self`, which
        # refers to them: what is left behind has much memory.
        own, cross = count(), count()
        self._cache = EncoderDecoderCache(
            Cache(layer_class_to_replicate=lambda: _WrittenLayer(written, next(own))),
            Cache(layer_class_to_replicate=lambda: _SourceLayer(sources, next(cross), new)),
        )

    def _repeated(
        self, last: torch.Tensor, recorded: RecordedSteps, written: FixedColumns, sources: FixedColumns
    ) -> torch.Tensor:
        written.make_room([], further=1)
        self._positions.reach(written.width, self._states)
        rows = recorded.rows
        numbers = [*written.places(rows), *written.first(rows), written.end - 1, *sources.first(rows), sources.end - 1]
        compute = partial(_computed, self._head, self._positions, self._states[:1], written, sources)
        logits = recorded.read(last, numbers, compute, self._positions.number)
        if logits is not None:
            return logits
        written.end -= 1
        return self._read(last, [])

    def _read(self, last: torch.Tensor, new: Sequence[Source]) -> torch.Tensor:
        self._new[:] = [len(source.ids) for source in new]
        self._written.make_room([1] * len(new), further=1)
        self._written.add([1] * len(new))
        if new:  # otherwise they stay where they are: the library looks at them there
            self._sources.make_room(self._new, further=0)
            self._sources.add(self._new)
            self._states = self._encode([source.ids for source in new])
            self._cache.is_updated = {}  # the decoder makes keys and values of the new sources
            last = torch.cat([last, self._head.tensor([source.start[0] for source in new])])
        starts, end = self._written.starts, self._written.end
        self._positions.reach(max(end - start for start in starts), self._states)
        masks = [self._mask(columns) for columns in (self._written, self._sources)]
        places = self._head.tensor([end - 1 - start for start in starts])
        return _logits(self._head, self._positions, self._states, last, places, masks, self._cache).float()

    def _mask(self, columns: Columns) -> torch.Tensor:
        """Which columns each row sees, (rows, 1, 1, columns)."""
        seen = columns.seen
        mask = columns.mask(seen)
        if mask is not None:
            return mask
        shape = (len(columns.starts), 1, 1, seen.stop - seen.start)
        return torch.ones(shape, dtype=torch.bool, device=self._head.device.name)


def _logits(
    head: Head,
    positions: Positions,
    states: torch.Tensor,
    ids: torch.Tensor,
    places: torch.Tensor,
    masks: Sequence[torch.Tensor],
    cache: EncoderDecoderCache,
) -> torch.Tensor:
    """Of each row's next token, (rows, vocabulary).

    Args:
        head: whose model reads.
        positions: of the decoder's tokens.
        states: the encoder's hidden states that are not in the cache yet, (tokens, hidden).
        ids: the rows' tokens, (rows,).
        places: of these in their texts, (rows,).
        masks: which columns each row sees, (rows, 1, 1, columns): of what was written, and of the sources.
        cache: has these columns.
    """
    with positions.of(places):
        output = head.model(
            encoder_outputs=BaseModelOutput(last_hidden_state=states[None]),
            attention_mask=masks[1],
            decoder_input_ids=ids[:, None],
            decoder_attention_mask=masks[0],
            cache=cache,
            use_cache=True,
        )
    logits: torch.Tensor = output.logits[:, -1]
    return logits


def _computed(
    head: Head,
    positions: Positions,
    states: torch.Tensor,
    written: FixedColumns,
    sources: FixedColumns,
    ids: torch.Tensor,
    numbers: torch.Tensor,
) -> torch.Tensor:
    """A step that can be recorded, see `RecordedSteps.read`: in `numbers` are the rows' places and first columns, the
    column of the new tokens, and of the sources the first columns and the last one."""
    rows = len(ids)
    places, starts, column, source_starts, last = torch.split(numbers, [rows, rows, 1, rows, 1])
    window = Window.of(written, starts, column, grows=True)
    source_window = Window.of(sources, source_starts, last, grows=False)
    layers = range(len(written.layers))
    distance = 0 if positions.are_added else column[0]
    cache = EncoderDecoderCache(
        Cache(layers=[_WindowLayer(window, place, distance) for place in layers]),
        Cache(layers=[_seen_layer(source_window, place) for place in layers]),
    )
    return _logits(head, positions, states, ids, places, [window.mask, source_window.mask], cache)


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


class _WindowLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of what the decoder has read, in one layer, in a step that is recorded."""

    def __init__(self, window: Window, place: int, distance: torch.Tensor | int) -> None:
        super().__init__()
        self._window = window
        self._place = place
        self._distance = distance

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add a token of each row, (rows, heads, 1, size); returns all of each row, (rows, heads, columns, size)."""
        self._window.put(self._place, key_states, value_states)
        return self._window.see(self._place)

    def get_seq_length(self) -> torch.Tensor | int:
        """How far the token that is read now is from the first column."""
        return self._distance


def _seen_layer(window: Window, place: int) -> DynamicLayer:
    layer = DynamicLayer()
    layer.keys, layer.values = window.see(place)
    layer.is_initialized = True
    return layer
