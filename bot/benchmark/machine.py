"""The machine that figures come from: they mean nothing without it."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import torch
import transformers

import bot


def _processor() -> str:
    # Only Linux has this file; `platform` knows the name on the other systems, and not on Linux.
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search("^model name.*?:(.*)", cpuinfo.read_text(encoding="utf-8"), re.M) if cpuinfo.exists() else None
    return found[1].strip() if found else platform.processor() or platform.machine()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Machine:
    """The hardware and software that decide how fast a run is.

    Attributes:
        load: processes that wanted to run in the last minute, other programs' too.
        threads: PyTorch's intra-op threads.
    """

    processor: str = field(default_factory=_processor)
    cores: int = field(default_factory=_cores)
    gpu: str | None = field(default_factory=lambda: torch.cuda.get_device_name() if torch.cuda.is_available() else None)
    load: float = field(default_factory=lambda: round(psutil.getloadavg()[0], 2))
    threads: int = field(default_factory=torch.get_num_threads)
    python: str = platform.python_version()
    torch: str = torch.__version__
    transformers: str = transformers.__version__
    glassbox: str = bot.__version__

    def __str__(self) -> str:
        hardware = f"{self.processor}, {self.cores} cores" + (f", {self.gpu}" if self.gpu else "")
        return f"{hardware} · load {self.load} · torch {self.torch}, transformers {self.transformers}"
