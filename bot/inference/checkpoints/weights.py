"""The expected bytes of a checkpoint's weights."""

from __future__ import annotations

import json
import math
from pathlib import Path

DAMAGED = (ValueError, KeyError, TypeError, AttributeError)
"""The errors of reading JSON with unexpected contents."""
LONGEST_HEADER = 100_000_000
"""Bytes; the safetensors library's own limit."""
_FLOATING = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
"""Data types that are converted when a checkpoint is loaded."""


def expected_bytes(folder: Path, element: int) -> int:
    """Return how many bytes a checkpoint's weights will take once they are loaded.

    Reads the headers of its safetensors files; if that fails, returns the size of the files.

    Args:
        element: bytes per floating-point number in the data type that it is loaded in.

    Source: https://huggingface.co/docs/safetensors, "Format".
    """
    try:
        files = weight_files(folder)
    except (OSError, *DAMAGED):
        files = sorted(folder.glob("*.safetensors"))
    try:
        return sum(_bytes_in(file, element) for file in files)
    except (OSError, *DAMAGED):
        return sum(file.stat().st_size for file in files if file.is_file())


def weight_files(folder: Path) -> list[Path]:
    """Return the weight files that a checkpoint should have; raise one of `DAMAGED` if its index is damaged."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return sorted(folder.glob("*.safetensors"))
    shards = json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()
    return [folder / shard for shard in sorted(set(shards))]


def _bytes_in(file: Path, element: int) -> int:
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > LONGEST_HEADER:
            raise ValueError("not a safetensors file")
        header = json.loads(opened.read(length))
    header.pop("__metadata__", None)
    total = 0
    for tensor in header.values():
        first, last = tensor["data_offsets"]
        total += math.prod(tensor["shape"]) * element if tensor["dtype"] in _FLOATING else last - first
    return total
