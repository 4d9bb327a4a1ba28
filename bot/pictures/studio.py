"""The thread that draws pictures."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec

from bot.pictures.picture import Picture

P = ParamSpec("P")


class Studio:
    """A thread that draws one picture after the other."""

    def __init__(self) -> None:
        # One is enough: a picture takes tens of milliseconds, and the models need the cores.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")

    async def draw(self, function: Callable[P, Picture], *args: P.args, **kwargs: P.kwargs) -> Picture:
        """Call a drawing function on the thread; raise `RuntimeError` if the studio is closed."""
        # In the caller's locale: an executor, unlike `asyncio.to_thread`, takes no context along.
        drawing = partial(contextvars.copy_context().run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._thread, drawing)

    def close(self) -> None:
        """Cancel the drawings that have not begun, and do not wait for the one that has."""
        self._thread.shutdown(wait=False, cancel_futures=True)
