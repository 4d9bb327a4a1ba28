"""Tensors whose memory is a part of a file, as safetensors loads them where nothing needs to be converted."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import torch
from torch import nn

MAPS = Path("/proc/self/maps")
"""What this process has mapped, on Linux. Elsewhere the files stay mapped."""


def leave_files(model: nn.Module, files: Iterable[Path]) -> int:
    """Give a model's weights memory of their own; return how many were parts of these files.

    A file stays mapped as a whole as long as one weight is a part of it, with all pages that were read: those of packed
    weights too, which are kept a second time. And whoever cuts the file short would end this process.
    """
    ranges = _mapped(files)
    found = [
        tensor
        for tensor in chain(model.parameters(), model.buffers())
        if any(tensor.data_ptr() in mapped for mapped in ranges)
    ]
    # Also for who loads in inference mode: weights that are made in it could never be read with gradients.
    with torch.inference_mode(mode=False):
        for tensor in found:
            tensor.data = tensor.data.clone()
    return len(found)


def _mapped(files: Iterable[Path]) -> list[range]:
    """Return the addresses at which parts of files are mapped."""
    names = {str(file.resolve()) for file in files}
    try:
        lines = MAPS.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    # address perms offset dev inode path
    parts = [line.split(maxsplit=5) for line in lines]
    return [_addresses(part[0]) for part in parts if len(part) == 6 and part[5] in names]


def _addresses(text: str) -> range:
    first, _, end = text.partition("-")
    return range(int(first, 16), int(end, 16))
