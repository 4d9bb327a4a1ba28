"""The most memory that was held while something ran."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass

INTERVAL = 0.05


@dataclass
class Memory:
    """Peaks in bytes.

    Attributes:
        process: resident memory of this process.
        device: what PyTorch has allocated on the GPU; None where there is none.
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


def _watch(peak: Memory, ended: threading.Event) -> None:
    import psutil

    process = psutil.Process()
    while True:
        peak.process = max(peak.process, process.memory_info().rss)
        if ended.wait(INTERVAL):
            return
