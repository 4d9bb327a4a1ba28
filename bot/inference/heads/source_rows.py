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
from functools import partial
from itertools import accumulate, count, pairwise
from typing import TYPE_CHECKING, Any, Protocol

import torch
from transformers import Cache, EncoderDecoderCache
from transformers.cache_utils import DynamicLayer
from transformers.modeling_outputs import BaseModelOutput

from bot.inference.heads.columns import Columns
from bot.inference.heads.probing import agree
from bot.inference.heads.recorded import FixedColumns, RecordedSteps, Window

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

    def _begin(self, written: Columns, sources: Columns) -> None:
        self._written = written
        self._sources = sources
        self._new: list[int] = []  # lengths of the sources that join in this step
        # Layers make themselves known one by one; the library counts them from 0.
        own, cross = count(), count()
        self._cache = EncoderDecoderCache(
            Cache(layer_class_to_replicate=lambda: _WrittenLayer(written, next(own))),
            Cache(layer_class_to_replicate=lambda: _SourceLayer(sources, next(cross), self._new)),
        )

    def _repeated(
        self, last: torch.Tensor, recorded: RecordedSteps, written: FixedColumns, sources: FixedColumns
    ) -> torch.Tensor:
        written.make_room([], further=1)
        self._positions.reach(written.width, self._states)
        starts = written.filled(recorded.rows)
        column = written.end - 1
        places = [column - start for start in written.starts] + [0] * (len(starts) - len(written.starts))
        numbers = [*places, *starts, column, *sources.filled(recorded.rows), sources.end - 1]
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
        self._sources.make_room(self._new, further=0)
        self._sources.add(self._new)
        if new:
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
        number = -(-number // _POSITIONS) * _POSITIONS
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
