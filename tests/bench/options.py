"""What is to be measured, as the command line says it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.benchmark import options
from bot.benchmark.options import LOAD, SLOW
from bot.errors import SettingsError
from tests.bench.server import completions_address

MEMBERS = (200,)
SOAKING, SOAKING_SLOWLY = (64,), (16,)
"""Users if none are given: through Discord, and with `--soak`."""


@dataclass(frozen=True)
class Effort(options.Effort):
    """How long is measured.

    Attributes:
        requests: how many a run of the worker and the limit has, instead of as many as take `seconds`.
    """

    requests: int | None = None


@dataclass(frozen=True)
class Options(options.Options):
    """What is to be measured.

    Attributes:
        requests: how many a run of the worker and the limit has, instead of as many as take `seconds`.
        shapes: measure the course's architectures with random weights instead of a preset.
        discord: send the load through a simulated Discord.
        beside: the address of a server that takes part in `/generate`.
        engines: names of other engines that take part where they are installed.
        soak: watch memory over so many requests instead.

    Raises:
        SettingsError: they cannot be measured together.
    """

    requests: int | None = None
    shapes: bool = False
    discord: bool = False
    beside: str | None = None
    engines: tuple[str, ...] = ()
    soak: int | None = None

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
        """Return how long is measured."""
        return Effort(**vars(super().effort), requests=self.requests)

    def users_of(self, task: str) -> tuple[int, ...]:
        """Return the numbers of users who ask a task at once."""
        if not self.users and self.discord:
            return MEMBERS
        if not self.users and self.soak is not None:
            return SOAKING_SLOWLY if task in SLOW else SOAKING
        return super().users_of(task)

    def __str__(self) -> str:
        if self.soak is not None:
            return f"{LOAD} Memory is taken when nothing is under way, after garbage collection."
        return super().__str__()
