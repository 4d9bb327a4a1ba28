"""A checkpoint's numbers as a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest

from bot.inference.checkpoints.description import CheckpointDescription
from bot.locales.message import in_context
from bot.locales.numbers import whole as in_digits
from bot.text.cells import cells, left, right


def table(description: CheckpointDescription) -> str:
    """Return the numbers, aligned to the right, in a column for each of encoder and decoder."""
    rows = [row for row in _rows(description) if any(row[1:])]
    if not rows:
        return ""
    wide, *widths = [max(map(cells, column)) for column in zip_longest(*rows, fillvalue="")]
    return "\n".join(_aligned(row, wide, widths) for row in rows)


def _aligned(row: Sequence[str], wide: int, widths: Sequence[int]) -> str:
    whole = sum(widths) + 2 * (len(widths) - 1)
    if len(row) == 2:
        return f"{left(row[0], wide)}  {right(row[1], whole)}"
    return f"{left(row[0], wide)}  " + "  ".join(
        right(cell, width) for cell, width in zip(row[1:], widths, strict=True)
    )


def _rows(description: CheckpointDescription) -> Iterable[Sequence[str]]:
    anatomy, loaded = description.anatomy, description.loaded
    # Translators: "table" are the heads of rows with numbers of a model; at most 24 characters each.
    yield in_context("table", "parameters"), _number(description.parameters)
    context = None if loaded is None else loaded.context_length
    vocabulary = None if loaded is None else loaded.vocabulary
    yield in_context("table", "context length"), _number(context)
    yield in_context("table", "vocabulary"), _number(vocabulary)
    if anatomy is None:
        return
    # A model may have more embeddings than its tokenizer uses.
    yield (
        in_context("table", "embedding rows"),
        _number(anatomy.vocabulary if anatomy.vocabulary != vocabulary else None),
    )
    yield in_context("table", "positions"), _number(anatomy.longest if anatomy.longest != context else None)
    yield in_context("table", "sliding window"), _number(anatomy.window)
    yield in_context("table", "hidden size"), _number(anatomy.hidden_size)
    if len(anatomy.stacks) > 1:
        yield "", *(_stack(stack.name) for stack in anatomy.stacks)
    yield in_context("table", "layers"), *(_number(stack.layers) for stack in anatomy.stacks)
    yield in_context("table", "attention heads"), *(_number(stack.heads) for stack in anatomy.stacks)
    yield in_context("table", "key-value heads"), *(_number(stack.key_value_heads) for stack in anatomy.stacks)
    yield in_context("table", "feed-forward size"), *(_number(stack.feed_forward) for stack in anatomy.stacks)


def _stack(name: str) -> str:
    # Translators: the heads of two columns with the numbers of a model's halves; at most 12 characters each.
    names = {"encoder": in_context("table", "encoder"), "decoder": in_context("table", "decoder")}
    return names.get(name, name)


def _number(value: int | None) -> str:
    return "" if value is None else in_digits(value)
