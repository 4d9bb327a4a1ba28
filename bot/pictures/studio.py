"""Draws beside the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec

from bot.pictures.picture import Picture

P = ParamSpec("P")


class Studio:
    """One thread that draws pictures, one after the other.

    One is enough: a picture takes some tens of milliseconds, and the cores are the models'.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="pictures")

    async def draw(self, function: Callable[P, Picture], *args: P.args, **kwargs: P.kwargs) -> Picture:
        """Calls a drawing function on the thread.

        Raises:
            RuntimeError: the studio is closed.
        """
        drawing = partial(function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._thread, drawing)

    def close(self) -> None:
        """Draws nothing more than what is being drawn; does not wait for it."""
        self._thread.shutdown(wait=False, cancel_futures=True)
