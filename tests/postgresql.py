"""A PostgreSQL server for the tests, from the binaries that Debian's package `postgresql` installs."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.timers import PATIENCE

MISSING = "PostgreSQL is not installed"
"""Why its tests are skipped."""
USER = "glassbox"

# Nothing that is written needs to outlast the tests.
FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "max_connections=200", "listen_addresses=")


def binaries() -> Path | None:
    """Return the folder of initdb and postgres; None if they are not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name.zfill(4))
    if (config := shutil.which("pg_config")) is not None:
        found = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True)
        folders.append(Path(found.stdout.strip()))
    usable = [folder for folder in folders if (folder / "initdb").exists() and (folder / "postgres").exists()]
    return usable[-1] if usable else None


@contextmanager
def serving(programs: Path) -> Iterator[str]:
    """Run a server on a Unix socket, and give the URL of its database."""
    folder = Path(tempfile.mkdtemp(prefix="glassbox-pg-"))  # short, because a socket's path has at most 107 bytes
    try:
        as_user = _not_root(folder)
        data = folder / "data"
        options = ("--no-sync", "--auth=trust", f"--username={USER}", "--encoding=UTF8", "--locale=C")
        _run([programs / "initdb", *options, "--pgdata", data], folder, as_user)
        settings = " ".join(f"-c {option}" for option in (*FAST, f"unix_socket_directories={folder}"))
        control: list[str | Path] = [programs / "pg_ctl", "--pgdata", data]
        start = [
            *control,
            "--log",
            folder / "log",
            "--options",
            settings,
            "--timeout",
            f"{PATIENCE:.0f}",
            "-w",
            "start",
        ]
        _run(start, folder, as_user)
        try:
            yield f"postgresql://{USER}@/postgres?host={quote(str(folder))}"
        finally:
            _run([*control, "--mode", "immediate", "stop"], folder, as_user)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _not_root(folder: Path) -> dict[str, Any]:
    """Give a folder to somebody else if these tests run as root, as whom PostgreSQL refuses to run."""
    if os.geteuid() != 0:
        return {}
    names = {user.pw_name: user for user in pwd.getpwall()}
    user = names.get("postgres") or names["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": ()}


def _run(command: Sequence[str | Path], folder: Path, as_user: dict[str, Any]) -> None:
    with (folder / "output").open("wb") as output:  # no pipe, which the server would keep open
        done = subprocess.run(command, cwd=folder, stdout=output, stderr=output, check=False, **as_user)
    assert done.returncode == 0, (folder / "output").read_text()
