"""The progress of a checkpoint on its way to the devices."""

from __future__ import annotations

import time
from dataclasses import dataclass

from bot.inference.checkpoints.catalogue import CheckpointSpec
from bot.inference.checkpoints.loading_times import TYPICAL_LOADING
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.status import Phase

_ACTIVITIES = {"wait": "waiting", "download": "downloading", "verify": "checking", "convert": "converting"}


@dataclass
class CheckpointState:
    """One checkpoint's progress towards being loaded.

    Attributes:
        fraction: how much of the current activity is done, 0 to 1; None if unknown.
        activity: what a fetch is doing, in one word.
        loading_since: by `time.perf_counter()`.
        languages: the pairs that it translates, as far as known; None for checkpoints that do not translate.
    """

    spec: CheckpointSpec
    phase: Phase = Phase.WAITING
    fraction: float | None = None
    activity: str = ""
    expected_seconds: float = TYPICAL_LOADING
    loading_since: float | None = None
    languages: LanguagePairs | None = None

    @property
    def seconds_left(self) -> float | None:
        """Seconds until it is loaded, estimated from the last load; None unless it is loading."""
        if self.phase is not Phase.LOADING or self.loading_since is None:
            return None
        return max(1.0, self.expected_seconds - (time.perf_counter() - self.loading_since))

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Record the progress of a fetch (see `Progress`); called on the fetching thread."""
        self.phase = Phase.FETCHING
        self.activity = _ACTIVITIES[phase]
        self.fraction = done / total if total else None
