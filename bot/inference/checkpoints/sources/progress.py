"""Progress reports of a fetch."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """A receiver of progress reports, which returns soon and raises nothing."""

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Receive one report.

        Args:
            phase: "wait" (for another process that fetches the same), "download", "verify" or "convert".
            done: bytes so far; may drop when a download starts again.
            total: bytes in all; None if unknown.
        """


class Silent:
    """A `Progress` that ignores all reports."""

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Do nothing."""
