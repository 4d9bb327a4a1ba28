"""What a bot process holds, and how late its event loop is, written down once a second by the process itself."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

EVERY_SECONDS = 1.0
BEAT_SECONDS = 0.005
"""How often the lag of the event loop is measured."""
LONG_SECONDS = 0.06
"""A lag of which the monitor writes down what the event loop did meanwhile."""
EXECUTOR = "asyncio_"
"""Threads of asyncio's own executor, which begin when they are needed, and of which there are few."""
FRAMES = 4
"""The innermost ones of its stack."""


class Monitor:
    """Measures the process that it runs in.

    Args:
        file: gets a line of JSON for each second.
    """

    def __init__(self, file: Path) -> None:
        self.ended: Counter[str] = Counter()
        self._file = file
        self._process = psutil.Process()
        self._lags: list[float] = []
        self._beat = time.perf_counter()
        self._during: list[str] = []
        self._pauses: list[float] = []
        self._collection_began = 0.0
        self._stop = threading.Event()

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Measure the running event loop until the end of the body."""
        main = threading.get_ident()
        watcher = threading.Thread(target=self._watch, args=(main,), name="the monitor's watcher", daemon=True)
        watcher.start()
        gc.callbacks.append(self._collecting)
        tasks = [asyncio.create_task(self._beat_on()), asyncio.create_task(self._write())]
        try:
            yield
        finally:
            self._stop.set()
            gc.callbacks.remove(self._collecting)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.to_thread(watcher.join)

    async def _beat_on(self) -> None:
        while True:
            due = time.perf_counter() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            self._beat = time.perf_counter()
            self._lags.append(max(0.0, self._beat - due))

    def _watch(self, main: int) -> None:
        """Note what the event loop is doing when a beat is overdue."""
        noted = 0.0
        while not self._stop.wait(LONG_SECONDS / 3):
            beat = self._beat
            if time.perf_counter() - beat > LONG_SECONDS and beat != noted:
                noted = beat
                self._during.append(_described(sys._current_frames().get(main)))

    async def _write(self) -> None:
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            lags, self._lags = self._lags, []
            during, self._during = self._during, []
            tasks = Counter(getattr(one.get_coro(), "__qualname__", "?") for one in asyncio.all_tasks())
            pauses = self._pauses
            self._pauses = []
            await asyncio.to_thread(self._append, {"tasks": tasks, "lags": lags, "during": during, "pauses": pauses})

    def _append(self, measured: dict[str, Any]) -> None:
        line = {name: measured[name] for name in ("tasks", "during")}
        line |= {name: [round(1000 * one, 1) for one in measured[name]] for name in ("lags", "pauses")}
        with self._file.open("a") as file:
            file.write(json.dumps(line | self._sample()) + "\n")

    def _sample(self) -> dict[str, Any]:
        with self._process.oneshot():
            memory = self._process.memory_info().rss
        connections = 0
        with suppress(psutil.Error):
            connections = len(self._process.net_connections())
        return {
            "memory": memory,
            "threads": sorted(one.name for one in threading.enumerate() if not one.name.startswith(EXECUTOR)),
            "files": self._process.num_fds() - connections,
            "connections": connections,
            "ended": dict(self.ended),
        }

    def _collecting(self, phase: str, info: object) -> None:
        """Hear of garbage collection, which holds up all threads."""
        now = time.perf_counter()
        if phase == "start":
            self._collection_began = now
        else:
            self._pauses.append(now - self._collection_began)


def _described(frame: FrameType | None) -> str:
    """Return the innermost frames of a stack, the last one first."""
    found: list[str] = []
    while frame is not None and len(found) < FRAMES:
        code = frame.f_code
        found.append(f"{Path(code.co_filename).name}:{frame.f_lineno} {code.co_qualname}")
        frame = frame.f_back
    return " < ".join(found)
