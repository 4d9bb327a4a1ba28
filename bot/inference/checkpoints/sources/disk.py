"""Room on the disk: looked for before a fetch, and explained when it runs out all the same."""

from __future__ import annotations

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, HubSource
from bot.locales.message import Message, later
from bot.locales.values import Later, later_exact, later_whole

FULL = (errno.ENOSPC, errno.EDQUOT)
CLOSED = (errno.EACCES, errno.EPERM, errno.EROFS)
RESERVE = 16_000_000
"""Bytes that are left free beside what is expected: for logs, the database, and files whose sizes are not known."""


class NoRoom(OSError):
    """The disk is full, or will be.

    Args:
        needed: the bytes that are missing in all, as far as known.
        free: how many there are.
    """

    def __init__(self, needed: int | None = None, free: int | None = None) -> None:
        super().__init__(errno.ENOSPC, "no room")
        self.needed = needed
        self.free = free


def require_room(folder: Path, needed: int) -> None:
    """Raise `NoRoom` unless so many bytes fit onto the disk of a folder, which need not exist yet."""
    free = _free(folder)
    if free is not None and free < needed + RESERVE:
        raise NoRoom(needed + RESERVE, free)


def _free(folder: Path) -> int | None:
    """Return the free bytes on the disk of a folder; None if they cannot be known."""
    for existing in (folder, *folder.absolute().parents):
        try:
            return shutil.disk_usage(existing).free
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def disk_error_in(error: BaseException) -> OSError | None:
    """Return the error of a full or closed disk that another error was made of, if there is one."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in (*FULL, *CLOSED):
            return seen
        if is_full_in_words(str(seen)):  # libraries in Rust wrap it in errors of their own
            return NoRoom()
        seen = seen.__cause__ or seen.__context__
    return None


def is_full_in_words(text: str) -> bool:
    """Return whether a message of Python or of Rust, in any language, tells of a full disk."""
    return any(int(number) in FULL for number in re.findall(r"(?:\[Errno |os error )(\d+)\b", text))


@contextmanager
def disk_errors_explained(spec: CheckpointSpec) -> Iterator[None]:
    """Turn the errors of a full disk and of a read-only folder into a `ModelUnavailable` that says so."""
    setting = "HF_HOME" if isinstance(spec.source, HubSource) else "CACHE_DIR"
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise ModelUnavailable(_no_room(error, spec, setting)) from error
        if error.errno in CLOSED:
            raise ModelUnavailable(
                later(
                    "The cache folder for {name} cannot be written. Set {setting} to another one.",
                    name=spec.name,
                    setting=setting,
                )
            ) from error
        raise


def _no_room(error: OSError, spec: CheckpointSpec, setting: str) -> Message:
    """Return the sentence about a full disk, with the room that is needed as far as it is known."""
    if isinstance(error, NoRoom) and error.needed is not None and error.free is not None:
        return later(
            "There is no room on the disk for {name}. It needs {needed} MB, and {free} MB are free. Make some, or set "
            "{setting} to a folder on another disk, and try again.",
            name=spec.name,
            needed=_megabytes(error.needed),
            free=_megabytes(error.free),
            setting=setting,
        )
    if spec.size_mb:
        return later(
            "There is no room on the disk for {name}. It needs about {needed} MB. Make some, or set {setting} to a "
            "folder on another disk, and try again.",
            name=spec.name,
            needed=later_whole(4 * spec.size_mb),
            setting=setting,
        )
    return later(
        "There is no room on the disk for {name}. Make some, or set {setting} to a folder on another disk, and try "
        "again.",
        name=spec.name,
        setting=setting,
    )


def _megabytes(number: int) -> Later:
    return later_exact(-(-number // 1_000_000) if number >= 1_000_000 else round(number / 1_000_000, 1))
