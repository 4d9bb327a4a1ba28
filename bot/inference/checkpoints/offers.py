"""Which checkpoints may be chosen, and for which tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bot.errors import InvalidRequest, and_more, echoed, named
from bot.inference.checkpoints.abilities import abilities_of
from bot.inference.checkpoints.catalogue import CheckpointSpec, Preset
from bot.inference.checkpoints.residency import PooledCheckpoint
from bot.inference.task import Abilities, Task
from bot.locales.message import Message, later
from bot.locales.values import later_joined

MOST_NAMED = 20
"""Checkpoints in one sentence."""


class Offers:
    """The tasks that checkpoints may be chosen for: those that the operator names, or else those that they can do."""

    def __init__(self, tasks: Iterable[Task[Any]]) -> None:
        self._tasks = [task for task in tasks if not task.takes_any_head]

    def of(self, pooled: PooledCheckpoint) -> tuple[str, ...]:
        """Return the tasks for which a checkpoint may be chosen.

        As long as nothing is known of its architecture, these are only the ones that it is set for.
        """
        more = self._more(pooled.state.spec, pooled.given, pooled.abilities)
        return tuple(dict.fromkeys((*pooled.tasks, *(more or ()))))

    def before_loading(self, preset: Preset) -> Mapping[str, tuple[str, ...]]:
        """Return the same for a preset's checkpoints, by their names, without a look at their files.

        Those of which nothing is known may be chosen for every task, or nobody would ever load them.
        """
        found: dict[str, tuple[str, ...]] = {}
        for spec in preset.specs:
            tasks = preset.tasks_of(spec)
            more = self._more(spec, preset.given_to(spec), None)
            unknown = tasks or tuple(preset.checkpoints)
            found[spec.name] = tuple(dict.fromkeys((*tasks, *(unknown if more is None else more))))
        return found

    def _more(
        self, spec: CheckpointSpec, given: tuple[str, ...] | None, abilities: Abilities | None
    ) -> tuple[str, ...] | None:
        """Return the tasks that the operator names or a checkpoint can do; None if that is not known."""
        if given is not None:
            return given
        found = abilities or abilities_of(spec.architecture)
        return None if found is None else tuple(task.name for task in self._tasks if task.can_use(found))

    def find(self, checkpoints: Sequence[PooledCheckpoint], name: str, task: Task[Any]) -> PooledCheckpoint:
        """Return the checkpoint of a name.

        Raises:
            InvalidRequest: there is none, or it cannot do the task; the sentence lists those that can.
        """
        for pooled in checkpoints:
            if pooled.state.spec.name == name and (task.takes_any_head or task.name in self.of(pooled)):
                return pooled
        able = [one.state.spec.name for one in checkpoints if task.takes_any_head or task.name in self.of(one)]
        raise not_offered(name, task.name, able)


def not_offered(name: str, task: str, names: Sequence[str]) -> InvalidRequest:
    """Return the error for a checkpoint that cannot be chosen for a task.

    Args:
        name: what was chosen.
        names: of those that can be.
    """
    shown: list[str | Message] = [named(one) for one in names[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        shown.append(and_more(len(names) - MOST_NAMED))
    command = f"/{task}"
    if wanted := echoed(name):
        problem = later("No checkpoint called “{name}” can be chosen for {command} here.", name=wanted, command=command)
    else:
        problem = later("No checkpoint can be chosen for {command} here.", command=command)
    if not shown:
        return InvalidRequest(problem)
    if len(shown) == 1:
        return InvalidRequest(later("{problem} There is only {name}.", problem=problem, name=shown[0]))
    return InvalidRequest(later("{problem} There are {names}.", problem=problem, names=later_joined(shown)))
