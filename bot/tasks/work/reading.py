"""What a model has read, and what its layers made of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.inference.operations import Row, TaskRun
from bot.inference.tokenization.tokens import Token
from bot.tasks.work.pieces import HiddenStates, Tokens

if TYPE_CHECKING:
    from bot.inference.heads.head import Head
    from bot.inference.heads.inspection.hidden_states import Observed, Reading


def tokens_read(
    head: Head,
    rows: Sequence[Sequence[int]],
    names: Sequence[str] = (),
    *,
    truncated: str | None = None,
    left: bool = False,
) -> Tokens:
    """The token ids of a request's rows, as one batch.

    Args:
        names: what each row is, where there are several.
        truncated: what was left out because the context is too short, such as "the end of the text"; None where nothing
            was.
        left: whether the model's batches are padded on the left.
    """
    width = max(map(len, rows))
    known: dict[Token, Token] = {}  # a text of a thousand tokens may stand in twenty rows: no token is kept twice
    notes = []
    if truncated is not None:
        notes.append(f"This model reads {head.context_length:,} tokens at most, so {truncated} was left out.")
    if any(len(row) < width for row in rows):
        side = "left" if left else "right"
        notes.append(f"Shorter rows are padded on the {side}, and the attention mask hides the padding.")
    if len(rows) > 1:
        notes.append("The shape is that of all rows in one batch; the device may take them in parts.")
    return Tokens(
        rows=tuple(tuple(known.setdefault(token, token) for token in head.tokens(row)) for row in rows),
        names=tuple(names),
        shape=(len(rows), width),
        truncated=truncated is not None,
        note=" ".join(notes),
    )


def hidden_states(head: Head, reading: Row[Reading], name: str = "") -> TaskRun[tuple[HiddenStates, ...]]:
    """What the layers make of a row, which is read alone: the encoder's first where there are two.

    Args:
        name: of the row, where the request has several.
    """
    [observed] = yield from head.observe([reading])
    return states_of(observed, name)


def states_of(observed: Observed, name: str = "") -> tuple[HiddenStates, ...]:
    """What the layers have made of a row, as `hidden_states`."""
    return tuple(HiddenStates(stack.part, stack.shape, stack.norms, name) for stack in observed.stacks)
