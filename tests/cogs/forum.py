"""A forum with tags in a simulated server, and people who post in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import discord
from simcord.backend.models import Overwrite
from simcord.builders import ChannelHandle
from simcord.enums import OverwriteType

from bot.forums.changes import with_forum
from bot.forums.record import PostRecord
from bot.servers.topics.forums import ForumMode, ForumSettings, TagSettings
from tests.cogs.conftest import Scene

FORUM, MEDIA = 15, 16
ALWAYS, NEVER = TagSettings(threshold=0.01), TagSettings(threshold=0.99)
"""Whatever a tiny checkpoint says about a tag: it fits, or it does not."""


@dataclass
class Forum:
    """A forum, whose tags are known by their names."""

    scene: Scene
    id: int
    tags: dict[str, int]

    @classmethod
    async def open(
        cls,
        scene: Scene,
        names: Iterable[str] = ("bug", "question", "idea"),
        moderated: Iterable[str] = (),
        kind: int = FORUM,
    ) -> Forum:
        """Create a forum with some tags."""
        backend = scene.env.backend
        channel = backend.create_channel(scene.guild.id, "help", type=kind)
        tags = {name: int(backend.snowflake()) for name in names}
        forum = cls(scene, channel.id, tags)
        forum.rename_tags(dict.fromkeys(names), moderated)
        await scene.env.settle()
        return forum

    def rename_tags(self, names: Mapping[str, str | None], moderated: Iterable[str] = ()) -> None:
        """Give the forum those of its tags that are in `names`, under other names where there are some."""
        available = [
            {
                "id": str(self.tags[name]),
                "name": new or name,
                "moderated": name in set(moderated),
                "emoji_id": None,
                "emoji_name": None,
            }
            for name, new in names.items()
        ]
        self.scene.env.backend.edit_channel(self.id, {"available_tags": available})

    async def set(self, mode: ForumMode = ForumMode.APPLY, **options: Any) -> None:
        """Set what happens to new posts: by the names of tags, and by the fields of `ForumSettings`."""
        fields = {key: options.pop(key) for key in list(options) if key in ForumSettings.model_fields}
        tags = {self.tags[name]: one for name, one in options.items()}
        settings = ForumSettings(mode=mode, tags=tags, **fields)
        await self.scene.bot.servers.change(self.scene.guild.id, lambda known: with_forum(known, self.id, settings))

    async def settings(self) -> ForumSettings:
        """Return what is set."""
        return (await self.scene.bot.servers.settings(self.scene.guild.id)).forum_tags.of_forum(self.id)

    async def post(
        self, who: Any, title: str, text: str = "🌱", tags: Iterable[str] = (), *, settle: bool = True
    ) -> Any:
        """Somebody creates a post; return its channel."""
        backend = self.scene.env.backend
        applied = [self.tags[tag] for tag in tags]
        thread = backend.create_thread(self.id, title, who.id, applied_tags=applied, broadcast=False)
        message = backend.prepare_message(thread.id, who.id, text)
        message.id = thread.id  # as at Discord
        backend.commit_message(message, broadcast=False)
        backend.announce_thread_create(thread)
        backend.announce_message_create(message)
        if settle:
            await self.scene.env.settle()
        return thread

    def tags_of(self, thread: Any) -> list[str]:
        """Return the names of a post's tags, in order."""
        names = {tag: name for name, tag in self.tags.items()}
        return [names[tag] for tag in self.scene.env.backend.get_channel(thread.id).applied_tags]

    async def retag(self, thread: Any, *tags: str, **metadata: Any) -> None:
        """Somebody gives a post other tags, or archives it."""
        applied = [self.tags[tag] for tag in tags]
        self.scene.env.backend.edit_channel(thread.id, {"applied_tags": applied}, thread_metadata=metadata)
        await self.scene.env.settle()

    @property
    def handle(self) -> Any:
        """The forum, for the options of commands."""
        return ChannelHandle(self.scene.env, self.scene.guild, self.scene.env.backend.get_channel(self.id))

    def channel(self, thread: Any) -> Any:
        """Return a post as a place for commands."""
        return ChannelHandle(self.scene.env, self.scene.guild, self.scene.env.backend.get_channel(thread.id))

    def secret_channel(self) -> Any:
        """Create a channel that the bot may not write to."""
        channel = self.scene.guild.create_text_channel("secret")
        self._overwrite(channel.id, {"send_messages": False})
        return channel

    def messages(self, channel: Any) -> list[Any]:
        """Return the bot's messages in a channel."""
        backend = self.scene.env.backend
        return [one for one in backend.messages[channel.id].values() if one.author_id == backend.bot_user.id]

    async def record(self, thread: Any) -> PostRecord | None:
        """Return what is kept about a post."""
        content = await self.scene.store.forum_posts.find(thread.id)
        return None if content is None else PostRecord.read(content)

    def moderator(self, name: str = "carol", **permissions: bool) -> Any:
        """Add a member with permissions: Manage Channels and Manage Threads if none are named."""
        granted = discord.Permissions(**(permissions or {"manage_channels": True, "manage_threads": True}))
        role = self.scene.guild.create_role(f"role of {name}", permissions=granted)
        return self.scene.guild.add_member(self.scene.env.create_user(name), roles=[role])

    def allow_the_bot(self, **permissions: bool) -> None:
        """Allow the bot something in the forum, or forbid it."""
        self._overwrite(self.id, permissions)

    def _overwrite(self, channel: int, permissions: Mapping[str, bool]) -> None:
        backend = self.scene.env.backend
        allow, deny = (
            discord.Permissions(**{key: True for key, has in permissions.items() if has is wanted}).value
            for wanted in (True, False)
        )
        backend.set_overwrite(channel, Overwrite(backend.bot_user.id, OverwriteType.MEMBER, allow, deny))
