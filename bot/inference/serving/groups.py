"""Which tasks share a deployment, and how it scales."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, Field, model_validator

from bot.errors import SettingsError
from bot.inference.checkpoints.catalogue import CheckpointSpec, Extra, Preset
from bot.inference.checkpoints.offers import Offers
from bot.locales.message import later
from bot.locales.values import later_joined

TARGET_SHARE = 0.5
"""What autoscaling aims at, of the requests that a replica takes at once: a new replica comes before a queue does."""


class Grouping(StrEnum):
    """How tasks are grouped that no group of the arguments names."""

    CHECKPOINT = "checkpoint"
    TOGETHER = "together"


class Scaling(BaseModel, extra="forbid", frozen=True):
    """How the replicas of a deployment run.

    Attributes:
        min_replicas: 0 starts the first replica when somebody asks.
        max_ongoing_requests: what a replica takes at once, so that it can batch; the others wait in Serve's queue.
        num_gpus: of each replica; a fraction shares one GPU with other replicas.
        devices: instead of those that follow from `num_gpus`, as the setting DEVICES.
    """

    min_replicas: Annotated[int, Field(ge=0, le=1000)] = 0
    max_replicas: Annotated[int, Field(ge=1, le=1000)] = 4
    max_ongoing_requests: Annotated[int, Field(ge=1, le=10_000)] = 64
    num_cpus: Annotated[float, Field(ge=0)] = 1.0
    num_gpus: Annotated[float, Field(ge=0)] = 0.0
    devices: str | None = None
    upscale_delay_s: Annotated[float, Field(ge=0)] = 10.0
    downscale_delay_s: Annotated[float, Field(ge=0)] = 300.0

    @model_validator(mode="after")
    def _fits(self) -> Scaling:
        if self.min_replicas > self.max_replicas:
            raise ValueError("min_replicas must be at most max_replicas")
        if self.num_gpus > 1 and self.num_gpus != int(self.num_gpus):
            raise ValueError("num_gpus must be a fraction below 1, or a whole number")
        return self

    @property
    def target_ongoing_requests(self) -> float:
        """What autoscaling aims at."""
        return max(1.0, TARGET_SHARE * self.max_ongoing_requests)

    @property
    def device_names(self) -> str | None:
        """The devices of each replica; None leaves the choice to its machine's setting."""
        if self.devices is not None:
            return self.devices
        # Ray shows each replica only its own GPUs, numbered from 0.
        return ",".join(f"cuda:{index}" for index in range(max(1, int(self.num_gpus)))) if self.num_gpus else None


class GroupArguments(Scaling, extra="forbid", frozen=True):
    """Tasks whose checkpoints share the replicas of one deployment, and make room for each other there."""

    tasks: Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True)
class Group:
    """A deployment's tasks.

    Attributes:
        name: of the deployment.
        checkpoints: by task.
        extras: further checkpoints that people may choose.
        offered: by the name of a checkpoint, for which tasks it may be chosen if no replica has looked at its files.
    """

    name: str
    checkpoints: Mapping[str, CheckpointSpec]
    scaling: Scaling
    extras: tuple[Extra, ...] = ()
    offered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def specs(self) -> Iterable[CheckpointSpec]:
        """Every checkpoint once."""
        own = {spec.key: spec for spec in self.checkpoints.values()}
        return (own | {one.spec.key: one.spec for one in self.extras}).values()

    def tasks_of(self, spec: CheckpointSpec) -> tuple[str, ...]:
        """Return the tasks that a checkpoint answers if nobody chooses another one."""
        return tuple(task for task, one in self.checkpoints.items() if one.key == spec.key)

    def preset(self, whole: Preset) -> Preset:
        """Return the part of a preset that this deployment answers. It can be pickled."""
        return replace(whole, checkpoints=self.checkpoints, known={}, extras=self.extras)


def grouped(
    preset: Preset,
    default: Scaling,
    chosen: Sequence[GroupArguments],
    grouping: Grouping = Grouping.CHECKPOINT,
    offers: Offers | None = None,
) -> tuple[Group, ...]:
    """Divide a preset's tasks among deployments: those that are chosen, and one for each checkpoint that is left.

    Args:
        offers: of the tasks; None if only extra checkpoints with named tasks can be chosen.

    Raises:
        SettingsError: a group names a task that does not exist, or that another group names.
    """
    left, extras = dict(preset.checkpoints), list(preset.extras)
    offered = (offers or Offers(())).before_loading(preset)
    groups: list[Group] = []

    def add(tasks: Sequence[str], scaling: Scaling, keys: Collection[str] = ()) -> None:
        checkpoints = {task: left.pop(task) for task in tasks}
        keys = {*keys, *(spec.key for spec in checkpoints.values())}
        mine = tuple(one for one in extras if one.spec.key in keys)
        extras[:] = [one for one in extras if one not in mine]
        specs = [*checkpoints.values(), *(one.spec for one in mine)]
        names = {spec.name: offered[spec.name] for spec in specs}
        groups.append(Group(_unused(_name(checkpoints, specs), groups), checkpoints, scaling, mine, names))

    for arguments in chosen:
        for task in arguments.tasks:
            if task not in left:
                sentence = (
                    later("The task “{task}” is in two groups. The tasks are {names}.")
                    if task in preset.checkpoints
                    else later("The task “{task}” does not exist. The tasks are {names}.")
                )
                raise SettingsError(sentence.filled(task=task, names=later_joined(preset.checkpoints)))
        add(arguments.tasks, arguments)
    together = grouping is Grouping.TOGETHER
    while left:
        key = next(iter(left.values())).key
        tasks = [task for task, spec in left.items() if together or spec.key == key]
        add(tasks, default, {one.spec.key for one in extras} if together else ())
    while extras:
        add((), default, {one.spec.key for one in extras if together or one.spec.key == extras[0].spec.key})
    return tuple(groups)


def _name(checkpoints: Mapping[str, CheckpointSpec], specs: Sequence[CheckpointSpec]) -> str:
    keys = {spec.key: spec.name for spec in specs}
    first, *others = checkpoints or keys.values()
    whole = next(iter(keys.values())) if len(keys) == 1 else f"{first} and {len(others)} more"
    return re.sub(r"[^a-z0-9]+", "-", whole.lower())[:60].strip("-") or "checkpoint"


def _unused(name: str, groups: Sequence[Group]) -> str:
    taken = {one.name for one in groups} | {"ingress"}
    numbered = (f"{name}-{number}" for number in range(2, len(taken) + 3))
    return next(one for one in (name, *numbered) if one not in taken)
