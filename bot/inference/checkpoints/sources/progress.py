"""Telling somebody how far a fetch is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told how far a fetch is; must return soon, and raise nothing."""

    def report(self, phase: str, done: int, total: int | None) -> None:
        """`done` of `total` bytes.

        Args:
            phase: "wait" (another process fetches the same), "download", "verify" or "convert".
            done: bytes so far; may fall back to less when a download starts again.
            total: bytes in all, None when unknown.
        """


class Silent:
    """A `Progress` that tells nobody."""

    def report(self, phase: str, done: int, total: int | None) -> None:
        """Does nothing."""
