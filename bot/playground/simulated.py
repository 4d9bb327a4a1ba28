"""A simulated server with the real bot in it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from bot.client import Glassbox
from bot.errors import SettingsError
from bot.forums.changes import with_forum
from bot.inference.backend import Backend
from bot.invocation import Invocation, parse_invocation
from bot.locales.current import ENGLISH, written_in
from bot.locales.message import later
from bot.operating.server import watched
from bot.playground.mentions import let_mention
from bot.playground.scenery import Scenery, csv_of
from bot.playground.watching import RealTimeWatch
from bot.servers.topics.forums import ForumMode, ForumSettings
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

NAME = "Glassbox"
SETTLING_SECONDS = 900.0
"""How long the simulation waits for an answer: a checkpoint may have to be downloaded first."""
CHATTER_TIME = timedelta(days=7)
"""Over how long the chatter was written."""


class Page(StrEnum):
    """What the page shows."""

    SERVER = "server"
    FORUM = "forum"
    MESSAGES = "dm"


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
    """A server with the bot and two people in it: the one who asks, who owns it and runs the bot, and a friend."""

    def __init__(self, env: simcord.Env, bot: Glassbox, scenery: Scenery) -> None:
        self._env = env
        self._bot = bot
        self._scenery = scenery
        owner = env.create_user("you")
        self._guild = env.create_guild("Glassbox playground", owner=owner)
        self._channel = self._guild.create_text_channel("playground", topic=scenery.topic)
        self._owner = owner
        bot.owner_ids = {owner.id}  # the simulated Discord would say that the bot runs itself
        self._member = self._guild.add_member(owner)
        self._friend = self._guild.add_member(env.create_user(self._scenery.friend))
        assert bot.user is not None
        for person in (self._member, self._friend):
            let_mention(person, {NAME: bot.user.id, self._friend.name: self._friend.id})
        self._first: Any = None

    async def speak(self, locale: str) -> None:
        """Let both people read the bot in a language."""
        if locale != ENGLISH:
            for person in (self._owner, self._friend):
                await self._bot.own_languages.choose(person.id, locale)

    def parse(self, text: str) -> Invocation:
        """Parse a command line; raise `SettingsError` if it is none of the bot's."""
        registered = [
            command for command in self._env.backend.commands.get(None, {}).values() if command.get("type", 1) == 1
        ]
        return parse_invocation(text, registered)

    async def ask(self, text: str) -> SimulatedReply:
        """Invoke a command, and return its final reply; raise `SettingsError` if it cannot be read."""
        invocation = self.parse(text)
        result = await self._member.slash(self._channel, invocation.command, **invocation.options)
        shown = (result.followups or [result.response])[-1]
        if shown is None:
            raise SettingsError(later("The bot gave no answer."))
        self._first = self._first or shown
        message = {
            "content": shown.content,
            "embeds": [embed.to_dict() for embed in shown.embeds],
            "attachments": [{"filename": file.filename, "size": file.size} for file in shown.attachments],
        }
        return SimulatedReply(text, message, shown.ephemeral)

    async def furnish(self) -> None:
        """Let a week of chatter pass in a channel of its own, and welcome the one who asks."""
        chatter = self._guild.create_text_channel("chatter", topic=self._scenery.chatter_topic)
        lines = self._scenery.chatter
        speakers = (self._friend, self._member)
        for number, line in enumerate(lines):
            await speakers[number % 2].send(chatter, line)
            await self._env.advance_time((CHATTER_TIME / len(lines)).total_seconds())
        self._first = await self._say(self._channel, self._scenery.welcome)

    async def show_more(self) -> None:
        """Let the friend write two messages, one with a file, and show a menu of messages."""
        hello = await self._friend.send(self._channel, self._scenery.hello)
        await self._member.context_menu(self._channel, self._scenery.menu, hello)
        attachment = (self._scenery.file, csv_of(self._scenery.rows))
        await self._friend.send(self._channel, self._scenery.with_file, attachments=[attachment])

    async def open_forum(self) -> Any:
        """Let the friend post in a forum whose tags the bot proposes, and return the first post."""
        backend = self._env.backend
        forum = self._guild.create_forum_channel(self._scenery.forum)
        tags = [
            {"id": str(backend.snowflake()), "name": name, "moderated": False, "emoji_id": None, "emoji_name": None}
            for name in self._scenery.tags
        ]
        backend.edit_channel(forum.id, {"available_tags": tags})
        await self._env.settle()
        settings = ForumSettings(mode=ForumMode.PROPOSE)
        await self._bot.servers.change(self._guild.id, lambda known: with_forum(known, forum.id, settings))
        threads = []
        for post in self._scenery.posts:
            thread = backend.create_thread(forum.id, post.title, self._friend.id, applied_tags=[], broadcast=False)
            message = backend.prepare_message(thread.id, self._friend.id, post.text)
            message.id = thread.id  # as at Discord
            backend.commit_message(message, broadcast=False)
            backend.announce_thread_create(thread)
            backend.announce_message_create(message)
            await self._env.settle()
            threads.append(thread)
        return threads[0]

    @contextlib.asynccontextmanager
    async def page(self, port: int | None, page: Page = Page.SERVER) -> AsyncIterator[str]:
        """Serve a conversation as a local page, and yield its URL. The server's opens at the first message."""
        viewers: list[Any] = [self._member, self._friend]
        channel = self._channel
        if page is Page.MESSAGES:
            channel, viewers = self._owner.dm_channel, [self._owner]
            self._first = await self._say(channel, self._scenery.welcome_directly)
        elif page is Page.FORUM:
            from simcord.builders import ChannelHandle

            channel = ChannelHandle(self._env, self._guild, await self.open_forum())
            self._first = None
            await self._say(channel, self._scenery.welcome_to_forum)
        async with self._env.preview(channel, viewers=viewers, layout="channel", port=port) as preview:
            if self._first is not None:
                await preview.show(self._first)  # otherwise the page opens at the last message
            yield preview.url

    async def _say(self, channel: Any, text: str) -> Any:
        sent = self._bot.get_partial_messageable(channel.id)
        message = await sent.send(text)
        await self._env.settle()
        return message


@contextlib.asynccontextmanager
async def simulated_server(backend: Backend, locale: str = ENGLISH) -> AsyncIterator[SimulatedServer]:
    """Connect the bot to a simulated Discord.

    Args:
        locale: of the people in it, who read the bot in this language.

    Raises:
        SettingsError: the extra packages are not installed.
    """
    try:
        import simcord
    except ImportError:
        raise SettingsError(
            later('The playground needs a few more packages. Install them with `pip install ".[playground]"`.')
        ) from None
    with written_in(locale):
        scenery = await asyncio.to_thread(Scenery.read)
    watch = RealTimeWatch.for_one_run()
    # In memory: the buttons disappear with the simulation. The heart beats outside of it, by the real clock.
    async with watched(None, watch), RequestStore.open(None) as store:
        bot = Glassbox(backend, store, shard_count=1, watch=watch, message_content=True)
        handler = bot.tree.on_error
        async with simcord.run(bot, settle_timeout=SETTLING_SECONDS, check_errors=False) as env:
            # simcord replaces the tree's error handler by one that makes its page say “The bot action failed”. Ours
            # answers wrong input too, so it goes back; simcord has no option for that.
            bot.tree.error(handler)
            assert bot.user is not None
            await bot.user.edit(username=NAME)
            # The simulated clock starts in the past.
            await env.advance_time((datetime.now(UTC) - env.now() - CHATTER_TIME).total_seconds())
            await bot.tree.sync()
            server = SimulatedServer(env, bot, scenery)
            await server.speak(locale)
            yield server


def examples(tasks: Sequence[str]) -> list[str]:
    """Return the examples whose tasks have a checkpoint."""
    return [line for line in EXAMPLES if line.split()[0].removeprefix("/") in tasks]
