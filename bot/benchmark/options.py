"""What is to be measured, as the command line says it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.benchmark.workload import BLOCK, REQUESTS
from bot.errors import SettingsError

MOST_USERS = 4_096
USERS, USERS_OF_SLOW_TASKS = (1, 8, 64), (1, 8, 16, 64)
SLOW = frozenset({"zeroshot", "generate", "translate"})
LOAD = "Closed loop, seed 0. All texts differ: no cache can answer them."


@dataclass(frozen=True)
class Effort:
    """How long is measured.

    Attributes:
        seconds: about how long one run takes.
        rounds: how many runs each contender has.
        rough: runs may be too short for the corpus's mix of lengths.
    """

    seconds: float = 5.0
    rounds: int = 3
    rough: bool = False

    def number(self, wanted: float, users: int = 1) -> int:
        """Return how many requests a run has: about as many as wanted, in whole blocks, and some for every user."""
        if self.rough:
            return max(2, users, round(wanted))
        least = 3 * users if users > 1 else 1
        return BLOCK * max(round(wanted / BLOCK), -(-least // BLOCK))


@dataclass(frozen=True)
class Options:
    """What is to be measured: everything if `tasks` is empty, under the usual loads if `users` is.

    Attributes:
        quick: take less time, and compare fewer loads.
    """

    tasks: tuple[str, ...] = ()
    users: tuple[int, ...] = ()
    seconds: float | None = None
    rounds: int | None = None
    quick: bool = False

    @property
    def effort(self) -> Effort:
        """How long is measured."""
        usual = Effort(seconds=1.0, rounds=1, rough=True) if self.quick else Effort()
        return replace(usual, seconds=self.seconds or usual.seconds, rounds=self.rounds or usual.rounds)

    def users_of(self, task: str) -> tuple[int, ...]:
        """Return the numbers of users who ask a task at once."""
        usual = USERS_OF_SLOW_TASKS if task in SLOW else USERS
        return self.users or (usual[:2] if self.quick else usual)

    def __str__(self) -> str:
        rounds = self.effort.rounds
        figures = "one run of each" if rounds == 1 else f"medians of {rounds} runs, taken in alternation"
        return f"{LOAD} Figures: {figures}."


def task_names(text: str) -> tuple[str, ...]:
    """Return `sentiment,fill` as names of tasks; raise `SettingsError` if one of them can't be measured."""
    names = tuple(dict.fromkeys(part.lower() for part in _parts(text)))
    if unknown := [name for name in names if name not in REQUESTS]:
        raise SettingsError(f"There is no task called “{unknown[0]}” to measure. There are {', '.join(REQUESTS)}.")
    return names


def numbers(text: str) -> tuple[int, ...]:
    """Return `1,8,64` as numbers of users; raise `SettingsError` if one of them isn't such a number."""
    parts = _parts(text)
    if not all(part.isdecimal() and 1 <= int(part) <= MOST_USERS for part in parts):
        raise SettingsError(f"--users is “{text}”: write numbers from 1 to {MOST_USERS:,} with commas, such as 1,8,64.")
    return tuple(sorted({int(part) for part in parts}))


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
