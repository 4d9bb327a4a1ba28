"""The checkpoints: fetched and loaded once, in the background, and shared by the tasks that use the same one."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import GlassboxError, ModelUnavailable, describe
from bot.inference.catalogue import CheckpointSpec, Preset
from bot.inference.device import Device
from bot.inference.language_pairs import LanguagePairs
from bot.inference.loading import load_head
from bot.inference.sources import fetch

if TYPE_CHECKING:
    from bot.inference.heads.base import Head

log = logging.getLogger(__name__)

TYPICAL_LOADING = 5.0
"""Seconds, for a checkpoint that this machine has never loaded."""


_FETCHING = {"wait": "waiting", "download": "downloading", "verify": "checking", "convert": "converting"}


class Phase(StrEnum):
    """How far a checkpoint is."""

    WAITING = "waiting"
    FETCHING = "fetching"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"


@dataclass
class ModelState:
    """What is known of one checkpoint, for people who wait for it.

    Attributes:
        fraction: how much of what is being done is done, 0 to 1; None where that is unknown.
        doing: what a fetch is doing just now, in a word.
        languages: what it translates, as far as that is known: None for checkpoints that do not translate.
        seconds_left: until it is loaded, estimated from the last time; None while it is fetched.
    """

    spec: CheckpointSpec
    phase: Phase = Phase.WAITING
    fraction: float | None = None
    doing: str = ""
    expected_seconds: float = TYPICAL_LOADING
    loading_since: float | None = None
    languages: LanguagePairs | None = None

    @property
    def seconds_left(self) -> float | None:
        if self.phase is not Phase.LOADING or self.loading_since is None:
            return None
        return max(1.0, self.expected_seconds - (time.perf_counter() - self.loading_since))

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Take a progress report of a fetch; called on the loading thread."""
        self.phase = Phase.FETCHING
        self.doing = _FETCHING[phase]
        self.fraction = done / total if total else None


@dataclass(frozen=True)
class LoadedModel:
    """A checkpoint that can be used."""

    spec: CheckpointSpec
    head: Head
    device: Device


class Models:
    """Loads the checkpoints of a preset, each at most once, on a thread of its own."""

    def __init__(self, preset: Preset, device: Device, cache: Path) -> None:
        self._preset = preset
        self._device = device
        self._cache = cache
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="glassbox-load")
        self._states: dict[str, ModelState] = {}
        self._loads: dict[str, asyncio.Task[LoadedModel]] = {}
        self._times = LoadingTimes(cache / "loading-times.json")

    @property
    def tasks(self) -> Iterable[str]:
        """The tasks that have a checkpoint."""
        return self._preset.checkpoints

    def spec(self, task: str) -> CheckpointSpec:
        """The checkpoint that is set for a task.

        Raises:
            ModelUnavailable: there is none.
        """
        spec = self._preset.checkpoints.get(task)
        if spec is None:
            raise ModelUnavailable(f"No checkpoint is set for /{task}. Whoever runs this bot can set one.")
        return spec

    def state(self, task: str) -> ModelState:
        """How far a task's checkpoint is; raises like `spec`."""
        spec = self.spec(task)
        if spec.key not in self._states:
            declared = None if spec.languages is None else LanguagePairs.of(spec.languages)
            self._states[spec.key] = ModelState(spec, languages=declared)
        return self._states[spec.key]

    async def get(self, task: str) -> LoadedModel:
        """A task's checkpoint, loaded. A load that failed is tried again by the next request.

        Raises:
            ModelUnavailable: it cannot be fetched or loaded.
        """
        state = self.state(task)
        load = self._loads.get(state.spec.key)
        if load is None or (load.done() and (load.cancelled() or load.exception() is not None)):
            load = asyncio.get_running_loop().create_task(self._load(state))
            self._loads[state.spec.key] = load
        # One impatient person must not cancel the load that others wait for.
        return await asyncio.shield(load)

    async def aclose(self) -> None:
        """Give up loads that have not ended. The thread finishes what it is doing by itself."""
        loads = list(self._loads.values())
        for load in loads:
            load.cancel()
        await asyncio.gather(*loads, return_exceptions=True)
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _load(self, state: ModelState) -> LoadedModel:
        loop = asyncio.get_running_loop()
        state.phase = Phase.WAITING
        try:
            loaded = await loop.run_in_executor(self._thread, self._load_blocking, state)
        except GlassboxError:
            state.phase = Phase.FAILED
            raise
        except Exception as error:
            state.phase = Phase.FAILED
            log.error("loading %s failed: %s", state.spec.name, describe(error))
            raise ModelUnavailable(
                f"{state.spec.name} could not be loaded, and the failure has been logged."
            ) from error
        state.phase = Phase.READY
        return loaded

    def _load_blocking(self, state: ModelState) -> LoadedModel:
        folder = fetch(state.spec, self._cache, state)
        state.expected_seconds = self._times.expected(state.spec.key)
        state.loading_since = time.perf_counter()
        state.phase, state.doing = Phase.LOADING, ""
        head = load_head(folder, self._device, state.languages)
        state.languages = getattr(head, "languages", state.languages)
        seconds = time.perf_counter() - state.loading_since
        self._times.record(state.spec.key, seconds)
        log.info("%s loaded in %.1f s on %s in %s", state.spec.name, seconds, self._device.name, self._device.precision)
        return LoadedModel(state.spec, head, self._device)


class LoadingTimes:
    """How long checkpoints took to load on this machine, kept for the next start."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def expected(self, key: str) -> float:
        """Seconds it took the last time, or a typical time."""
        return self._read().get(key, TYPICAL_LOADING)

    def record(self, key: str, seconds: float) -> None:
        """Remember a time. Losing it is harmless, so a full or read-only disk is no error."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps({**self._read(), key: round(seconds, 2)}, indent=1))
        except OSError as error:
            log.warning("loading times cannot be kept: %s", type(error).__name__)

    def _read(self) -> dict[str, float]:
        try:
            return {key: float(value) for key, value in json.loads(self._path.read_text()).items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
