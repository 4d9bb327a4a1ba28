"""What is to be measured, as the command line says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from bot.benchmark.contest import Effort
from bot.benchmark.server import completions_address
from bot.benchmark.workload import KINDS
from bot.errors import SettingsError

MOST_USERS = 4_096
READING, WRITING, MEMBERS = (1, 8, 64), (1, 8, 16, 64), (200,)
"""Users where none are given: for tasks that read, for those that are slow, and through Discord."""
SLOW = frozenset({"zeroshot", "generate", "translate"})
SOAKING, SOAKING_SLOWLY = (64,), (16,)
"""The same for `--soak`."""


@dataclass(frozen=True)
class Options:
    """What is to be measured.

    Attributes:
        shapes: measure the course's architectures with random weights, rather than a preset.
        tasks: all where empty.
        users: the usual ones where empty.
        quick: take less time, and compare fewer loads.
        discord: send the load through a simulated Discord.
        beside: the address of a server that takes part in /generate.
        soak: watch memory over so many requests, instead.

    Raises:
        SettingsError: they cannot be measured together.
    """

    shapes: bool = False
    tasks: tuple[str, ...] = ()
    users: tuple[int, ...] = ()
    requests: int | None = None
    seconds: float | None = None
    rounds: int | None = None
    quick: bool = False
    discord: bool = False
    beside: str | None = None
    soak: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.discord and self.soak is not None:
            raise SettingsError("--discord and --soak are two measurements: give one of them.")
        if self.beside is None:
            return
        if self.discord or self.soak is not None or (self.tasks and "generate" not in self.tasks):
            raise SettingsError("--beside takes part in /generate: leave out --discord, --soak and tasks without it.")
        completions_address(self.beside)

    @property
    def effort(self) -> Effort:
        """How long is measured."""
        usual = Effort.quick() if self.quick else Effort()
        return replace(
            usual, seconds=self.seconds or usual.seconds, rounds=self.rounds or usual.rounds, requests=self.requests
        )

    def users_of(self, task: str) -> Sequence[int]:
        """The loads of a task."""
        if self.users:
            return self.users
        if self.discord:
            return MEMBERS
        if self.soak is not None:
            return SOAKING_SLOWLY if task in SLOW else SOAKING
        usual = WRITING if task in SLOW else READING
        return usual[:2] if self.quick else usual

    def __str__(self) -> str:
        """What the figures are, in a line."""
        load = f"Closed loop, seed {self.seed}. All texts differ: no cache can answer them."
        if self.soak is not None:
            return f"{load} Memory is taken when nothing is under way, after garbage collection."
        effort = self.effort
        turns = "one turn of each" if effort.rounds == 1 else f"medians of {effort.rounds} turns, taken in alternation"
        return f"{load} Figures: {turns}."


def task_names(text: str) -> tuple[str, ...]:
    """`sentiment,fill` as names of tasks.

    Raises:
        SettingsError: it is something else.
    """
    names = tuple(dict.fromkeys(part.strip().lower() for part in text.split(",") if part.strip()))
    if unknown := [name for name in names if name not in KINDS]:
        raise SettingsError(f"There is no task called “{unknown[0]}” to measure. There are {', '.join(KINDS)}.")
    return names


def numbers(text: str) -> tuple[int, ...]:
    """`1,8,64` as numbers of users.

    Raises:
        SettingsError: it is something else.
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() and 1 <= int(part) <= MOST_USERS for part in parts):
        raise SettingsError(f"--users is “{text}”: write numbers from 1 to {MOST_USERS:,} with commas, such as 1,8,64.")
    return tuple(sorted({int(part) for part in parts}))
