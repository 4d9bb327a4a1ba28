"""A disk that is really full: a small file system in memory, which fills up and is emptied again."""

from __future__ import annotations

import asyncio
import errno
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.fault import NotPossible

MEGABYTE = 1 << 20
BALLAST = "ballast"


@dataclass(frozen=True)
class SmallDisk:
    """A disk of some megabytes.

    Attributes:
        folder: where it is mounted.
    """

    folder: Path

    def fill(self) -> None:
        """Leave no byte free."""
        with (self.folder / BALLAST).open("ab", buffering=0) as file:
            for size in (MEGABYTE, 1 << 12, 1):
                _write_all(file.write, bytes(size))

    def empty(self) -> None:
        """Free what `fill` has taken."""
        (self.folder / BALLAST).unlink()


def _write_all(write: Callable[[bytes], int | None], content: bytes) -> None:
    while True:
        try:
            write(content)
        except OSError as error:
            if error.errno == errno.ENOSPC:
                return
            raise


@asynccontextmanager
async def small_disk(megabytes: int) -> AsyncIterator[SmallDisk]:
    """Mount a small disk while the body runs.

    Raises:
        NotPossible: here nothing can be mounted.
    """
    if sys.platform != "linux" or os.geteuid() != 0:
        raise NotPossible("only root may mount a disk, on Linux")
    with tempfile.TemporaryDirectory(prefix="glassbox-disk-") as folder:
        options = ["-t", "tmpfs", "-o", f"size={megabytes}m", "glassbox-disk", folder]
        if await _status("mount", *options):
            raise NotPossible("this machine mounts no disk, as in most containers")
        try:
            yield SmallDisk(Path(folder))
        finally:
            await _status("umount", "--lazy", folder)


async def _status(*command: str) -> int:
    try:
        silence = subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(*command, stdout=silence, stderr=silence)
    except FileNotFoundError:
        return 127
    return await process.wait()
