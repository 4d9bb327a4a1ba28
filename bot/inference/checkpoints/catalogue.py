"""The catalogue of checkpoints with their sources, and the presets that choose one for each task. Uses no network."""

from __future__ import annotations

import itertools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from importlib import resources
from itertools import permutations
from pathlib import Path
from types import MappingProxyType
from typing import Self

from pydantic import BaseModel, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from bot.errors import SettingsError
from bot.inference.checkpoints.spec import (
    UNSTATED_LICENCE,
    CheckpointSpec,
    Family,
    FolderSource,
    HubSource,
    Source,
    WheelFolderSource,
    WheelPackage,
    WheelSource,
    gguf_key,
)
from bot.locales.message import later
from bot.locales.values import later_joined

__all__ = [
    "HUB_ID",
    "LONGEST_NAME",
    "UNSTATED_LICENCE",
    "Catalogue",
    "CheckpointSpec",
    "Extra",
    "Family",
    "FolderSource",
    "HubSource",
    "Preset",
    "Source",
    "WheelFolderSource",
    "WheelPackage",
    "WheelSource",
    "gguf_key",
]

HUB_ID = re.compile(r"(?!.*\.\.)(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>\w[\w./-]*))?", re.ASCII)
FOR_TASKS = re.compile(r"(?P<tasks>[a-z]+(?:\s*\+\s*[a-z]+)*)\s*=")
"""The tasks in front of an extra checkpoint."""
LONGEST_NAME = 80
"""Characters of the name of a checkpoint that people choose by; a choice of an option has 100."""


@dataclass(frozen=True, slots=True)
class Extra:
    """A checkpoint that people may choose besides the preset's.

    Attributes:
        tasks: for which; None for those that its head can do.
    """

    spec: CheckpointSpec
    tasks: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Preset:
    """One checkpoint for every task, and others that people may choose."""

    name: str
    description: str
    checkpoints: Mapping[str, CheckpointSpec]
    known: Mapping[str, CheckpointSpec] = field(repr=False, compare=False)
    """Every checkpoint of the catalogue by its key, for overrides."""
    extras: tuple[Extra, ...] = ()

    @property
    def specs(self) -> tuple[CheckpointSpec, ...]:
        """Every checkpoint once: the tasks' own, then the extra ones."""
        own = {spec.key: spec for spec in self.checkpoints.values()}
        return tuple((own | {one.spec.key: own.get(one.spec.key, one.spec) for one in self.extras}).values())

    def given_to(self, spec: CheckpointSpec) -> tuple[str, ...] | None:
        """Return the tasks for which the operator lets people choose a checkpoint; None for those that it can do."""
        given = [one.tasks for one in self.extras if one.spec.key == spec.key]
        named = [tasks for tasks in given if tasks is not None]
        return tuple(task for tasks in named for task in tasks) if named and len(named) == len(given) else None

    def tasks_of(self, spec: CheckpointSpec) -> tuple[str, ...]:
        """Return the tasks that a checkpoint answers."""
        return tuple(task for task, one in self.checkpoints.items() if one.key == spec.key)

    def with_overrides(self, overrides: Mapping[str, str]) -> Preset:
        """Return this preset with other checkpoints for some tasks.

        Args:
            overrides: task → a hub id (`owner/name` or `owner/name@revision`), a folder (`./…`, `~/…` or an absolute
                path), or the key of a checkpoint in the catalogue.

        Raises:
            SettingsError: there is no such task, or the value is none of these.
        """
        for task in overrides:
            if task not in self.checkpoints:
                raise SettingsError(
                    later(
                        "There is no task called “{task}”. The tasks are {names}.",
                        task=task,
                        names=later_joined(self.checkpoints),
                    )
                )
        chosen = {task: self._resolve(task, value.strip()) for task, value in overrides.items()}
        return replace(self, checkpoints=MappingProxyType({**self.checkpoints, **chosen}))

    def with_extras(self, values: Iterable[str]) -> Preset:
        """Return this preset with further checkpoints to choose from, each of which has a name of its own.

        Args:
            values: checkpoints as for `with_overrides`, each perhaps behind the tasks that it may be chosen for:
                `gpt2`, `sentiment=owner/name`, `generate+complete=./folder`.

        Raises:
            SettingsError: there is no such task, or a value is no checkpoint.
        """
        extras = tuple(map(self._extra, values))
        return _named_apart(replace(self, extras=(*self.extras, *extras)))

    def _extra(self, value: str) -> Extra:
        found = FOR_TASKS.match(value)
        spec = self._resolve("EXTRA_CHECKPOINTS", value[found.end() if found else 0 :].strip())
        if found is None:
            return Extra(spec)
        tasks = tuple(task.strip() for task in found["tasks"].split("+"))
        for task in tasks:
            if task not in self.checkpoints:
                raise SettingsError(
                    later(
                        "EXTRA_CHECKPOINTS names the task “{task}”, which does not exist. The tasks are {names}.",
                        task=task,
                        names=later_joined(self.checkpoints),
                    )
                )
        return Extra(spec, tasks)

    def _resolve(self, where: str, value: str) -> CheckpointSpec:
        if not value:
            raise SettingsError(
                later(
                    # Translators: {where} is the name of a task or of a setting.
                    "The checkpoint for {where} is empty. Give a hub id (owner/name), a folder (./name), or leave the "
                    "setting out.",
                    where=where,
                )
            )
        if value in self.known:
            return self.known[value]
        if value.startswith((".", "~")) or Path(value).is_absolute():
            return _in_folder(where, value)
        if (hub_id := HUB_ID.fullmatch(value)) is not None:
            return self._on_the_hub(hub_id["repo"], hub_id["revision"])
        raise SettingsError(
            later(
                "“{value}” is no checkpoint for {where}. Give a hub id (owner/name or owner/name@revision), a folder "
                "(./name or /path/to/name), or one of the catalogue's: {names}.",
                value=value,
                where=where,
                names=later_joined(self.known),
            )
        )

    def _on_the_hub(self, repo_id: str, revision: str | None) -> CheckpointSpec:
        for spec in self.known.values():
            if isinstance(spec.source, HubSource) and spec.source.repo_id == repo_id:
                # The catalogue knows its licence and languages; another revision may have another size.
                if revision in (None, spec.source.revision):
                    return spec
                return replace(spec, source=HubSource(repo_id, revision), size_mb=None)
        return CheckpointSpec(name=repo_id.rpartition("/")[2], source=HubSource(repo_id, revision))


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All checkpoints by their key, and all presets by their name."""

    checkpoints: Mapping[str, CheckpointSpec]
    presets: Mapping[str, Preset]

    @classmethod
    def read(cls) -> Self:
        """Read the catalogue that comes with the bot.

        Raises:
            SettingsError: the file is not a valid catalogue.
        """
        return cls.parse(resources.files(__package__).joinpath("catalogue.toml").read_text(encoding="utf-8"))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a catalogue from TOML.

        Raises:
            SettingsError: naming the table that is wrong.
        """
        try:
            document = _Document.model_validate(tomllib.loads(text))
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(later("The catalogue is not valid TOML: {error}.", error=str(error))) from error
        except ValidationError as error:
            raise _wrong(error) from error
        checkpoints = MappingProxyType({key: table.spec() for key, table in document.checkpoints.items()})
        presets = {name: table.preset(name, checkpoints) for name, table in document.presets.items()}
        return cls(checkpoints, MappingProxyType(presets))

    def preset(self, name: str) -> Preset:
        """Return a preset, whatever the case of its name.

        Raises:
            SettingsError: there is none of that name; the sentence lists the presets.
        """
        try:
            return self.presets[name.strip().lower()]
        except KeyError:
            raise SettingsError(
                later(
                    "There is no preset called “{name}”. The presets are {names}.",
                    name=name,
                    names=later_joined(self.presets),
                )
            ) from None


def _in_folder(where: str, value: str) -> CheckpointSpec:
    try:
        path = Path(value).expanduser().resolve()
    except (RuntimeError, OSError, ValueError):  # no such user's home, a loop of links, a null character
        raise SettingsError(
            later("The folder for {where}, “{value}”, cannot be found.", where=where, value=value)
        ) from None
    if not path.is_dir():
        if path.exists():
            sentence = later(
                "The folder for {where}, “{value}”, is a file, not a folder: give the folder that it is in.",
                where=where,
                value=value,
            )
        else:
            sentence = later("The folder for {where}, “{value}”, does not exist.", where=where, value=value)
        raise SettingsError(sentence)
    return CheckpointSpec(name=path.name or str(path), source=FolderSource(path))


def _named_apart(preset: Preset) -> Preset:
    """Return a preset whose checkpoints have different names, by which people choose; none is that of a task."""
    taken = set(preset.checkpoints)
    names: dict[str, str] = {}
    for spec in preset.specs:
        name = spec.name if len(spec.name) <= LONGEST_NAME else f"{spec.name[: LONGEST_NAME - 1]}…"
        others = itertools.chain([f"{name} ({_origin(spec)})"], (f"{name} ({number})" for number in itertools.count(2)))
        names[spec.key] = name if name not in taken else next(other for other in others if other not in taken)
        taken.add(names[spec.key])

    def renamed(spec: CheckpointSpec) -> CheckpointSpec:
        return replace(spec, name=names[spec.key])

    return replace(
        preset,
        checkpoints=MappingProxyType({task: renamed(spec) for task, spec in preset.checkpoints.items()}),
        extras=tuple(replace(extra, spec=renamed(extra.spec)) for extra in preset.extras),
    )


def _origin(spec: CheckpointSpec) -> str:
    match spec.source:
        case HubSource(revision=str(revision)):
            return f"revision {revision[:12]}"
        case HubSource():
            return "hub"
        case FolderSource():
            return "folder"
        case _:
            return "package"


class _Languages(BaseModel, extra="forbid"):
    between: list[str]
    pivot: str | None = None

    def pairs(self) -> tuple[tuple[str, str], ...]:
        """Return every pair of different languages; with a pivot, only the pairs that contain it."""
        return tuple(pair for pair in permutations(self.between, 2) if self.pivot is None or self.pivot in pair)


class _CheckpointTable(BaseModel, extra="forbid"):
    """A checkpoint in `catalogue.toml`, with exactly one source."""

    name: str
    licence: str = UNSTATED_LICENCE
    size_mb: int | None = None
    family: Family | None = None
    languages: _Languages | None = None
    note: str | None = None
    architecture: str | None = None
    hub: HubSource | None = None
    wheel: WheelSource | None = None
    wheel_folder: WheelFolderSource | None = None
    folder: FolderSource | None = None

    def _sources(self) -> list[Source]:
        return [one for one in (self.hub, self.wheel, self.wheel_folder, self.folder) if one is not None]

    @model_validator(mode="after")
    def _has_one_source(self) -> Self:
        if len(self._sources()) != 1:
            raise PydanticCustomError("sources", "it needs exactly one of hub, wheel, wheel_folder and folder")
        return self

    def spec(self) -> CheckpointSpec:
        [source] = self._sources()
        languages = None if self.languages is None else self.languages.pairs()
        return CheckpointSpec(
            self.name, source, self.licence, self.size_mb, self.family, languages, self.note, self.architecture
        )


class _PresetTable(BaseModel, extra="forbid"):
    description: str
    checkpoints: dict[str, str]

    def preset(self, name: str, known: Mapping[str, CheckpointSpec]) -> Preset:
        for key in self.checkpoints.values():
            if key not in known:
                raise SettingsError(
                    later(
                        "The catalogue's table presets.{name} is wrong: “{key}” is no checkpoint.", name=name, key=key
                    )
                )
        chosen = {task: known[key] for task, key in self.checkpoints.items()}
        return Preset(name, self.description, MappingProxyType(chosen), known)


class _Document(BaseModel, extra="forbid"):
    checkpoints: dict[str, _CheckpointTable] = {}
    presets: dict[str, _PresetTable] = {}


def _wrong(error: ValidationError) -> SettingsError:
    """Return an error that names the first fault, its table and, if it is a plain value, the value."""
    first = error.errors()[0]
    table, keys = (".".join(map(str, path)) for path in (first["loc"][:2], first["loc"][2:]))
    value = f" ({first['input']!r})" if isinstance(first["input"], str | int | float) else ""
    where = f"{keys}{value}: " if keys else ""
    return SettingsError(
        later("The catalogue's table {table} is wrong: {fault}.", table=table, fault=f"{where}{first['msg']}")
    )
