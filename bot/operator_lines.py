"""Lines for the operator, on standard output of processes that run for long."""

from __future__ import annotations

import contextlib

import typer


def say(line: str) -> None:
    """Print a line. A full disk, or a reader that has gone, must not end the process."""
    with contextlib.suppress(OSError):
        typer.echo(line)
