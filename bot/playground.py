"""The real bot in a simulated Discord: in a page that anyone can open, or for one command in the terminal.

Nothing here fakes an answer: commands go through discord.py, the cogs, the worker and the model, as they would online.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.client import Glassbox
from bot.errors import SettingsError
from bot.inference.backend import Backend
from bot.invocation import Invocation, parse_invocation
from bot.storage import RequestStore

if TYPE_CHECKING:
    import simcord

EXAMPLES = (
    "/sentiment text:I love to hate this course",
    "/fill text:The capital of France is <mask>. top_k:2",
    "/generate prompt:In this course, we will teach you how to max_new_tokens:30 num_return_sequences:2 seed:7",
    "/translate text:I love apples. to:German",
    "/zeroshot text:This movie was so inspiring! labels:sports, politics, entertainment",
)
"""The course's own five examples. With a seed, so that the page always opens with the same text."""

SETTLING_SECONDS = 900.0
"""How long the simulation waits for an answer: a checkpoint may have to be fetched first."""


@dataclass(frozen=True)
class SimulatedReply:
    """What the bot answered.

    Attributes:
        message: the message as Discord's API writes it, without the ids that mean nothing here.
        ephemeral: whether only the asking person would see it.
    """

    command: str
    message: Mapping[str, Any]
    ephemeral: bool


class SimulatedServer:
    """A server with one channel and one member, and the bot in it."""

    def __init__(self, env: simcord.Env) -> None:
        self._env = env
        guild = env.create_guild("Glassbox playground")
        self._channel = guild.create_text_channel("playground", topic="Type / to see the commands")
        self._member = guild.add_member(env.create_user("you"))
        self._first: simcord.ResponseMessage | None = None

    def parse(self, text: str) -> Invocation:
        """A command line as an invocation; raises `SettingsError` like `parse_invocation`."""
        registered = list(self._env.backend.commands.get(None, {}).values())
        return parse_invocation(text, registered)

    async def ask(self, text: str) -> SimulatedReply:
        """Invoke a command, and wait for the final reply.

        Raises:
            SettingsError: the command cannot be read.
        """
        invocation = self.parse(text)
        result = await self._member.slash(self._channel, invocation.command, **invocation.options)
        shown = (result.followups or [result.response])[-1]
        if shown is None:
            raise SettingsError("The bot gave no answer.")
        self._first = self._first or shown
        message = {
            "content": shown.content,
            "embeds": [embed.to_dict() for embed in shown.embeds],
            "attachments": [{"filename": file.filename, "size": file.size} for file in shown.attachments],
        }
        return SimulatedReply(text, message, shown.ephemeral)

    @contextlib.asynccontextmanager
    async def page(self, port: int | None) -> AsyncIterator[str]:
        """Serve the channel as a local page that opens at the first reply, and give its address."""
        preview = self._env.preview(self._channel, viewers=[self._member], layout="channel", port=port)
        async with preview:
            if self._first is not None:
                await preview.show(self._first)  # it would open at the last one, below all that there is to read
            yield preview.url


@contextlib.asynccontextmanager
async def simulated_server(backend: Backend) -> AsyncIterator[SimulatedServer]:
    """The bot, connected to a simulated Discord.

    Raises:
        SettingsError: the extra packages are not installed.
    """
    simcord = _simcord()
    # The simulation forgets its messages at the end, so the requests behind their buttons need no file.
    async with RequestStore.open(None) as store:
        bot = Glassbox(backend, store, shard_count=1)
        async with simcord.run(bot, settle_timeout=SETTLING_SECONDS, check_errors=False) as env:
            # simcord has put itself before the tree's handler, and its page says “The bot action failed” of whatever
            # arrives there: also of an input that cannot be used, which is answered there with a sentence.
            vars(bot.tree).pop("on_error", None)
            assert bot.user is not None
            await bot.user.edit(username="Glassbox")
            # The simulated clock starts in the past.
            await env.advance_time((datetime.now(UTC) - env.now()).total_seconds())
            await bot.tree.sync()
            yield SimulatedServer(env)


def _simcord() -> Any:
    try:
        import simcord
    except ImportError:
        raise SettingsError(
            'The playground needs a few more packages. Install them with `pip install ".[playground]"`.'
        ) from None
    return simcord


def examples(tasks: Sequence[str]) -> list[str]:
    """The examples whose tasks have a checkpoint."""
    return [line for line in EXAMPLES if line.split()[0].removeprefix("/") in tasks]
