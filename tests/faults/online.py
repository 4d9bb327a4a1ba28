"""The bot with tiny checkpoints, connected to a small Discord over real sockets, while something is wrong."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot import app
from bot.client import Glassbox
from bot.errors import InvalidRequest
from bot.mentions import limits
from bot.replies import pending
from bot.settings import Settings
from tests.discord_server import TOKEN, DiscordServer, Exchange
from tests.discord_trouble import hurry_bot
from tests.faults.tally import Tally
from tests.support import COURSE
from tests.test_app import running
from tests.timers import PATIENCE

SENTENCE = "This is only a test."
TEXT = "I love to hate this course"
BAD_TEXT = "This one cannot be answered"
CALLBACK, ORIGINAL, FOLLOW_UP = "/callback", "/messages/@original", r"/webhooks/\d+/[\w-]+"
MESSAGES, MESSAGE = "/channels/4000/messages", r"/channels/4000/messages/\d+"
EDIT_SECONDS = 2.0
"""In place of fifteen, for what hangs."""


@dataclass
class Online:
    """A bot that is online.

    Attributes:
        patch: of what is undone when it goes.
    """

    server: DiscordServer
    bot: Glassbox
    patch: pytest.MonkeyPatch

    async def settled(self) -> None:
        """Wait until everything that has arrived is over."""
        for _ in range(20):  # frames that are on their way
            await asyncio.sleep(0.005)
        assert await self.bot.pending_interactions.answered(PATIENCE)


@asynccontextmanager
async def online(server: DiscordServer | None = None, **changed: Any) -> AsyncIterator[Online]:
    """Run the bot, whose checkpoints are loaded, until the end of the body; then stop it.

    Args:
        server: a Discord other than the usual one.
        changed: settings other than the usual ones.
    """
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as folder:
        bots = _prepare(patch)
        async with (server or DiscordServer()).serving() as server:
            server.take_the_place_of_discord(patch)
            settings = (await asyncio.to_thread(_settings, Path(folder))).model_copy(update=changed)
            async with running(settings) as run:
                connected = asyncio.create_task(server.connected())
                await asyncio.wait((run.task, connected), return_when=asyncio.FIRST_COMPLETED)
                if run.task.done():
                    run.task.result()
                await connected
                one = Online(server, bots[0], patch)
                await server.invoke("sentiment", text=TEXT)
                await one.settled()
                yield one


def became_of(exchange: Exchange) -> Tally:
    """What somebody sees of an interaction in the end."""
    last: Mapping[str, Any] = exchange.edits[-1] if exchange.edits else exchange.response
    is_shown = not exchange.deleted and any(last.get(part) for part in ("embeds", "choices", "components"))
    is_empty = exchange.acknowledged == 8 and not last.get("choices")
    told = {one["content"] for one in exchange.followups} | {exchange.response.get("content")} - {None, ""}
    wholes = [edit["embeds"] for edit in exchange.edits if "Show the work" in str(edit.get("components"))]
    differ = any(whole != wholes[0] for whole in wholes)
    if is_shown and (told or differ) and exchange.acknowledged != 4:
        return Tally(asked=1, twice=1)
    if is_shown or is_empty:
        return Tally(asked=1, once=1)
    return Tally(asked=1, told=1) if len(told) == 1 else Tally(asked=1, lost=1)


def _prepare(patch: pytest.MonkeyPatch) -> list[Glassbox]:
    """Let what takes long take less, and one text fail; gives a list that the bot will be in."""
    bots: list[Glassbox] = []

    def note(*arguments: Any, **options: Any) -> Glassbox:
        bots.append(Glassbox(*arguments, **options))
        return bots[-1]

    hurry_bot(patch)
    patch.setattr(app, "Glassbox", note)
    for name in ("TRY_SECONDS", "EDIT_TIMEOUT"):
        patch.setattr(pending, name, EDIT_SECONDS)
    patch.setattr(limits, "PER_PERSON", (10_000, 20.0))
    patch.setattr(limits, "PER_CHANNEL", (10_000, 20.0))
    patch.setattr("bot.tasks.chat.MOST_NEW_TOKENS", 4)
    module = sys.modules.get("cogs.sentiment") or __import__("cogs.sentiment", fromlist=["render"])
    render = module.render

    def fail_for_one(request: Any, answer: Any) -> Any:
        if request.text == BAD_TEXT:
            raise InvalidRequest(SENTENCE)
        return render(request, answer)

    patch.setattr(module, "render", fail_for_one)
    return bots


@cache
def built_checkpoints() -> tuple[tempfile.TemporaryDirectory[str], Mapping[str, Path]]:
    """Build tiny checkpoints, once for all rows; they go when the process does."""
    import torch

    from tests import tiny

    torch.set_num_threads(1)
    folder = tempfile.TemporaryDirectory()
    return folder, tiny.build_all(Path(folder.name))


def _settings(folder: Path) -> Settings:
    _, built = built_checkpoints()
    checkpoints: dict[str, Any] = {f"{task}_checkpoint": str(built[name]) for task, name in COURSE.items()}
    return Settings(
        _env_file=None,
        devices="cpu",
        precision="float32",
        cache_dir=folder / "cache",
        metrics_address=None,
        requests_per_person=1_000,
        discord_token=SecretStr(TOKEN),
        **checkpoints,
    )
