"""Bot processes of the benchmarks, and the people who ask them."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests import postgresql
from tests.discord_server import USER
from tests.sharding.bot_process import BotProcess, bot_process
from tests.sharding.sharded_discord import ShardedDiscord

SHARDS = {0: (0, 1), 1: (2, 3)}
"""Of each process."""
LOAD_RATE = 20.0
"""Interactions a second while processes are killed."""
SETTLE_SECONDS = 60.0
"""The end comes this long after the last answer."""
MESSAGE = 4
"""An acknowledgement that is a sentence already: CHANNEL_MESSAGE_WITH_SOURCE."""


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


@contextlib.asynccontextmanager
async def open_fleet(**variables: str) -> AsyncIterator[Fleet]:
    """Open a small Discord and a database for processes with these settings, of which none runs yet."""
    discord = ShardedDiscord(max_concurrency=16)
    with _database() as url, tempfile.TemporaryDirectory(prefix="glassbox-processes-") as folder:
        common = {
            "DATABASE_URL": url,
            "CACHE_DIR": folder,
            "SHARD_COUNT": "4",
            "PROCESSES": "2",
            "LOG_LEVEL": "WARNING",
            "METRICS_ADDRESS": "off",  # the second process could not listen at the first one's
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
