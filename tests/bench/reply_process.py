"""A bot in a simulated Discord that `reply_cost` asks; a process, so that it can be another checkout's.

For each line that it reads it answers one round, and writes the processor seconds of each kind of reply as JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from itertools import count
from pathlib import Path
from typing import Any

import simcord
import torch

from bot.client import Glassbox
from bot.storage import RequestStore
from tests import tiny
from tests.support import open_worker, preset_of
from tests.timers import PATIENCE

TEXT = "I love to hate course number"


class Asked:
    """Alice asks, and opens Show the work."""

    def __init__(self, env: Any, guild: Any) -> None:
        self._env = env
        self._channel = guild.create_text_channel("general")
        self.alice = guild.add_member(env.create_user("alice"))
        self._numbers = count()

    async def round(self, replies: int) -> dict[str, float]:
        """Return the processor seconds of all threads for a reply, by its kind."""
        gc.collect()
        began = time.process_time()
        # Equal texts would be answered from memory.
        texts = [f"{TEXT} {next(self._numbers)}" for _ in range(replies)]
        answers = [await self.alice.slash(self._channel, "sentiment", text=text) for text in texts]
        answered = time.process_time()
        for answer in answers:
            show_the_work = answer.response.components[0]["components"][0]["custom_id"]
            opened = await self.alice.click(answer.response.message, custom_id=show_the_work)
            assert opened.response is not None
        return {
            "/sentiment": (answered - began) / replies,
            "Show the work": (time.process_time() - answered) / replies,
        }


@contextlib.asynccontextmanager
async def asked(folder: Path, locale: str | None) -> AsyncIterator[Asked]:
    """Run a bot with a tiny checkpoint.

    Args:
        locale: of a made-up language that Alice reads; None for English.
    """
    tiny.distilbert(folder / "tiny")
    async with (
        open_worker(preset_of({"sentiment": folder / "tiny"}), folder) as worker,
        RequestStore.open(None) as store,
    ):
        bot = Glassbox(worker, store, shard_count=1)
        async with simcord.run(bot, settle_timeout=PATIENCE) as env:
            await bot.tree.sync()
            found = Asked(env, env.create_guild("Glassbox"))
            if locale is not None:
                await bot.own_languages.choose(found.alice.id, locale)
            yield found


async def answer(folder: Path, replies: int, locale: str | None) -> None:
    """Answer a round for each line that is read."""
    async with asked(folder, locale) as alice:
        while sys.stdin.readline():
            sys.stdout.write(json.dumps(await alice.round(replies)) + "\n")
            sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replies", type=int, required=True, help="of each kind in a round")
    parser.add_argument("--locale")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory(prefix="glassbox-replies-") as name, contextlib.ExitStack() as languages:
        if options.locale is not None:
            from tests.locales.languages import offering  # an older checkout may have none

            languages.enter_context(offering(Path(name) / "locales", options.locale))
        asyncio.run(answer(Path(name), options.replies, options.locale))


if __name__ == "__main__":
    main()
