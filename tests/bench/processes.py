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
from collections.abc import AsyncIterator

import psutil
import typer

from bot.stopping import beside
from tests.bench.cached_servers import message, server
from tests.bench.fleet import SHARDS, Fleet, open_fleet
from tests.sharding.bot_process import bot_process

SERVERS_RATE = 50.0
"""Interactions a second while a process has many servers."""
HEADING = "rate/s  acknowledged   p50 ms   p99 ms   max ms   CPU of the bot   memory MB"
P99_SECONDS, LATEST_SECONDS = 0.3, 3.0
"""What a rate must keep to: 99 of 100 acknowledgements, and all."""


async def kills(number: int) -> None:
    """Kill both processes again and again, and count what has become of the acknowledged interactions."""
    async with open_fleet(STAND_IN_SECONDS="0.1") as fleet, contextlib.AsyncExitStack() as stack:
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
    async with open_fleet(STAND_IN_SECONDS="0.05", PROCESSES="1") as fleet:
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
