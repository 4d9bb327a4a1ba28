"""The first lines of a child process: `child.py PARENT -m MODULE …` or `child.py PARENT SCRIPT …`.

It ends with its parent, whatever ends that, and then runs Python as its further arguments say. It imports nothing of
the bot, so it runs however the bot was installed.
"""

from __future__ import annotations

import ctypes
import os
import runpy
import signal
import sys
import threading

ORPHANED = 4
"""The exit status of a child whose parent is gone."""
_PR_SET_PDEATHSIG = 1


def end_with(parent: int) -> None:
    """End this process when its parent ends, even if that is killed.

    Args:
        parent: the id of that process. It holds the other end of this one's standard input, and writes nothing there.
    """
    # Linux sends a signal, also to a process whose threads are all busy; elsewhere the pipe must do.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if hasattr(os, "getppid") and os.getppid() != parent:  # it has ended already
        os._exit(ORPHANED)
    threading.Thread(target=_end_at_the_end_of_input, daemon=True).start()


def _end_at_the_end_of_input() -> None:
    # `sys.stdin` has a lock, which a thread that waits for input would hold when the interpreter ends.
    while os.read(0, 1):
        pass
    os._exit(ORPHANED)


def main(parent: str, *arguments: str) -> None:
    """Run a module or a script as `__main__`."""
    end_with(int(parent))
    if arguments[0] == "-m":
        sys.argv = list(arguments[1:])
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = list(arguments)
        runpy.run_path(arguments[0], run_name="__main__")


if __name__ == "__main__":
    main(*sys.argv[1:])
