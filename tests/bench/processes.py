"""Several bot processes, measured: kills that lose nothing, how much one process acknowledges, what servers take.

`python -m tests.bench.processes kills`, `… rates`, `… servers` and `… messages`. The processes are real, and so are
PostgreSQL and the sockets; Discord is the small one of the tests, and the models are a stand-in that sleeps.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import statistics
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import typer

from bot.stopping import beside
from tests import postgresql
from tests.bench.cached_servers import message, server
from tests.discord_server import USER
from tests.sharding.bot_process import BotProcess, bot_process
from tests.sharding.sharded_discord import ShardedDiscord

SHARDS = {0: (0, 1), 1: (2, 3)}
"""Of each process."""
LOAD_RATE = 20.0
"""Interactions a second while processes are killed."""
SETTLE_SECONDS = 60.0
"""The end comes this long after the last answer."""
SERVERS_RATE = 50.0
"""Interactions a second while a process has many servers."""
HEADING = "rate/s  acknowledged   p50 ms   p99 ms   max ms   CPU of the bot   memory MB"
MESSAGE = 4
"""An acknowledgement that is a sentence already: CHANNEL_MESSAGE_WITH_SOURCE."""
P99_SECONDS, LATEST_SECONDS = 0.3, 3.0
"""What a rate must keep to: 99 of 100 acknowledgements, and all."""


@dataclass(eq=False)
class Fleet:
    """Two processes, and who asks them.

    Attributes:
        asked: what each interaction asks for, by its token: a word of the answer.
        pressed: those that press a button on the process that has not written it.
        under_way: how many were acknowledged and not yet answered when a process was killed, counted at each kill.
    """

    discord: ShardedDiscord
    folder: Path
    variables: dict[str, str]
    processes: dict[int, BotProcess] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    pressed: set[str] = field(default_factory=set)
    shard_of: dict[str, int] = field(default_factory=dict)
    messages: list[tuple[int, Any]] = field(default_factory=list)
    under_way: int = 0

    async def run(self, index: int, stack: contextlib.AsyncExitStack) -> None:
        """Start a process, and wait until its shards are online."""
        variables = {**self.variables, "PROCESS_INDEX": str(index)}
        log = self.folder / f"{index}.log"
        self.processes[index] = await stack.enter_async_context(bot_process(self.discord.address, log, variables))
        await self.discord.all_online(*SHARDS[index])

    async def ask_for_ever(self) -> None:
        """Ask and press at `LOAD_RATE`, on shards that are online."""
        for number in range(10**9):
            online = [shard for shard in range(4) if self.discord.is_online(shard)]
            if online:
                with contextlib.suppress(ConnectionError):
                    await self._ask(number, random.choice(online))
            self._collect()
            await asyncio.sleep(random.expovariate(LOAD_RATE))

    async def _ask(self, number: int, shard: int) -> None:
        word = f"number{number}x"
        choice = random.random()
        elsewhere = [message for origin, message in self.messages if (origin < 2) != (shard < 2)]
        if choice < 0.2 and elsewhere:
            message = random.choice(elsewhere)
            # Somebody else each time: one person's requests in flight are limited, in all processes together.
            person = {**USER, "id": str(10**6 + number)}
            token = await self.discord.press_on(shard, "Regenerate", message, person)
            self.pressed.add(token)
            word = "number"
        elif choice < 0.5:
            options: dict[str, Any] = {"prompt": f"text {word}", "max_new_tokens": random.randint(2, 30)}
            token = await self.discord.invoke_by(10**6 + number, shard, "generate", **options)
            self.shard_of[token] = shard
        else:
            token = await self.discord.invoke_by(10**6 + number, shard, "sentiment", text=f"text {word}")
        self.asked[token] = word

    def _collect(self) -> None:
        """Remember messages with a Regenerate button."""
        for token, shard in list(self.shard_of.items()):
            whole = [
                edit for edit in self.discord.exchanges[token].edits if "Regenerate" in str(edit.get("components"))
            ]
            if whole:
                self.messages = [*self.messages[-50:], (shard, whole[-1])]
                del self.shard_of[token]

    async def kill(self, index: int) -> None:
        """End a process without warning."""
        self.under_way += sum(not self.is_answered(token) for token in self.acknowledged()[-400:])
        process = self.processes[index]
        process.kill()
        await process.process.wait()

    async def settle(self) -> None:
        """Wait until everything that was acknowledged is answered, or nothing is answered any more."""
        loop = asyncio.get_running_loop()
        missing, since = len(self.asked), loop.time()
        while missing and loop.time() - since < SETTLE_SECONDS:
            await asyncio.sleep(0.5)
            now = sum(not self.is_answered(token) for token in self.acknowledged())
            if now < missing:
                missing, since = now, loop.time()

    def acknowledged(self) -> list[str]:
        """The interactions that a process has acknowledged."""
        return [token for token in self.asked if self.discord.exchanges[token].acknowledged]

    def lines(self) -> list[str]:
        """What has become of them."""
        tokens = self.acknowledged()
        lost = [token for token in tokens if not self.is_answered(token)]
        told = [token for token in tokens if not self.answers(token) and token not in lost]
        twice = [token for token in tokens if len(self.answers(token)) > 1]
        pressed = [token for token in tokens if token in self.pressed]
        return [
            f"interactions sent: {len(self.asked)}; acknowledged: {len(tokens)}",
            f"acknowledged and not yet answered at the moment of a kill: {self.under_way}",
            f"acknowledged and lost: {len(lost)}",
            f"told that there is no answer: {len(told)}",
            *(f"  {number} × {sentence}" for sentence, number in Counter(map(self._told, told)).most_common()),
            f"answer repeated, because the kill came between it and the note that it was given: {len(twice)}",
            f"buttons pressed on the other process: {len(pressed)}; answered: "
            f"{sum(bool(self.answers(token)) for token in pressed)}",
            *(f"{number} × logged: {line}" for line, number in self._errors()),
            f"shards that identified too early: {len(self.discord.too_early)} of {len(self.discord.begun)}",
        ]

    def is_answered(self, token: str) -> bool:
        """Whether an interaction has its whole answer, or was told why not."""
        exchange = self.discord.exchanges[token]
        return bool(self.answers(token) or exchange.followups or exchange.acknowledged == MESSAGE)

    def _errors(self) -> list[tuple[str, int]]:
        """The errors in the processes' logs, without their time."""
        lines = [line for log in self.folder.glob("*.log") for line in log.read_text().splitlines()]
        return Counter(line.partition(" ERROR ")[2] for line in lines if " ERROR " in line).most_common()

    def _told(self, token: str) -> str:
        """What a person reads instead of an answer."""
        exchange = self.discord.exchanges[token]
        [*_, last] = [exchange.response, *exchange.followups]
        return str(last.get("content"))

    def answers(self, token: str) -> list[Any]:
        """The whole answers."""
        edits = self.discord.exchanges[token].edits
        return [edit for edit in edits if edit.get("embeds") and self.asked[token] in str(edit) and _is_whole(edit)]


def _is_whole(edit: Any) -> bool:
    components = str(edit.get("components"))
    return "POSITIVE" in str(edit["embeds"]) or "Regenerate" in components


async def kills(number: int) -> None:
    """Kill both processes again and again, and count what has become of the acknowledged interactions."""
    async with _fleet(STAND_IN_SECONDS="0.1") as fleet, contextlib.AsyncExitStack() as stack:
        for index in SHARDS:
            await fleet.run(index, stack)
        asking = asyncio.create_task(fleet.ask_for_ever())
        await asyncio.sleep(5)
        for kill in range(number):
            await asyncio.sleep(random.uniform(0.2, 1.2))
            if asking.done():
                asking.result()
            await fleet.kill(kill % 2)
            await fleet.run(kill % 2, stack)
            if kill % 20 == 19:
                typer.echo(f"{kill + 1} kills, {len(fleet.asked)} interactions")
        asking.cancel()
        await fleet.settle()
        typer.echo(f"kills: {number}")
        for line in fleet.lines():
            typer.echo(line)


async def rates(seconds: float, chosen: list[float]) -> None:
    """Send interactions to one process at rising rates, until it acknowledges them too late."""
    async with _one_process() as (fleet, bot):
        typer.echo(HEADING)
        for rate in chosen:
            if not await _at_rate(fleet, rate, seconds, bot, say=True):
                break


async def servers(seconds: float, numbers: list[int]) -> None:
    """Run processes that have more and more servers, and send interactions to each."""
    typer.echo(f"servers  {HEADING}")
    for number in numbers:
        async with _one_process(number) as (fleet, bot):
            typer.echo(f"{number:7d}  ", nl=False)
            await _at_rate(fleet, SERVERS_RATE, seconds, bot, say=True)


async def messages(seconds: float, chosen: list[float]) -> None:
    """Tell one process of messages that nobody addresses to it, at rising rates, and send interactions to it."""
    async with _one_process(number=100) as (fleet, bot):
        typer.echo(f"messages/s  {HEADING}")
        for rate in chosen:
            async with beside(_write(fleet, rate)):
                typer.echo(f"{rate:10.0f}  ", nl=False)
                await _at_rate(fleet, SERVERS_RATE, seconds, bot, say=True)


async def _write(fleet: Fleet, rate: float) -> None:
    """Have members of the servers write to each other, at a rate in all."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    for number in range(10**9):
        await asyncio.sleep(max(0.0, began + number / rate - loop.time()))
        await fleet.discord.tell_on(number % 4, "MESSAGE_CREATE", message(number % 100, number))
        if number % 1_000 == 999 and loop.time() - began > 1.1 * number / rate:
            typer.echo("the messages are late: the next line is of fewer")


@contextlib.asynccontextmanager
async def _one_process(number: int = 0) -> AsyncIterator[tuple[Fleet, psutil.Process]]:
    """Run one process that has answered a little already.

    Args:
        number: of the servers that it is told of when it connects.
    """
    async with _fleet(STAND_IN_SECONDS="0.05", PROCESSES="1") as fleet:
        fleet.discord.servers = {shard: [server(one) for one in range(shard, number, 4)] for shard in range(4)}
        variables = {**fleet.variables, "PROCESS_INDEX": "0"}
        async with bot_process(fleet.discord.address, fleet.folder / "0.log", variables) as process:
            await fleet.discord.all_online(0, 1, 2, 3)
            bot = psutil.Process(process.process.pid)
            await asyncio.sleep(3 + number / 500)  # until it has taken them in
            await _at_rate(fleet, 20, 5, bot)  # imports, and connections
            yield fleet, bot


async def _at_rate(fleet: Fleet, rate: float, seconds: float, bot: psutil.Process, *, say: bool = False) -> bool:
    """Send interactions at random times; return whether they were acknowledged soon enough."""
    loop = asyncio.get_running_loop()
    sent: dict[str, float] = {}
    before, began = sum(bot.cpu_times()[:2]), loop.time()
    due = began
    number = 0
    while due < began + seconds:
        await asyncio.sleep(max(0.0, due - loop.time()))
        text = f"Text {number} at {rate}"
        token = await fleet.discord.invoke_by(10**6 + random.randrange(10**6), number % 4, "sentiment", text=text)
        # From the moment at which it should have been sent: a load that is late would hide what it measures.
        sent[token] = due
        number += 1
        due += random.expovariate(rate)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(20):
            while not all(token in fleet.discord.acknowledged_at for token in sent):  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    busy = (sum(bot.cpu_times()[:2]) - before) / (loop.time() - began)
    waits = sorted(fleet.discord.acknowledged_at.get(token, began + 99) - due for token, due in sent.items())
    p99 = statistics.quantiles(waits, n=100)[98]
    if say:
        memory = bot.memory_info().rss / 1e6
        in_time = sum(wait <= LATEST_SECONDS for wait in waits)
        milliseconds = "".join(f"{wait * 1000:9.1f}" for wait in (statistics.median(waits), p99, waits[-1]))
        typer.echo(f"{rate:6.0f}  {in_time:6d}/{len(waits):<6d}{milliseconds} {busy:12.0%} {memory:12.0f}")
    fleet.discord.requests.clear()
    return p99 <= P99_SECONDS and waits[-1] <= LATEST_SECONDS


@contextlib.asynccontextmanager
async def _fleet(**variables: str) -> AsyncIterator[Fleet]:
    discord = ShardedDiscord(max_concurrency=16)
    with _database() as url, tempfile.TemporaryDirectory(prefix="glassbox-processes-") as folder:
        common = {
            "DATABASE_URL": url,
            "CACHE_DIR": folder,
            "SHARD_COUNT": "4",
            "PROCESSES": "2",
            "LOG_LEVEL": "WARNING",
        }
        async with discord.serving():
            yield Fleet(discord, Path(folder), {**common, **variables})


@contextlib.contextmanager
def _database() -> Iterator[str]:
    programs = postgresql.binaries()
    if programs is None:
        raise SystemExit(postgresql.MISSING)
    with postgresql.serving(programs) as url:
        yield url


def main() -> None:
    """Run a measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.processes", description=__doc__)
    parser.add_argument("what", choices=("kills", "rates", "servers", "messages"))
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=15.0, help="at each rate")
    parser.add_argument("--rates", default="25,50,100,150,200,300,400,600")
    parser.add_argument("--messages", default="100,300,1000")
    parser.add_argument("--servers", default="0,1000,2500,5000")
    options = parser.parse_args()
    if options.what == "kills":
        asyncio.run(kills(options.kills))
    elif options.what == "servers":
        asyncio.run(servers(options.seconds, [int(number) for number in options.servers.split(",")]))
    elif options.what == "messages":
        asyncio.run(messages(options.seconds, [float(rate) for rate in options.messages.split(",")]))
    else:
        asyncio.run(rates(options.seconds, [float(rate) for rate in options.rates.split(",")]))


if __name__ == "__main__":
    main()
