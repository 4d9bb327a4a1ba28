"""Loading times of checkpoints on this machine, kept for the next start."""

from __future__ import annotations

import json
import logging
from pathlib import Path

log = logging.getLogger(__name__)

TYPICAL_LOADING = 5.0
"""Seconds, for a checkpoint that this machine has never loaded."""


class LoadingTimes:
    """Loading times by checkpoint, in a JSON file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def expected(self, key: str) -> float:
        """Return the seconds that the last load took, or a typical time."""
        return self._read().get(key, TYPICAL_LOADING)

    def record(self, key: str, seconds: float) -> None:
        """Save a loading time."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.write_text(json.dumps({**self._read(), key: round(seconds, 2)}, indent=1))
        except OSError as error:  # a full or read-only disk; losing the time is harmless
            log.warning("loading times cannot be kept: %s", type(error).__name__)

    def _read(self) -> dict[str, float]:
        try:
            return {key: float(value) for key, value in json.loads(self._path.read_text()).items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}
