"""`python -m tests.bench.decode_attention`: attention of a decode step on this CPU, ours beside PyTorch's kernel.

Both compute the same in alternation. Keys and values are in bfloat16, as generation keeps them, and in float32, as
translation does.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from statistics import median

import torch
from torch.nn.functional import scaled_dot_product_attention

from bot.__main__ import open_console
from bot.inference.heads.generation.decode_attention import attend_once
from bot.tables import FiguresTable


@dataclass(frozen=True)
class Shape:
    """A model's attention.

    Attributes:
        heads: of the keys.
        shared: heads of the queries for each of these.
        size: of a head.
    """

    name: str
    heads: int
    shared: int
    size: int


SHAPES = (Shape("flan-t5-base", 12, 1, 64), Shape("SmolLM2-360M", 5, 3, 64))
COLUMNS = (30, 100, 300)


@dataclass(frozen=True)
class Times:
    """Median microseconds of a call, and the median of the ratios of neighbouring calls."""

    shape: Shape
    columns: int
    kept: str
    """The data type of the KV cache."""
    theirs: float
    ours: float
    ratio: float


@torch.inference_mode()
def measure(shape: Shape, rows: int, columns: int, repeats: int) -> Iterator[Times]:
    """Compute attention over a KV cache of each data type."""
    queries = torch.randn(rows, shape.heads, shape.shared, shape.size).bfloat16()
    keys, values = torch.randn(2, rows, shape.heads, columns, shape.size).bfloat16().unbind()
    mask = torch.ones(rows, 1, 1, columns, dtype=torch.bool)
    library = partial(scaled_dot_product_attention, queries, keys, values, attn_mask=mask)
    for name, dtype in (("bfloat16", torch.bfloat16), ("float32", torch.float32)):
        ours = partial(attend_once, queries, keys.to(dtype), values.to(dtype), mask, None)
        times = [(_seconds(library), _seconds(ours)) for _ in range(repeats + 1)][1:]
        theirs, own = (1e6 * median(one) for one in zip(*times, strict=True))
        yield Times(shape, columns, name, theirs, own, median(one / other for one, other in times))


def _seconds(compute: Callable[[], object]) -> float:
    began = time.perf_counter()
    compute()
    return time.perf_counter() - began


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Attention of a decode step on this CPU.")
    parser.add_argument("--rows", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=100)
    chosen = parser.parse_args()
    found = [
        times
        for shape in SHAPES
        for columns in COLUMNS
        for times in measure(shape, chosen.rows, columns, chosen.repeats)
    ]
    columns: dict[str, Callable[[Times], str]] = {
        "heads of": lambda one: one.shape.name,
        "columns": lambda one: str(one.columns),
        "kept in": lambda one: one.kept,
        "PyTorch µs": lambda one: f"{one.theirs:,.0f}",
        "ours µs": lambda one: f"{one.ours:,.0f}",
        "ratio": lambda one: f"{one.ratio:.1f}",
    }
    open_console().print(FiguresTable(found, columns))


if __name__ == "__main__":
    main()
