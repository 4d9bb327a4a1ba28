"""Where problems that people report go."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportTo:
    """Where problems that people report go; nowhere if both are None.

    Attributes:
        channel: the id of a channel that the operator reads.
        url: of a page of the operator's, if there is no channel.
    """

    channel: int | None = None
    url: str | None = None
