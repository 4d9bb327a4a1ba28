"""Pseudonyms of people for the log: an operator can follow one person's requests, and learns nobody's id."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import logging
import os
import secrets
import tempfile
from pathlib import Path

log = logging.getLogger(__name__)

FILE = "pseudonyms.key"
KEY_BYTES = 32
CHARACTERS = 16
"""Of a pseudonym: 64 bits, in which a million people have no two equal ones."""


class Pseudonyms:
    """HMAC-SHA256 of people's ids with a key of this installation.

    Discord's ids are few enough to hash them all, so a plain hash would hide nothing.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def open(cls, folder: Path) -> Pseudonyms:
        """Read the key in a folder; the first process makes it. If that is impossible, the key lasts for one run."""
        path = folder / FILE
        try:
            if not path.exists():
                _make(path)
            key = path.read_bytes()
        except OSError as error:
            log.warning("pseudonyms in the log change at each start: %s", type(error).__name__)
            key = b""
        return cls(key) if len(key) == KEY_BYTES else cls.for_one_run()

    @classmethod
    def for_one_run(cls) -> Pseudonyms:
        """Make a key that is kept nowhere."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def of(self, person: int) -> str:
        """Return the pseudonym of a person."""
        return hmac.new(self._key, str(person).encode(), hashlib.sha256).hexdigest()[:CHARACTERS]


def _make(path: Path) -> None:
    """Write a new key that only this user can read, unless another process has just done it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent)  # with mode 0600
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(KEY_BYTES))
        with contextlib.suppress(FileExistsError):
            os.link(name, path)  # never half a key, and never over another one
    finally:
        Path(name).unlink()
