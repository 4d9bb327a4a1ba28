"""A bot process whose models are elsewhere, from its start to an answer: `python bot_process.py '{"refused": []}'`.

Prints JSON: the modules that it has imported, its seconds until everything is built, and its memory in bytes.
"""

from __future__ import annotations

import json
import sys
import time
from functools import partial
from importlib.abc import MetaPathFinder
from typing import Any


class Refusal(MetaPathFinder):
    """Refuses to import what is not installed where only the base dependencies are."""

    def __init__(self, refused: set[str]) -> None:
        self._refused = refused

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in self._refused:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


async def answer_once(began: float) -> dict[str, Any]:
    """Build everything that `run` builds before it logs in, and answer a request."""
    import psutil

    from bot.app import connect_backend
    from bot.client import Glassbox
    from bot.pictures.similarity import similarity_map
    from bot.replies.results.sentiment import render
    from bot.settings import read_settings
    from bot.storage import RequestStore
    from bot.tasks.sentiment import SentimentRequest

    async with (
        connect_backend(read_settings(None)) as backend,
        RequestStore.open(None) as store,
        Glassbox(backend, store, shard_count=1) as bot,
    ):
        await bot.setup_hook()
        seconds = time.perf_counter() - began
        request = SentimentRequest("I love apples")
        assert render(request, await backend.run(request, person=1)).embed is not None
        await bot.studio.draw(partial(similarity_map, ["apples", "りんご"], [[1.0, 0.5], [0.5, 1.0]]))
        return {
            "modules": sorted({name.partition(".")[0] for name in sys.modules}),
            "seconds": seconds,
            "bytes": psutil.Process().memory_info().rss,
            "commands": len(bot.tree.get_commands()),
        }


if __name__ == "__main__":
    began = time.perf_counter()
    sys.meta_path.insert(0, Refusal(set(json.loads(sys.argv[1])["refused"])))
    import asyncio

    print(json.dumps(asyncio.run(answer_once(began))))  # noqa: T201
