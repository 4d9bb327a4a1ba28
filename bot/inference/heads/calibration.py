"""Measurements of a checkpoint that are made once, and kept as long as the process runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Calibration(Generic[T]):
    """A key of `Calibrations`, whose outcome is a `T`: one for each task that needs it, and one for each probe."""

    name: str


class Calibrations:
    """The outcomes of a checkpoint's calibrations and probes, shared by its replicas."""

    def __init__(self) -> None:
        self._outcomes: dict[Calibration[Any], Any] = {}

    def __contains__(self, key: Calibration[T]) -> bool:
        return key in self._outcomes

    def __getitem__(self, key: Calibration[T]) -> T:
        outcome: T = self._outcomes[key]
        return outcome

    def __setitem__(self, key: Calibration[T], outcome: T) -> None:
        self._outcomes[key] = outcome

    def get(self, key: Calibration[T]) -> T | None:
        """Return the outcome, or None if nothing was measured."""
        return self._outcomes.get(key)

    def measured(self, key: Calibration[T], measure: Callable[[], T]) -> T:
        """Return the outcome; measure it the first time."""
        if key not in self:
            self[key] = measure()
        return self[key]

    @contextmanager
    def replaced(self, key: Calibration[T], outcome: T) -> Iterator[None]:
        """Have another outcome inside the body."""
        before = self.get(key)
        self[key] = outcome
        try:
            yield
        finally:
            del self._outcomes[key]
            if before is not None:
                self[key] = before
