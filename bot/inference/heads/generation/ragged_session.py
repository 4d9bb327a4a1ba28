"""Rows under way that others join in the same forward pass.

A newcomer's prompt takes a pass over all weights, and so does a step of those under way. Here they share one: the
tokens of all rows stand in one sequence, as the linear layers do not mind, and only attention looks at each row by
itself. Newcomers cost what their tokens cost, and nothing is padded but keys and values.

Source: "selective batching" in Yu et al.: Orca: A Distributed Serving System for Transformer-Based Generative Models,
OSDI 2022; the library's attention interface, "Attention backends" in the transformers documentation.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from transformers import AttentionInterface, DynamicCache
from transformers.cache_utils import DynamicLayer

from bot.inference.heads.generation.cuda_graphs import RecordedSteps
from bot.inference.heads.generation.kv_cache import Columns
from bot.inference.heads.generation.ragged_attention import NewRows, RaggedStep, RepeatedStep
from bot.inference.heads.generation.static_kv_cache import FixedColumns, Window
from bot.inference.heads.inspection.attention_backend import AttentionSwitch
from bot.inference.heads.invariance.probing import agree

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

ROOM = 64
"""Columns that are added whenever keys and values run out of them."""
ALONE = 200
"""Columns of one row: as much time as looking at these takes what an attention of its own costs besides, on a CPU."""
_NAME = "glassbox_ragged"
_NOTE = "ragged"


class RaggedRows:
    """Rows of a decoder, their keys and values in columns of their own.

    Attributes:
        joinable: True: rows can join others that are under way.
    """

    joinable = True

    def __init__(self, head: Head, recorded: RecordedSteps | None = None) -> None:
        """Begin without rows.

        Args:
            head: whose model reads.
            recorded: steps in which nobody joins are recorded there, if it has nobody else's rows.
        """
        AttentionInterface.register(_NAME, _attend)
        self._head = head
        self._model = _Model(head)
        self._columns = Columns(head, spare=ROOM)
        self._recorded = recorded
        self._pads = not head.device.on_cpu

    def read(self, last: torch.Tensor, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        """See `Rows.read`."""
        if self._recorded is not None:
            if not self._columns.starts and self._recorded.lend(self):
                [self._columns] = self._recorded.columns
            if not prompts and isinstance(self._columns, FixedColumns):
                return self._repeated(last, self._recorded, self._columns)
        return self._read(last, prompts)

    def keep(self, places: Sequence[int]) -> None:
        """See `Rows.keep`."""
        self._columns.keep(places)
        if not places and self._recorded is not None and isinstance(self._columns, FixedColumns):
            self._recorded.give_back()
            self._columns = Columns(self._head, spare=ROOM)

    def scrub(self) -> None:
        """See `Rows.scrub`. Also where all rows are gone: the columns of recorded steps stay."""
        for columns in (self._columns, *(self._recorded.columns if self._recorded is not None else ())):
            columns.scrub()

    def _repeated(self, last: torch.Tensor, recorded: RecordedSteps, columns: FixedColumns) -> torch.Tensor:
        columns.make_room([], further=1)
        rows = recorded.rows
        numbers = [*columns.places(rows), *columns.first(rows), columns.end - 1]
        logits = recorded.read(last, numbers, partial(_computed, self._model, columns))
        if logits is not None:
            return logits
        columns.end -= 1
        return self._read(last, [])

    def _read(self, last: torch.Tensor, prompts: Sequence[Sequence[int]]) -> torch.Tensor:
        columns = self._columns
        lengths = [len(prompt) for prompt in prompts]
        old = len(columns.starts)
        columns.make_room(lengths, further=1)
        places = [columns.end - 1 - start for start in columns.starts]
        places += [place for length in lengths for place in range(length)]
        longest = rows_alone(columns.starts, columns.end) if self._head.device.on_cpu else []
        alone = {row: columns.starts[row] for row in longest}
        together = [start for row, start in enumerate(columns.starts) if row not in alone]
        seen = slice(min(together, default=0), columns.end)
        filling = self._head.filled_up(len(places)) - len(places)
        at_once = NewRows.of(self._head, lengths, old, columns.end) if self._pads and len(lengths) > 1 else None
        step = RaggedStep(columns, seen, columns.mask(seen), alone, old, lengths, filling, at_once)
        columns.add(lengths)
        new = [token for prompt in prompts for token in prompt] + [self._head.pad_token_id] * filling
        ids = torch.cat([last, self._head.tensor(new)])
        wanted = self._head.tensor([*range(old), *(border - 1 for border in step.borders[1:])])
        return self._model(ids, self._head.tensor(places + [0] * filling), step, wanted).float()


class _Model:
    """A checkpoint whose attention is computed by a step."""

    def __init__(self, head: Head) -> None:
        self._head = head
        self._switch = AttentionSwitch(head.model)

    def __call__(
        self, ids: torch.Tensor, places: torch.Tensor, step: object, wanted: torch.Tensor | int = 0
    ) -> torch.Tensor:
        """From token ids and their places, (tokens,) both, to logits of the wanted ones, (tokens, vocabulary)."""
        with self._switch.to(_NAME):
            output = self._head.model(
                input_ids=ids[None], position_ids=places[None], use_cache=False, logits_to_keep=wanted, ragged=step
            )
        logits: torch.Tensor = output.logits[0]
        return logits


def _computed(model: _Model, columns: FixedColumns, ids: torch.Tensor, numbers: torch.Tensor) -> torch.Tensor:
    """A step that can be recorded, see `RecordedSteps.read`: in `numbers` are the rows' places and first columns, and
    the column of the new tokens."""
    places, starts, column = torch.split(numbers, [len(ids), len(ids), 1])
    return model(ids, places, RepeatedStep(Window.of(columns, starts, column, grows=True)))


def rows_alone(starts: Sequence[int], end: int) -> list[int]:
    """The rows whose attention had better be computed one by one, rather than as wide as theirs for all.

    Args:
        starts: each row's first column.
        end: the column behind the last one of all of them.
    """

    def cost(number: int) -> int:
        wide = sum(end - starts[row] + ALONE for row in longest[:number])
        return wide + len(starts) * (end - starts[longest[number]])

    longest = sorted(range(len(starts)), key=starts.__getitem__)
    return longest[: min(range(len(starts)), key=cost, default=0)]


def can_be_ragged(head: Head) -> bool:
    """Whether a checkpoint's rows can be ragged: it keeps all keys and values, and lets its attention be replaced.

    Found out with three short forward passes, once for each checkpoint. Used on the device's thread only.
    """
    if _NOTE not in head.notes:
        layers = DynamicCache(config=head.model.config).layers
        keeps_all = all(type(layer) is DynamicLayer for layer in layers)
        replaceable = bool(getattr(head.model, "_supports_attention_backend", False))
        head.notes[_NOTE] = keeps_all and replaceable and _agrees(head)
    return bool(head.notes[_NOTE])


def _agrees(head: Head) -> bool:
    """Whether two rows, and a third that joins them, get the logits that each would get alone."""
    texts = [[1, 2, 3], [2, 4], [3, 1, 2, 5]]
    rows = RaggedRows(head)
    try:
        rows.read(head.tensor([]), [texts[0][:-1], texts[1][:-1]])
        found = rows.read(head.tensor([texts[0][-1], texts[1][-1]]), texts[2:])
    except (AttributeError, IndexError, NotImplementedError, RuntimeError, TypeError, ValueError):
        return False
    plain = [head.model(input_ids=head.tensor([text]), use_cache=False).logits[0, -1].float() for text in texts]
    return agree(list(found), plain, head.precision)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    ragged: Any,
    scaling: float | None = None,
    **others: object,
) -> tuple[torch.Tensor, None]:
    """The attention function that the library calls; see `transformers.AttentionInterface`.

    Raises:
        NotImplementedError: the model's attention is of a kind that is not built here.
    """
    if any(others.get(name) is not None for name in ("softcap", "s_aux", "position_bias", "sliding_window")):
        raise NotImplementedError
    return ragged.attend(int(module.layer_idx), query, key, value, scaling), None  # type: ignore[arg-type]
