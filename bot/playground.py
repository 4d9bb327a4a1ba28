"""The real bot in a simulated Discord, for `playground` and `ask`."""

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
"""The course's own five examples. The seed lets the page always open with the same text."""

SETTLING_SECONDS = 900.0
"""How long the simulation waits for an answer: a checkpoint may have to be downloaded first."""


@dataclass(frozen=True)
class SimulatedReply:
    """The bot's reply to a command.

    Attributes:
        message: as Discord's API writes it, without the ids that mean nothing here.
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
        """Parse a command line; raise `SettingsError` if it is none of the bot's."""
        registered = list(self._env.backend.commands.get(None, {}).values())
        return parse_invocation(text, registered)

    async def ask(self, text: str) -> SimulatedReply:
        """Invoke a command, and return its final reply; raise `SettingsError` if it cannot be read."""
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
        """Serve the channel as a local page that opens at the first reply, and yield its URL."""
        preview = self._env.preview(self._channel, viewers=[self._member], layout="channel", port=port)
        async with preview:
            if self._first is not None:
                await preview.show(self._first)  # otherwise the page opens at the last reply
            yield preview.url


@contextlib.asynccontextmanager
async def simulated_server(backend: Backend) -> AsyncIterator[SimulatedServer]:
    """Connect the bot to a simulated Discord; raise `SettingsError` if the extra packages are not installed."""
    try:
        import simcord
    except ImportError:
        raise SettingsError(
            'The playground needs a few more packages. Install them with `pip install ".[playground]"`.'
        ) from None
    # In memory: the buttons disappear with the simulation.
    async with RequestStore.open(None) as store:
        bot = Glassbox(backend, store, shard_count=1)
        handler = bot.tree.on_error
        async with simcord.run(bot, settle_timeout=SETTLING_SECONDS, check_errors=False) as env:
            # simcord replaces the tree's error handler by one that makes its page say “The bot action failed”. Ours
            # answers wrong input too, so it goes back; simcord has no option for that.
            bot.tree.error(handler)
            assert bot.user is not None
            await bot.user.edit(username="Glassbox")
            # The simulated clock starts in the past.
            await env.advance_time((datetime.now(UTC) - env.now()).total_seconds())
            await bot.tree.sync()
            yield SimulatedServer(env)


def examples(tasks: Sequence[str]) -> list[str]:
    """Return the examples whose tasks have a checkpoint."""
    return [line for line in EXAMPLES if line.split()[0].removeprefix("/") in tasks]
