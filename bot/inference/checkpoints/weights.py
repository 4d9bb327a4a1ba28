"""The files of a checkpoint's weights: which there should be, whether they are whole, and their expected bytes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

DAMAGED = (ValueError, KeyError, TypeError, AttributeError)
"""The errors of reading JSON with unexpected contents."""
LONGEST_HEADER = 100_000_000
"""Bytes; the safetensors library's own limit."""
SAFETENSORS = ".safetensors"
_FLOATING = {"F64", "F32", "F16", "BF16", "F8_E4M3", "F8_E5M2"}
"""Data types that are converted when a checkpoint is loaded."""


class UnsafeIndex(ValueError):
    """An index of shards names something else than safetensors files beside it, such as pickles, which run code."""


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
    """Return the weight files that a checkpoint should have.

    Raises:
        UnsafeIndex: its index names other files.
        ValueError, KeyError, TypeError, AttributeError: its index is damaged (`DAMAGED`).
    """
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        return sorted(folder.glob("*.safetensors"))
    shards = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    # transformers opens a shard by its ending, so an index could make it open a pickle, even with `use_safetensors`.
    if not all(shard.endswith(SAFETENSORS) and Path(shard).name == shard and "\\" not in shard for shard in shards):
        raise UnsafeIndex("not all shards are safetensors files")
    return [folder / shard for shard in shards]


def is_whole(file: Path) -> bool:
    """Return whether a safetensors file is as long as its header says. A copy or a download may have been cut short."""
    try:
        header, length = _header_of(file)
        ends = (tensor["data_offsets"][1] for tensor in header.values())
        return file.stat().st_size == 8 + length + max(ends, default=0)
    except (OSError, *DAMAGED):
        return False


def _header_of(file: Path) -> tuple[dict[str, Any], int]:
    """Return the tensors of a file as its header describes them, by name, and the header's length in bytes."""
    with file.open("rb") as opened:
        length = int.from_bytes(opened.read(8), "little")
        if length > LONGEST_HEADER:
            raise ValueError("not a safetensors file")
        header: dict[str, Any] = json.loads(opened.read(length))
    header.pop("__metadata__", None)
    return header, length


def _bytes_in(file: Path, element: int) -> int:
    total = 0
    for tensor in _header_of(file)[0].values():
        first, last = tensor["data_offsets"]
        total += math.prod(tensor["shape"]) * element if tensor["dtype"] in _FLOATING else last - first
    return total
