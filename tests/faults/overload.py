"""`python -m tests.faults --overload`: ten times as many requests as the device carries.

Who is refused must hear it at once, with a wait that turns out to be true; who is accepted must be answered as fast as
ever. The device is made slow, so that it, and not this machine's processors, is what there is too little of.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import re
import statistics
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.discord_server import Exchange
from tests.faults.crowd.endings import MESSAGE, is_whole
from tests.faults.crowd.rows_in_trouble import RowTrouble
from tests.faults.crowd.samples import percentile
from tests.faults.crowd.server import CrowdedDiscord
from tests.faults.crowd.wishes import COMMAND, SLASH
from tests.faults.soak import SEED, crowded_bot
from tests.tiny import TEXTS

SLOW_DEVICE = RowTrouble(seconds_a_row=0.04, seconds_a_step=0.004)
OVERLOAD_SECONDS = 20.0
TIMES = 10
"""What is asked, in terms of what the device carries."""
CLOSED = 64
"""Requests under way at once, where the usual rate is measured."""
REFUSED_IN = 0.3
"""Seconds, for 99 of 100 refusals."""
RATE_KEPT = 0.95
TRUE_WITHIN = 1.5
"""The factor that a wait may be wrong by, either way, at the median."""
UNITS = {"second": 1, "minute": 60}
_WAIT = re.compile(r"in about (\d+) (second|minute)s?\.")


class NotOverloaded(Exception):
    """There was room for everybody."""


@dataclass
class Overload:
    """What was measured. All times are in seconds.

    Attributes:
        usual, kept: answers a second when just enough is asked, and in the overload, from the first question to the
            last answer.
        refused_in: how long refusals took, in ascending order.
        ratios: the wait that a refusal named, by the time until all that was accepted before it was answered.
        came_back, admitted: who asked again after that wait, when the rush was over, and who was answered then.
    """

    usual: float
    kept: float
    asked: int
    accepted: int
    refused_in: list[float]
    ratios: list[float]
    came_back: int
    admitted: int
    lost: int

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        found = [f"{self.lost} of those who were accepted have no answer"] if self.lost else []
        if self.admitted < self.came_back:
            found.append(f"{self.came_back - self.admitted} who came back as they were told were refused again")
        return found

    @property
    def late(self) -> list[str]:
        """What was too slow, or untrue."""
        found = []
        if (p99 := percentile(self.refused_in, 0.99)) > REFUSED_IN:
            found.append(f"the 99th percentile of refusals took {1000 * p99:.0f} ms")
        if self.kept < RATE_KEPT * self.usual:
            found.append(f"answers came at {self.kept / self.usual:.2f} of the usual rate")
        if not 1 / TRUE_WITHIN <= statistics.median(self.ratios) <= TRUE_WITHIN:
            found.append(f"waits were {statistics.median(self.ratios):.2f} times as long as the true ones")
        return found

    def lines(self) -> list[str]:
        """Return a report."""
        refused, ratios = self.refused_in, sorted(self.ratios)
        return [
            f"usual rate: {self.usual:.1f} answers/s; asked: {TIMES} times as many, {self.asked:,} in all",
            f"accepted: {self.accepted:,}, answered at {self.kept:.1f}/s, {self.kept / self.usual:.2f} of the usual "
            f"rate; {self.lost} lost",
            f"refused: {len(refused):,}, in ms p50 {1000 * percentile(refused, 0.5):.0f}, "
            f"p99 {1000 * percentile(refused, 0.99):.0f}, longest {1000 * refused[-1]:.0f}",
            f"the wait that they were told / the true one: median {statistics.median(ratios):.2f}, "
            f"10th percentile {percentile(ratios, 0.1):.2f}, 90th {percentile(ratios, 0.9):.2f}",
            f"came back after that wait: {self.came_back}, of whom {self.admitted} were answered",
        ]


@dataclass
class Rush:
    """People who ask, each once."""

    discord: CrowdedDiscord
    state: random.Random
    people: Iterator[int] = field(default_factory=lambda: itertools.count(8_000_000))

    async def ask(self) -> str:
        """Somebody new asks something new; return the interaction's token."""
        person = next(self.people)
        text = f"{TEXTS[person % len(TEXTS)]} {person}"
        kind = self.state.choices(("sentiment", "zeroshot", "generate"), (8, 1, 1))[0]
        options: dict[str, str | int] = {"text": text}
        if kind == "zeroshot":
            options["labels"] = "school, food, music"
        if kind == "generate":
            options = {"prompt": text, "max_new_tokens": self.state.randint(4, 12)}
        given = [
            {"name": name, "type": 3 if isinstance(one, str) else 4, "value": one} for name, one in options.items()
        ]
        data = {"id": self.discord.commands[SLASH, kind]["id"], "name": kind, "type": SLASH, "options": given}
        return await self.discord.interact(COMMAND, person, in_server=True, data=data)

    async def answered(self, tokens: Sequence[str], patience: float = 120.0) -> dict[str, float]:
        """Wait until all have an answer or a refusal, or nothing comes any more; return when each was seen."""
        loop = asyncio.get_running_loop()
        seen: dict[str, float] = {}
        since = loop.time()
        while len(seen) < len(tokens) and loop.time() - since < patience:
            for token in tokens:
                if token not in seen and _is_over(self.discord.exchanges[token]):
                    seen[token] = since = loop.time()
            await asyncio.sleep(0.02)
        return seen

    async def closed_loop(self, number: int) -> float:
        """Ask so often, with `CLOSED` under way at a time; return the answers a second."""
        loop = asyncio.get_running_loop()
        left, began = iter(range(number)), loop.time()

        async def one_after_another() -> None:
            for _ in left:
                token = await self.ask()
                while not _is_over(self.discord.exchanges[token]):  # noqa: ASYNC110
                    await asyncio.sleep(0.01)

        await asyncio.gather(*(one_after_another() for _ in range(CLOSED)))
        return number / (loop.time() - began)

    async def flood(self, rate: float, seconds: float) -> list[str]:
        """Ask at a rate for some seconds."""
        loop = asyncio.get_running_loop()
        began, tokens = loop.time(), list[str]()
        while loop.time() - began < seconds:
            while len(tokens) < rate * (loop.time() - began):
                tokens.append(await self.ask())
            await asyncio.sleep(0.005)
        return tokens


def _is_over(exchange: Exchange) -> bool:
    return _is_refused(exchange) or bool(exchange.followups) or any(map(is_whole, exchange.edits))


def _is_refused(exchange: Exchange) -> bool:
    return exchange.acknowledged == MESSAGE


def _wait_of(exchange: Exchange) -> float:
    """Return the wait that a refusal names."""
    found = _WAIT.search(str(exchange.response.get("content")))
    assert found is not None, exchange.response
    return float(found[1]) * UNITS[found[2]]


async def overload(seconds: float = OVERLOAD_SECONDS, number: int = 300, **variables: str) -> Overload:
    """Measure the usual rate, then ask for ten times as much for so many seconds.

    Args:
        number: requests of the usual rate.
        variables: settings of the bot.

    Raises:
        NotOverloaded: nobody was refused, so nothing can be said about refusals.
    """
    with tempfile.TemporaryDirectory(prefix="glassbox-overload-") as folder:
        return await _overload(seconds, number, Path(folder), variables)


async def _overload(seconds: float, number: int, folder: Path, variables: Mapping[str, str]) -> Overload:
    async with crowded_bot(folder, SLOW_DEVICE, **variables) as (discord, process, _):
        rush = Rush(discord, random.Random(SEED))
        await rush.answered([await rush.ask() for _ in range(20)])  # loads
        usual = await rush.closed_loop(number)
        tokens = await rush.flood(TIMES * usual, seconds)
        await discord.until_true(lambda: discord.acknowledged_at.keys() >= set(tokens))
        refused = [token for token in tokens if _is_refused(discord.exchanges[token])]
        if not refused:
            raise NotOverloaded("nobody was refused: ask for longer (--seconds), or with a smaller QUEUE_SIZE")
        accepted = [token for token in tokens if token not in set(refused)]
        back = asyncio.create_task(_come_back(rush, refused[-20:]))
        seen = await rush.answered(tokens)
        result = _measured(rush.discord, usual, tokens, accepted, seen, await back)
        await process.stop()
        return result


async def _come_back(rush: Rush, refused: Sequence[str]) -> tuple[int, int]:
    """Some of those who were refused last ask again after the wait that they were told."""
    waits = [_wait_of(rush.discord.exchanges[token]) for token in refused]
    await asyncio.sleep(max(waits))
    tokens = [await rush.ask() for _ in refused]
    await rush.answered(tokens)
    return len(tokens), sum(not _is_refused(rush.discord.exchanges[token]) for token in tokens)


def _measured(
    discord: CrowdedDiscord,
    usual: float,
    tokens: Sequence[str],
    accepted: Sequence[str],
    seen: dict[str, float],
    back: tuple[int, int],
) -> Overload:
    ended = sorted((discord.sent_at[token], seen[token]) for token in accepted if token in seen)
    last = list(itertools.accumulate((end for _, end in ended), max))
    refused = [token for token in tokens if _is_refused(discord.exchanges[token])]
    ratios = []
    for token in refused:
        heard = discord.acknowledged_at[token]
        before = [end for (sent, _), end in zip(ended, last, strict=True) if sent <= discord.sent_at[token]]
        if before and before[-1] > heard:
            ratios.append(_wait_of(discord.exchanges[token]) / (before[-1] - heard))
    kept = len(ended) / (max(end for _, end in ended) - discord.sent_at[tokens[0]])
    latencies = sorted(discord.acknowledged_at[token] - discord.sent_at[token] for token in refused)
    lost = len(accepted) - len(ended)
    return Overload(usual, kept, len(tokens), len(accepted), latencies, ratios, *back, lost)
