"""Where the figures come from: they mean nothing without it."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

import bot


@dataclass(frozen=True)
class Machine:
    """What decides how fast a run is.

    Attributes:
        load: processes that wanted to run in the minute before, from others too; None where nobody counts.
        threads: PyTorch's intra-op threads.
    """

    processor: str
    cores: int
    gpu: str | None
    load: float | None
    threads: int
    python: str
    torch: str
    transformers: str
    glassbox: str

    @classmethod
    def this(cls) -> Machine:
        """The machine that this runs on."""
        import torch
        import transformers

        return cls(
            processor=_processor(),
            cores=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
            gpu=torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            load=round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
            threads=torch.get_num_threads(),
            python=platform.python_version(),
            torch=torch.__version__,
            transformers=transformers.__version__,
            glassbox=bot.__version__,
        )

    def __str__(self) -> str:
        where = f"{self.processor}, {self.cores} cores" + (f", {self.gpu}" if self.gpu else "")
        return f"{where} · load {self.load} · torch {self.torch}, transformers {self.transformers}"


def _processor() -> str:
    """The processor's name; Linux tells it in a file, the others by `platform`."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
