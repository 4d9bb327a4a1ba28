"""The store and the clock: each fault costs a sentence or a button, and never an answer."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from sqlalchemy import Connection

from bot.errors import ButtonRefused
from bot.storage import RequestStore
from bot.storage.steady_clock import SteadyClock
from bot.storage.tables import REQUESTS
from bot.tasks.generate import GenerateRequest
from tests.faults.fault import Fault
from tests.faults.tally import Tally
from tests.storage import locks

PEOPLE = 50
"""Who ask at once, and get an id for their buttons, or know that there is none."""
LATE_SECONDS = 60.0
"""An answer that has waited so long for the store counts as lost. Without the fault's mend it was 190; a busy machine
takes a few."""
DAYS = 40 * 24 * 3600.0
REQUEST = GenerateRequest("Once")
FILE = "requests.sqlite3"
ROOT = Path(__file__).parents[3]


async def asked(store: RequestStore) -> Tally:
    """Have people ask at once; a button that is offered must work as soon as the fault is over."""
    asking = [asyncio.create_task(store.keep(REQUEST, person=person)) for person in range(PEOPLE)]
    done, late = await asyncio.wait(asking, timeout=LATE_SECONDS)
    for one in late:
        one.cancel()
    kept = [one.result() for one in done if one.result()]
    return Tally(asked=PEOPLE, once=len(kept), told=len(done) - len(kept), lost=len(late))


async def next_good_one(store: RequestStore) -> Tally:
    """After the fault, somebody asks, and their button works."""
    while store.database.patience.is_lost:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    kept = await store.keep(REQUEST, person=1)
    try:
        is_right = bool(kept) and await store.find(kept) == REQUEST
    except ButtonRefused:
        is_right = False
    return Tally(asked=1, once=int(is_right), lost=int(not is_right))


async def kill(times: int) -> Tally:
    """Kill writers at random moments. Each time the file must be whole, and in the end everything must be there."""
    # A process of its own, because it forks.
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.store_kills", "--kills", str(times), "--only", "sqlite",
        stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    output, _ = await process.communicate()
    found = re.search(r"(\d+) acknowledged", output.decode())
    acknowledged = 0 if found is None else int(found[1])
    return Tally(tried=times, asked=acknowledged, once=acknowledged, lost=int(process.returncode != 0 or not found))


async def locked(times: int) -> Tally:
    """Another process writes to the file and does not end, while people ask."""
    tally = Tally(tried=times)
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / FILE
            async with RequestStore.open(path) as store:
                with locks.locked(path):
                    tally += await asked(store)
                tally += await next_good_one(store)
    return tally


async def full(times: int) -> Tally:
    """There is no room for another page of the file."""
    return await _between(times, "PRAGMA max_page_count=1", f"PRAGMA max_page_count={2**30}")


async def read_only(times: int) -> Tally:
    """The disk may be read and not written any more."""
    return await _between(times, "PRAGMA query_only=1", "PRAGMA query_only=0")


async def _between(times: int, begin: str, end: str) -> Tally:
    """Have people ask between two statements that make a fault and end it."""
    tally = Tally(tried=times)
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            async with RequestStore.open(Path(folder) / FILE) as store:
                await store.database.connected(lambda connection: _executed(connection, begin))
                for _ in range(4):  # the pages that are there are soon full
                    tally += await asked(store)
                await store.database.connected(lambda connection: _executed(connection, end))
                tally += await next_good_one(store)
    return tally


def _executed(connection: Connection, text: str) -> None:
    connection.exec_driver_sql(text).close()


async def damaged(times: int) -> Tally:
    """The file holds something else from its middle on, or from its beginning."""
    tally = Tally(tried=times)
    for number in range(times):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / FILE
            async with RequestStore.open(path) as store:
                await store.keep(REQUEST, person=1)
            content = await asyncio.to_thread(path.read_bytes)
            rest = len(content) // 2 if number % 2 else 0
            await asyncio.to_thread(path.write_bytes, content[:rest] + b"\xa5" * (len(content) - rest))
            async with RequestStore.open(path) as store:
                tally += await asked(store)
            await asyncio.to_thread(path.unlink)
            async with RequestStore.open(path) as store:  # the operator takes the file away
                tally += await next_good_one(store)
    return tally


async def clock_ahead(times: int) -> Tally:
    """The clock is 40 days ahead for one request, then right again."""
    tally, wall, elapsed = Tally(tried=times), [2e9], [0.0]
    for number in range(times):
        with tempfile.TemporaryDirectory() as folder:
            clock = SteadyClock(lambda: wall[0] + elapsed[0], lambda: elapsed[0])
            async with RequestStore.open(Path(folder) / FILE, now=clock) as store:
                before = await asked(store)
                wall[0] += DAYS if number % 2 == 0 else -DAYS
                during = await next_good_one(store)
                await store.expiry.expire()
                wall[0] -= DAYS if number % 2 == 0 else -DAYS
                elapsed[0] += 1.0
                await store.expiry.expire()
                left = len(await store.database.rows(REQUESTS.select()))
                gone = before.once + during.once - left
                tally += before + during + await next_good_one(store) + Tally(lost=gone)
    return tally


async def two_bots(times: int) -> Tally:
    """Two bots have one folder: whoever keeps a request, the other one's buttons work."""
    tally = Tally(tried=times)
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / FILE
            async with RequestStore.open(path) as one, RequestStore.open(path) as other:
                for mine, theirs in ((one, other), (other, one)):
                    kept = await asyncio.gather(*(mine.keep(REQUEST, person=person) for person in range(PEOPLE)))
                    found = [await theirs.find(identity) == REQUEST for identity in kept if identity]
                    told = PEOPLE - len(found)
                    tally += Tally(asked=PEOPLE, once=sum(found), told=told, lost=found.count(False))
    return tally


FAULTS: tuple[Fault, ...] = (
    Fault("store-locked", "another process has locked the store", locked, times=5, slow=True),
    Fault("store-full", "the disk is full while requests are kept", full, times=20),
    Fault("store-read-only", "the disk has become read-only", read_only, times=20),
    Fault("store-damaged", "the store's file is damaged", damaged, times=20, quick_times=2),
    Fault("store-clock", "the clock is 40 days ahead or behind for one request", clock_ahead, times=20, quick_times=2),
    Fault("store-shared", "two bots have one folder", two_bots, times=10),
    Fault("store-kills", "SIGKILL while the store is written", kill, times=200, quick_times=20, slow=True),
)
