"""What a worker tells an observer about its work, for an operator's metrics.

Totals are in `WorkerStatus`; an observer hears of what a total cannot show, such as how long each row waited.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol


class Observer(Protocol):
    """Hears of a worker's work. Its methods are called on any thread; they must be quick, and must not raise."""

    def batch(self, operation: str, lengths: Sequence[int], waits: Sequence[float]) -> None:
        """Hear of a forward pass that new rows have joined, before their outputs are delivered.

        Args:
            operation: its name, such as `classify`.
            lengths: of the new rows, in tokens.
            waits: how long those that people wait for have waited for a device, in seconds; background rows have none.
        """

    def answered(self, task: str, seconds: float, error: BaseException | None) -> None:
        """Hear of the end of a request; not of a background one's.

        Args:
            task: its name.
            seconds: since it was submitted.
            error: why it was not answered or not accepted; `CancelledError` if nobody waits for it any more.
        """

    def loaded(self, checkpoint: str, seconds: float) -> None:
        """Hear of a checkpoint that was loaded from the disk to the devices.

        Args:
            checkpoint: its display name.
        """

    def not_loaded(self, checkpoint: str) -> None:
        """Hear of a checkpoint that could not be fetched or loaded."""


class Unobserved(Observer):
    """Hears of everything, and keeps nothing."""

    def batch(self, operation: str, lengths: Sequence[int], waits: Sequence[float]) -> None:
        pass

    def answered(self, task: str, seconds: float, error: BaseException | None) -> None:
        pass

    def loaded(self, checkpoint: str, seconds: float) -> None:
        pass

    def not_loaded(self, checkpoint: str) -> None:
        pass
