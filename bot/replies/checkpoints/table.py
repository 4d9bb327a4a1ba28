"""A checkpoint's numbers as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from bot.inference.checkpoints.description import CheckpointDescription


def table(description: CheckpointDescription) -> str:
    """Return the numbers, aligned to the right, in a column for each of encoder and decoder."""
    rows = [row for row in _rows(description) if any(row[1:])]
    if not rows:
        return ""
    wide, *widths = [max(map(len, column)) for column in zip_longest(*rows, fillvalue="")]
    return "\n".join(_aligned(row, wide, widths) for row in rows)


def _aligned(row: Sequence[str], wide: int, widths: Sequence[int]) -> str:
    whole = sum(widths) + 2 * (len(widths) - 1)
    if len(row) == 2:
        return f"{row[0]:<{wide}}  {row[1]:>{whole}}"
    return f"{row[0]:<{wide}}  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:], widths, strict=True))


def _rows(description: CheckpointDescription) -> Iterable[Sequence[str]]:
    anatomy, loaded = description.anatomy, description.loaded
    yield "parameters", _number(description.parameters)
    context = None if loaded is None else loaded.context_length
    vocabulary = None if loaded is None else loaded.vocabulary
    yield "context length", _number(context)
    yield "vocabulary", _number(vocabulary)
    if anatomy is None:
        return
    # A model may have more embeddings than its tokenizer uses.
    yield "embedding rows", _number(anatomy.vocabulary if anatomy.vocabulary != vocabulary else None)
    yield "positions", _number(anatomy.longest if anatomy.longest != context else None)
    yield "sliding window", _number(anatomy.window)
    yield "hidden size", _number(anatomy.hidden_size)
    if len(anatomy.stacks) > 1:
        yield "", *(stack.name for stack in anatomy.stacks)
    yield "layers", *(_number(stack.layers) for stack in anatomy.stacks)
    yield "attention heads", *(_number(stack.heads) for stack in anatomy.stacks)
    yield "key-value heads", *(_number(stack.key_value_heads) for stack in anatomy.stacks)
    yield "feed-forward size", *(_number(stack.feed_forward) for stack in anatomy.stacks)


def _number(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
