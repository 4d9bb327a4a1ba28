"""`python -m tests.bench.kernels`: how much memory oneDNN's kernels take, after so many batches of random shapes.

The environment says how many are kept: `ONEDNN_PRIMITIVE_CACHE_CAPACITY` and `LRU_CACHE_CAPACITY`; 1,024 each if
they are not set.
"""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

import torch

from bot.inference.checkpoints.loading import load_head
from tests import tiny
from tests.bench.memory import held_memory
from tests.support import CPU

PASSES = 250
SHOWN = (100, 200, PASSES)
MOST_ROWS, MOST_TOKENS = 16, 100


def main() -> None:
    """Print by how many megabytes the process has grown."""
    with tempfile.TemporaryDirectory(prefix="glassbox-kernels-") as name:
        head = load_head(tiny.build_all(Path(name))["distilbert"], CPU)
    state = random.Random(1)
    before, grown = held_memory("cpu").process, []
    for number in range(1, PASSES + 1):
        shape = state.randint(1, MOST_ROWS), head.padded_length(state.randint(3, MOST_TOKENS))
        with torch.inference_mode():
            head.model(input_ids=torch.full(shape, 5), attention_mask=torch.ones(shape, dtype=torch.long))
        if number in SHOWN:
            grown.append(f"{(held_memory('cpu').process - before) / 1e6:.0f} MB after {number}")
    names = ("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "LRU_CACHE_CAPACITY")
    print(*(f"{name}={os.environ.get(name, 'unset')}" for name in names), "|", ", ".join(grown))  # noqa: T201


if __name__ == "__main__":
    main()
