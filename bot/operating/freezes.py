"""Ends this process when nothing in it runs any more, so that a supervisor starts another.

The watchdog of `bot.inference` notices threads that hang, as long as Python runs. A call into C that never returns and
never gives up Python's global lock stops everything: the event loop, the watchdog, `/healthz`, even what handles
signals. So what notices it must need no lock. `faulthandler` has such a thread, in C. An alarm of the system
(`signal.setitimer`) would do for most processes, but not for the first one of a container, which signals do not end;
nor could a helper process end that one. `faulthandler` calls `_exit` from inside, and writes where each thread is:
files, lines and names of functions, and nothing of what people wrote.
"""

from __future__ import annotations

import asyncio
import faulthandler
import sys
from collections.abc import Coroutine

from bot.stopping import beside

FROZEN = 1
"""The exit status, which `faulthandler` chooses."""
HANGS = 2.0
"""The silence after which a process ends, in times of `HANG_SECONDS`: the watchdog, which tells people, comes first."""
LEAST_SECONDS = 10.0
"""However short `HANG_SECONDS` is."""
TURNS = 8
"""Turns of the event loop that put the end off, within the time after which it comes."""


async def ended_if_frozen(work: Coroutine[object, object, None], hang_seconds: float) -> None:
    """Do some work. If the event loop has no turn for twice `hang_seconds` meanwhile, end the process with status 1.

    Only turns count, so a process that is slow lives on. One that was stopped from outside for longer (`SIGSTOP`,
    `docker pause`) ends when it goes on; Discord has given up its connection by then.
    """
    seconds = max(LEAST_SECONDS, HANGS * hang_seconds)
    _put_off(seconds)
    try:
        async with beside(_turn(seconds)):
            await work
    finally:
        faulthandler.cancel_dump_traceback_later()


async def _turn(seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds / TURNS)
        _put_off(seconds)


def _put_off(seconds: float) -> None:
    """Let the end come after `seconds` of silence, which may begin just before the next turn."""
    if sys.__stderr__ is not None:  # it was closed when Python started: its number may be another file's by now
        faulthandler.dump_traceback_later(seconds + seconds / TURNS, exit=True, file=sys.__stderr__)
