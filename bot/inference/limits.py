"""The limits of a worker."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much the worker accepts, and how long it waits.

    Attributes:
        requests: the most that may be accepted and unanswered.
        per_person: the most of these from one person.
        background: the most background requests beside them.
        seconds: the deadline of a request, from the moment when its checkpoint is loaded.
        background_seconds: the same of a background request, which waits behind everybody else.
        ending_seconds: after the deadline, a text gets this long to end early.
        loading_seconds: a request waits this long for its checkpoint; less than the 15 minutes of an interaction.
        drain_seconds: a stop waits this long for accepted requests; texts end `ending_seconds` earlier.
        hang_seconds: a thread hangs after this long without a heartbeat; longer than any batch takes.
        remembered: how many results are cached for equal requests.
    """

    requests: int = 512
    per_person: int = 8
    background: int = 1024
    seconds: float = 120.0
    background_seconds: float = 600.0
    ending_seconds: float = 5.0
    loading_seconds: float = 600.0
    drain_seconds: float = 15.0
    hang_seconds: float = 120.0
    remembered: int = 1024
    preparing_threads: int = 2
