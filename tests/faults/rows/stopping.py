"""A process that is told to stop, or killed, while people wait: real processes and sockets, and the small Discord."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from bot.errors import ShuttingDown
from tests import tiny
from tests.faults.fault import Fault
from tests.faults.tally import Tally
from tests.sharding.bot_process import BotProcess, bot_process
from tests.sharding.sharded_discord import ShardedDiscord
from tests.support import COURSE
from tests.timers import PATIENCE

LATEST_SECONDS = 25.0 + 10.0
"""A stop that takes longer loses everybody who asked: 25 seconds, and some for a busy machine."""
MESSAGE = 4
"""An acknowledgement that is a sentence already: CHANNEL_MESSAGE_WITH_SOURCE."""


class Scene:
    """A process with one shard, and the people who ask it.

    Args:
        module: what is run (see `bot_process`).
    """

    def __init__(self, discord: ShardedDiscord, folder: Path, module: str, variables: dict[str, str]) -> None:
        self.discord = discord
        self._module = module
        self.tokens: list[str] = []
        self._folder = folder
        self._variables = {"CACHE_DIR": str(folder), "METRICS_ADDRESS": "off", "SHARD_COUNT": "1", **variables}

    @contextlib.asynccontextmanager
    async def process(self, **variables: str) -> AsyncIterator[BotProcess]:
        """Run the bot until it is connected."""
        log = self._folder / "bot.log"
        async with bot_process(self.discord.address, log, {**self._variables, **variables}, self._module) as process:
            await self.discord.all_online(0)
            yield process

    async def ask(self, number: int, command: str = "sentiment", **options: Any) -> None:
        """Have so many people ask, and wait until all are acknowledged."""
        for person in range(number):
            said = {"text": f"text {person}"} if command == "sentiment" else {"prompt": f"text {person}"}
            self.tokens.append(await self.discord.invoke_by(10**6 + person, 0, command, **said, **options))
        for token in self.tokens[-number:]:
            await self.discord.until("POST", f"/{token}/callback")

    def tally(self) -> Tally:
        """Count what has become of everybody."""
        tally = Tally(tried=1, asked=len(self.tokens))
        for token in self.tokens:
            exchange = self.discord.exchanges[token]
            finals = [edit for edit in exchange.edits if _is_final(edit)]
            is_told = any(edit.get("content") == ShuttingDown().sentence for edit in exchange.edits)
            if finals:
                tally.once += len(finals) == 1
                tally.twice += len(finals) > 1
            else:
                # What somebody has begun to read is not thrown away.
                is_thrown_away = any(edit.get("embeds") for edit in exchange.edits)
                told = (is_told or exchange.followups or exchange.acknowledged == MESSAGE) and not is_thrown_away
                tally.told += bool(told)
                tally.lost += not told
        return tally

    def are_written(self) -> bool:
        """Whether people see texts that are being written, or whole ones."""
        return any(edit.get("embeds") for token in self.tokens for edit in self.discord.exchanges[token].edits)

    async def settled(self) -> None:
        """Wait until everybody has an answer or a sentence."""
        async with asyncio.timeout(PATIENCE):
            while self.tally().lost:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


def _is_final(edit: Any) -> bool:
    shown = str(edit.get("components"))
    return bool(edit.get("embeds")) and "'Stop'" not in shown


@contextlib.asynccontextmanager
async def opened_scene(module: str = bot_process.__module__, **variables: str) -> AsyncIterator[Scene]:
    """Serve a small Discord, for processes with these settings.

    Args:
        module: what is run (see `bot_process`).
    """
    discord = ShardedDiscord()
    with tempfile.TemporaryDirectory(prefix="glassbox-stopping-") as folder:
        async with discord.serving():
            yield Scene(discord, Path(folder), module, variables)


async def _stopped(scene: Scene, process: BotProcess) -> Tally:
    """Tell a process to stop; everybody counts as lost if that takes too long or fails."""
    process.process.send_signal(signal.SIGTERM)
    try:
        status = await asyncio.wait_for(process.process.wait(), LATEST_SECONDS)
    except TimeoutError:
        status = None
    return scene.tally() if status == 0 else Tally(tried=1, asked=len(scene.tokens), lost=len(scene.tokens))


async def _next_good_one(scene: Scene) -> Tally:
    """After the fault the bot is started again, and somebody is answered."""
    before = len(scene.tokens)
    async with scene.process(STAND_IN_SECONDS="0.01"):
        await scene.ask(1)
        await scene.settled()
        scene.tokens = scene.tokens[before:]
        return scene.tally() + Tally(tried=-1)


async def under_load(times: int) -> Tally:
    """SIGTERM while 55 people wait for a device that takes a second."""
    return await _told_to_stop(times, 0.0)


async def while_discord_is_slow(times: int) -> Tally:
    """The same, while Discord takes six seconds for each message."""
    return await _told_to_stop(times, 6.0)


async def _told_to_stop(times: int, seconds: float) -> Tally:
    tally = Tally()
    for _ in range(times):
        async with opened_scene(STAND_IN_SECONDS="1") as scene:
            scene.discord.seconds = seconds
            async with scene.process() as process:
                await scene.ask(55)
                tally += await _stopped(scene, process)
            scene.discord.seconds = 0.0
            tally += await _next_good_one(scene)
    return tally


async def long_texts(times: int) -> Tally:
    """SIGTERM while 50 long texts are written, with real (tiny) checkpoints and a short time to drain."""
    tally = Tally()
    for _ in range(times):
        with tempfile.TemporaryDirectory(prefix="glassbox-tiny-") as folder:
            folders = await asyncio.to_thread(tiny.build_all, Path(folder) / "checkpoints")
            variables = {f"{task}_checkpoint".upper(): str(folders[name]) for task, name in COURSE.items()}
            variables |= {"DEVICES": "cpu", "PRECISION": "float32", "DRAIN_SECONDS": "2", "HF_HUB_OFFLINE": "1"}
            async with opened_scene(**variables) as scene:
                async with scene.process() as process:
                    await scene.ask(50, "generate", max_new_tokens=512)
                    async with asyncio.timeout(PATIENCE):
                        while not scene.are_written():  # noqa: ASYNC110
                            await asyncio.sleep(0.05)
                    tally += await _stopped(scene, process)
                tally += await _next_good_one(scene)
    return tally


async def second_signal(times: int) -> Tally:
    """A second SIGTERM ends the process at once. Who waits is answered by the next one, and only once."""
    return await _ended_at_once(times, signal.SIGTERM)


async def killed(times: int) -> Tally:
    """SIGKILL while people wait. They are answered by the next process."""
    return await _ended_at_once(times, signal.SIGKILL)


async def _ended_at_once(times: int, number: signal.Signals) -> Tally:
    tally = Tally()
    for _ in range(times):
        async with opened_scene() as scene:
            async with scene.process(STAND_IN_SECONDS="600") as process:
                await scene.ask(5)
                while process.process.returncode is None:
                    process.process.send_signal(number)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(process.process.wait(), 0.2)
            expected = -signal.SIGKILL if number == signal.SIGKILL else 128 + number
            status = process.process.returncode
            async with scene.process(STAND_IN_SECONDS="0.01"):
                await scene.settled()
                await scene.ask(1)
                await scene.settled()
            tally += scene.tally() + Tally(lost=int(status != expected))
    return tally


FAULTS: tuple[Fault, ...] = (
    Fault("stop-load", "SIGTERM while 55 people wait", under_load, times=5, slow=True),
    Fault("stop-slow", "SIGTERM while Discord takes 6 s a message", while_discord_is_slow, times=2, slow=True),
    Fault("stop-texts", "SIGTERM while 50 long texts are written", long_texts, times=2, slow=True),
    Fault("stop-twice", "a second SIGTERM", second_signal, times=5, slow=True),
    Fault("stop-killed", "SIGKILL while people wait", killed, times=5, slow=True),
)
