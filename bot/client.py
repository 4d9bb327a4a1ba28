"""The Discord client: loads the cogs, dispatches components, reports errors to people, and registers the commands."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import logging
import pkgutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import discord
from discord import app_commands
from discord.ext import commands

from bot.endings import GONE, Ending, ending_of, snake_case
from bot.errors import UNEXPECTED, GlassboxError, RequestForgotten, describe, seconds_in_words
from bot.inference.backend import Backend
from bot.logs import keep_texts_out_of_the_log
from bot.operating.interaction_log import name_action
from bot.operating.watch import Watch
from bot.pending_interactions import PendingInteractions
from bot.pictures.studio import Studio
from bot.replies.acknowledgement import defer
from bot.replies.components.buttons import STOP, Action, RequestButton
from bot.replies.components.modals import Submission
from bot.replies.components.pages import PageButton, PageMenu
from bot.replies.components.press import Press
from bot.replies.delivery import Delivery, tell
from bot.replies.discord_errors import is_gone
from bot.replies.interaction_record import record_of
from bot.storage import RequestStore

log = logging.getLogger(__name__)

COGS = "cogs"
OUTDATED = "This command has changed since Discord last looked. Please reload Discord (Ctrl+R), and try again."
FORBIDDEN = "You may not use this command here."

INVITE_PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,
    embed_links=True,
    attach_files=True,
    read_message_history=True,
)


Handler = Callable[[discord.Interaction["Glassbox"], Press[Any, Any]], Awaitable[None]]
"""Answers a press of a component, or the submission of a modal."""


class Glassbox(commands.AutoShardedBot):
    """The bot. The caller starts and closes the backend and the store.

    Args:
        shard_count: gateway connections; None for Discord's recommendation.
        watch: hears of what happens, for the operator.
    """

    def __init__(
        self, backend: Backend, store: RequestStore, *, shard_count: int | None = None, watch: Watch | None = None
    ) -> None:
        # Otherwise discord.py warns at every start that the packages for voice are missing.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        super().__init__(
            command_prefix=(),  # slash commands only
            help_command=None,
            tree_cls=Tree,
            intents=discord.Intents(guilds=True),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            shard_count=shard_count,
            http_trace=None if watch is None else watch.http_trace,  # type: ignore[arg-type]  # it is optional
        )
        self.backend = backend
        self.studio = Studio()
        self.delivery = Delivery(backend, store, self.studio)
        self.conversations = store.conversations
        self._store = store
        self.pending_interactions = PendingInteractions()
        self.pending_interactions.observer = watch
        if watch is not None:
            watch.follow(self, backend)
        self._action_handlers: dict[str, Handler] = {}

    async def setup_hook(self) -> None:
        keep_texts_out_of_the_log()
        self.add_dynamic_items(RequestButton, PageMenu, PageButton)
        for name in await asyncio.to_thread(cog_names):
            await self.load_extension(name)

    async def close(self) -> None:
        self.studio.close()
        await super().close()

    async def on_error(self, event_method: str, /, *args: object, **kwargs: object) -> None:
        error = sys.exc_info()[1]
        assert error is not None
        log.error("%s failed: %s", event_method, describe(error))

    def handle(self, action: Action, handler: Handler) -> None:
        """Register the handler of an action."""
        self._action_handlers[action.name] = handler

    async def perform(
        self, interaction: discord.Interaction[Glassbox], action: str, request_id: str | None, detail: object = None
    ) -> None:
        """Hand a press to the handler of its action; failures are reported to the person.

        Args:
            action: the name of the action.
            request_id: of the kept request behind the component; None for a modal.
            detail: see `Press`.
        """
        handler = self._action_handlers.get(action)
        if handler is not None or action == STOP.name:  # any other name is not ours
            name_action(interaction, action)
        try:
            if action == STOP.name:
                self.delivery.stop(request_id or "", interaction.user.id)
                await defer(interaction)
                return
            if handler is None:  # the message is from a version of the bot with more actions
                raise RequestForgotten
            request = None if request_id is None else await self._store.find(request_id)
            await handler(interaction, Press(request, request_id or "", detail))
        except Exception as error:
            await tell_failure(interaction, f"the action {action}", error)

    async def on_interaction(self, interaction: discord.Interaction[Glassbox]) -> None:
        """Answer a submitted modal. discord.py dispatches everything else itself."""
        if (submission := Submission.of(interaction)) is not None:
            self.pending_interactions.begin(interaction)
            await self.perform(interaction, submission.action, None, submission)

    async def sync_if_changed(self, state_folder: Path) -> bool:
        """Register the commands at Discord unless it has them already; return whether they were registered.

        Raises:
            discord.HTTPException: Discord does not accept them.
        """
        # Not at every start, because Discord allows 200 creations a day.
        payloads = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        content = json.dumps([self.application_id, sorted(payloads, key=_identity)], sort_keys=True)
        digest = hashlib.sha256(content.encode()).hexdigest()
        path = state_folder / f"commands-{self.application_id}.sha256"
        if await asyncio.to_thread(_read, path) == digest:
            registered = await self.tree.fetch_commands()
            if {(command.type.value, command.name) for command in registered} == set(map(_identity, payloads)):
                return False
        await self.tree.sync()
        await asyncio.to_thread(_write, path, digest)
        return True

    def invite_links(self) -> Mapping[str, str]:
        """Return the URLs that install the bot, by purpose. They are known after login."""
        assert self.application_id is not None
        return {
            "Add it to a server": discord.utils.oauth_url(
                self.application_id, permissions=INVITE_PERMISSIONS, scopes=("bot", "applications.commands")
            )
            + "&integration_type=0",
            "Add it to your account": discord.utils.oauth_url(self.application_id, scopes=("applications.commands",))
            + "&integration_type=1",
        }


Interaction = discord.Interaction[Glassbox]


class Cog(commands.Cog):
    """Base of all cogs."""

    def __init__(self, bot: Glassbox) -> None:
        self.backend = bot.backend
        self.delivery = bot.delivery

    @classmethod
    async def setup(cls, bot: Glassbox) -> None:
        """Add the cog to the bot. discord.py calls this as the `setup` of the module."""
        await bot.add_cog(cls(bot))


class Tree(app_commands.CommandTree[Glassbox]):
    """The command tree."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Count a command as pending, and allow it. discord.py calls this first."""
        interaction.client.pending_interactions.begin(interaction)
        return True

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        name = interaction.command.qualified_name if interaction.command is not None else "unknown command"
        await tell_failure(interaction, f"/{name}", cause)


async def tell_failure(interaction: Interaction, name: str, error: BaseException) -> None:
    """Log the error of a command or action, and tell the person what to do."""
    record_of(interaction).end(ending_for(error), error)
    sentence = sentence_for(error)
    if sentence is None:
        log.error("%s failed: %s", name, describe(error))
    await tell(interaction, sentence or UNEXPECTED)


def sentence_for(error: BaseException) -> str | None:
    """Return the sentence that people read about an error; None for an unexpected one."""
    match error:
        case GlassboxError():
            return error.sentence
        case app_commands.CommandOnCooldown():
            return f"Please wait {seconds_in_words(error.retry_after)} before you use this command again."
        case app_commands.CommandSignatureMismatch() | app_commands.CommandNotFound() | app_commands.TransformerError():
            return OUTDATED
        case app_commands.CheckFailure():
            return FORBIDDEN
        case _:
            return None


def ending_for(error: BaseException) -> Ending:
    """Return how an interaction has ended that raised an error."""
    match error:
        case app_commands.CommandOnCooldown() | app_commands.CheckFailure():
            return Ending("refused", snake_case(type(error)))
        case app_commands.CommandSignatureMismatch() | app_commands.CommandNotFound() | app_commands.TransformerError():
            return Ending("invalid", snake_case(type(error)))
        case discord.HTTPException():
            return GONE if is_gone(error) else Ending("failed", "discord")
        case _:
            return ending_of(error)


def cog_names() -> list[str]:
    """Return the names of the cogs' modules."""
    # They are found and loaded by name, because `bot` must not import `cogs`.
    package = importlib.util.find_spec(COGS)
    folders = package.submodule_search_locations if package is not None else None
    return sorted(module.name for module in pkgutil.iter_modules(folders or [], f"{COGS}."))


def _identity(payload: Mapping[str, Any]) -> tuple[int, str]:
    """Return the type and name of a command, which are unique together."""
    return payload["type"], payload["name"]


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None


def _write(path: Path, digest: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(digest, encoding="utf-8")
    except OSError as error:  # without the digest, the commands are only registered once more
        log.warning("the digest of the commands cannot be kept: %s", type(error).__name__)
