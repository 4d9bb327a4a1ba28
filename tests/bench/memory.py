"""Memory in use, and its peak while something runs."""

from __future__ import annotations

import contextlib
import gc
import threading
from collections.abc import Iterator
from dataclasses import dataclass

INTERVAL = 0.05


@dataclass
class Memory:
    """Bytes in use, now or at the peak.

    Attributes:
        process: resident memory of this process.
        device: what PyTorch has allocated on the GPU; None on a machine without one.
    """

    process: int = 0
    device: int | None = None


@contextlib.contextmanager
def peak_memory(device: str) -> Iterator[Memory]:
    """Watch memory while the body runs; the peaks are complete when it has ended."""
    import torch

    peak = Memory()
    ended = threading.Event()
    watcher = threading.Thread(target=_watch, args=(peak, ended), name="glassbox-memory", daemon=True)
    on_gpu = device.startswith("cuda")
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    watcher.start()
    try:
        yield peak
    finally:
        ended.set()
        watcher.join()
        if on_gpu:
            peak.device = torch.cuda.max_memory_allocated(device)


@contextlib.contextmanager
def quick_collections() -> Iterator[None]:
    """Spare the garbage collector the hundred thousands of objects that libraries made before the body."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def held_memory(device: str) -> Memory:
    """Return the memory that is held now."""
    import psutil
    import torch

    on_gpu = device.startswith("cuda")
    return Memory(psutil.Process().memory_info().rss, torch.cuda.memory_allocated(device) if on_gpu else None)


def _watch(peak: Memory, ended: threading.Event) -> None:
    import psutil

    process = psutil.Process()
    while True:
        peak.process = max(peak.process, process.memory_info().rss)
        if ended.wait(INTERVAL):
            return
