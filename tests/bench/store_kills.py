"""Nothing that the store has acknowledged is lost: `python -m tests.bench.store_kills`.

Two processes write to one database, forget and read. Again and again one of them is killed (SIGKILL) in the middle of
whatever it does, and another takes its place. In the end everything that they have reported is looked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import select

from bot.errors import RequestForgotten
from bot.storage import RequestStore
from bot.storage.conversations import Turn
from bot.storage.tables import DELETIONS
from bot.storage.upgrading import read_migrations
from bot.tasks.chat import MOST_EXCHANGES, ChatRequest, Exchange
from tests import postgresql

SHARED = 2**60
"""The first of the channels that everybody writes to, one after the other. Each process also has one of its own."""
SHARED_SECONDS = 0.05
"""For how long. So there are many last deletions, during which somebody may have been speaking."""
FORGETS = 0.15
Event = dict[str, Any]
"""What a process reports: `what` it has done or begins to do, and in which `channel`."""


@dataclass
class Writer:
    """A process that writes, as its parent sees it."""

    pid: int
    output: int
    rest: bytes = b""
    events: list[Event] = field(default_factory=list)

    @classmethod
    def begin(cls, number: int, path: Path, url: str | None) -> Writer:
        """Fork a process. No loop and no thread runs here by then."""
        output, input_ = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(output)
                asyncio.run(write(number, path, url, input_))
            finally:
                os._exit(1)  # it is killed before
        os.close(input_)
        return cls(pid, output)

    def read_until(self, number: int) -> None:
        """Read what it reports until there are so many events, or it has ended."""
        while len(self.events) < number and (read := os.read(self.output, 65536)):
            *lines, self.rest = (self.rest + read).split(b"\n")
            self.events += map(json.loads, lines)

    def kill(self) -> None:
        """Kill it, and read the rest of what it has reported."""
        os.kill(self.pid, signal.SIGKILL)
        self.read_until(sys.maxsize)
        os.close(self.output)
        _, status = os.waitpid(self.pid, 0)
        assert os.WIFSIGNALED(status), "it has failed by itself"


async def write(number: int, path: Path, url: str | None, output: int) -> None:
    """Write, forget and read until the process is killed, and report it."""
    chance = random.Random(number)

    def report(what: str, channel: int, **more: Any) -> None:
        os.write(output, json.dumps({"what": what, "channel": channel, **more}).encode() + b"\n")

    async with RequestStore.open(path, url) as store:
        for count in itertools.count():
            channel = chance.choice((SHARED + int(time.monotonic() / SHARED_SECONDS), number))
            if chance.random() < FORGETS:
                report("forgetting", channel)
                await store.conversations.forget(channel)
                report("forgot", channel)
                continue
            text = f"{number}.{count}"
            async with store.conversations.turn(channel) as turn:
                request = ChatRequest(text, channel, "alice", conversation=turn.conversation)
                identity = await store.keep(request, person=number)
                await store.conversations.keep(turn, channel, number, Exchange("alice", text, text))
            report("said", channel, text=text, id=identity, conversation=turn.conversation)


def run(kills: int, path: Path, url: str | None) -> int:
    """Kill writers; return how many events were acknowledged, all of which are there."""
    read_migrations()  # imports what each of the processes would import otherwise
    chance, numbers, events = random.Random(0), itertools.count(1), list[Event]()
    writers = [Writer.begin(next(numbers), path, url) for _ in range(2)]
    for _ in range(kills):
        index = chance.randrange(2)
        writers[index].read_until(chance.randrange(1, 40))
        time.sleep(chance.random() * 0.003)
        writers[index].kill()
        if url is None:
            _check_file(path)
        events += writers[index].events
        writers[index] = Writer.begin(next(numbers), path, url)
    for writer in writers:
        writer.read_until(5)
        writer.kill()
        events += writer.events
    asyncio.run(check(events, path, url))
    return sum(event["what"] != "forgetting" for event in events)


def _check_file(path: Path) -> None:
    """Check that SQLite finds no fault in its file, which the other process goes on writing."""
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as file:
        assert file.execute("PRAGMA integrity_check").fetchall() == [("ok",)], "the file is damaged"


async def check(events: Sequence[Event], path: Path, url: str | None) -> None:
    """Check that everything is there that was said since a channel's last deletion, and nothing else."""
    async with RequestStore.open(path, url) as store:
        deletions = Counter(row.channel_id for row in await store.database.rows(select(DELETIONS)))
        for channel in {event["channel"] for event in events}:
            here = [event for event in events if event["channel"] == channel]
            begun, ended = (sum(event["what"] == what for event in here) for what in ("forgetting", "forgot"))
            assert ended <= deletions[channel] <= begun, "a deletion is lost"
            async with store.conversations.turn(channel) as turn:
                await _check_channel(store, turn, [event for event in here if event["what"] == "said"])


async def _check_channel(store: RequestStore, turn: Turn, said: Sequence[Event]) -> None:
    kept = {exchange.message for exchange in turn.history}
    for event in said:
        try:
            await store.find(event["id"])
        except RequestForgotten:
            assert event["conversation"] < turn.conversation, "a request is lost"
            assert event["text"] not in kept, "an exchange has outlived a deletion"
        else:
            assert event["conversation"] == turn.conversation, "a request has outlived a deletion"
            assert event["text"] in kept or len(kept) == MOST_EXCHANGES, "an exchange is lost"


def main(
    kills: Annotated[int, typer.Option(min=1, max=100_000)] = 200,
    url: Annotated[str | None, typer.Option(help="An empty PostgreSQL database, instead of one of our own.")] = None,
    only: Annotated[str | None, typer.Option(help="sqlite or postgresql")] = None,
) -> None:
    """Kill writers on SQLite and on PostgreSQL."""
    if only != "postgresql":
        with tempfile.TemporaryDirectory() as folder:
            _tell("SQLite", kills, Path(folder) / "requests.sqlite3", None)
    if only == "sqlite":
        return
    if url is not None:
        _tell("PostgreSQL", kills, Path("unused"), url)
    elif (programs := postgresql.binaries()) is not None:
        with postgresql.serving(programs) as server:
            _tell("PostgreSQL", kills, Path("unused"), server)
    else:
        typer.echo(f"PostgreSQL: {postgresql.MISSING}")


def _tell(name: str, kills: int, path: Path, url: str | None) -> None:
    begin = time.perf_counter()
    acknowledged = run(kills, path, url)
    seconds = time.perf_counter() - begin
    typer.echo(f"{name}: {kills} kills, {acknowledged} acknowledged, none lost ({seconds:.0f} s)")


if __name__ == "__main__":
    typer.run(main)
