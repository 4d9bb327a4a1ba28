"""How much a worker takes on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """How much the worker takes on.

    Attributes:
        requests: the most that may be accepted and unanswered.
        per_person: the most of these from one person.
        seconds: the deadline of a request, counted from when its checkpoint is loaded.
        ending_seconds: after the deadline, a text gets this long to end early.
        loading_seconds: a request waits this long for its checkpoint; less than the 15 minutes of an interaction.
        drain_seconds: a stop waits this long for accepted requests.
        hang_seconds: a thread without a sign of life for this long hangs; longer than any batch takes.
        remembered: how many results are kept for equal requests.
        preparing_threads: how many threads tokenise and finish.
    """

    requests: int = 512
    per_person: int = 8
    seconds: float = 120.0
    ending_seconds: float = 5.0
    loading_seconds: float = 600.0
    drain_seconds: float = 30.0
    hang_seconds: float = 120.0
    remembered: int = 1024
    preparing_threads: int = 2
