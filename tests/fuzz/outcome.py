"""What has become of a target."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """How a target did.

    Attributes:
        inputs: how many were tried.
        edges: of the code, which they reached; None if nobody counted.
        failure: what happened with the last one; empty if every one held.
    """

    inputs: int
    edges: int | None
    failure: str

    def line(self, name: str) -> str:
        """Return the line of a table."""
        edges = "" if self.edges is None else f"{self.edges:>8,}"
        return f"{name:<28} {self.inputs:>10,} {edges:>8}  {'failed' if self.failure else 'held'}"
