"""Child processes that never outlive this one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from bot.inference.checkpoints.sources import child


@contextmanager
def python(
    *arguments: str,
    stdout: int | None = subprocess.DEVNULL,
    stderr: int | None = subprocess.DEVNULL,
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[str]]:
    """Run Python in a child process, which ends with the body, or with this process if that is killed.

    Args:
        arguments: `-m` and a module, or the path of a script, and what follows these on a command line.
        stdout, stderr: as `subprocess.Popen` takes them.
        environment: the child's; this process's if left out.
    """
    theirs, ours = os.pipe()
    try:
        # -P: without it the script's own folder comes first on the path, and this package hides the gguf library.
        command = [sys.executable, "-P", child.__file__, str(os.getpid()), *arguments]
        try:
            running = subprocess.Popen(
                command,
                env=environment,
                stdin=theirs,
                stdout=stdout,
                stderr=stderr,
                text=True,
                errors="replace",
            )
        finally:
            os.close(theirs)
        with running:
            try:
                yield running
            finally:
                running.terminate()  # does nothing if it has ended
    finally:
        os.close(ours)  # ends a child that waits for it
