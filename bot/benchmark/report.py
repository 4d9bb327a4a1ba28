"""Measured runs as figures, the machine that they come from, and tables of them."""

from __future__ import annotations

import os
import platform
import re
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import numpy as np
import psutil
import torch
import transformers
from rich.console import Group, RenderableType
from rich.text import Text

import bot
from bot.benchmark.load import Run
from bot.tables import FiguresTable


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
        load: processes that wanted to run in the last minute, those of other programs too.
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


@dataclass(frozen=True)
class Figures:
    """The medians of a contender's rounds.

    Attributes:
        rate, token_rate: requests and generated tokens per second.
        spread: half of the distance between the fastest and the slowest round, as a share of the median rate.
    """

    who: str
    requests: int
    failures: int
    rate: float
    spread: float
    token_rate: float | None
    p50_ms: float | None
    p95_ms: float | None

    @classmethod
    def of(cls, who: str, runs: Sequence[Run]) -> Figures:
        """Return the figures of a contender's runs."""
        rates = [run.rate for run in runs]
        rate = statistics.median(rates)
        return Figures(
            who,
            requests=sum(run.requests for run in runs),
            failures=sum(run.failures for run in runs),
            rate=rate,
            spread=(max(rates) - min(rates)) / 2 / rate if rate else 0.0,
            token_rate=median(run.token_rate for run in runs),
            p50_ms=median(milliseconds(run.latencies, 50) for run in runs),
            p95_ms=median(milliseconds(run.latencies, 95) for run in runs),
        )


FiguresT = TypeVar("FiguresT", bound=Figures)
COLUMNS: Mapping[str, Callable[[Figures], str]] = {
    "": lambda one: one.who,
    "req/s": lambda one: number(one.rate),
    "±": lambda one: percent(one.spread),
    "tok/s": lambda one: number(one.token_rate),
    "takes\nms p50 / p95": lambda one: pair(one.p50_ms, one.p95_ms),
    "failed": lambda one: str(one.failures or ""),
}


@dataclass(frozen=True)
class TaskReport:
    """The figures of one task.

    Attributes:
        memory_mb: resident memory of the bot alone under the greatest load, without the naive bot's checkpoint.
        device_memory_mb: the same on the GPU; None on a machine without one.
        figures: by contender, the naive bot in float32 last.
    """

    task: str
    checkpoint: str
    head: str
    device: str
    precision: str
    memory_mb: float
    device_memory_mb: float | None
    figures: tuple[Figures, ...]

    def about(self) -> RenderableType:
        """Return the task, and its checkpoint with the memory that the bot takes."""
        memory = f"{self.memory_mb:,.0f} MB"
        if self.device_memory_mb is not None:
            memory += f" and {self.device_memory_mb:,.0f} MB of the GPU"
        checkpoint = f"{self.checkpoint} ({self.head}) on {self.device} in {self.precision}."
        return Group(Text(f"/{self.task}", style="bold"), Text(f"{checkpoint} The bot alone: {memory}."))

    def table(self) -> RenderableType:
        """Return the figures for people."""
        baseline = self.figures[-1]
        times = {f"times\n{baseline.who}": lambda one: number(one.rate / baseline.rate) if baseline.rate else ""}
        return Group(self.about(), table_of(self.figures, {**COLUMNS, **times}), Text())


def table_of(figures: Sequence[FiguresT], columns: Mapping[str, Callable[[FiguresT], str]]) -> RenderableType:
    """Return a table without the columns that would be empty."""
    return FiguresTable(figures, {name: cell for name, cell in columns.items() if not name or any(map(cell, figures))})


def milliseconds(seconds: Sequence[float], percentile: float) -> float | None:
    """Return a percentile in milliseconds; None if there are no values."""
    return 1_000 * float(np.percentile(seconds, percentile)) if seconds else None


def median(values: Iterable[float | None]) -> float | None:
    """Return the median of the known values; None if none is known."""
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def number(value: float | None) -> str:
    """Return a figure with as many digits as mean something."""
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 1 else f"{value:.1f}"


def pair(usual: float | None, high: float | None) -> str:
    """Return two percentiles in one cell."""
    return "" if usual is None else f"{number(usual)} / {number(high)}"


def percent(share: float | None) -> str:
    """Return a share of 1 in per cent."""
    return "" if share is None else f"{100 * share:.0f} %"
