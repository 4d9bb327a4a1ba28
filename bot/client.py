"""The Discord client: loads the cogs, dispatches components, reports errors to people, and registers the commands."""

from __future__ import annotations

import asyncio
import contextvars
import importlib
import importlib.util
import logging
import pkgutil
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import aiohttp
import discord
import yarl
from discord import app_commands
from discord.ext import commands

from bot.endings import GONE, Ending, ending_of, snake_case
from bot.errors import UNEXPECTED, GlassboxError, RequestForgotten, ShuttingDown, describe
from bot.inference.backend import Backend
from bot.inference.requests import Request
from bot.intents import intents_of
from bot.locales.command_tree import CommandTranslator
from bot.locales.message import _, later
from bot.locales.numbers import in_seconds
from bot.locales.offered import read_catalogues
from bot.logs import keep_texts_out_of_the_log
from bot.mentions.places import EVERYTHING
from bot.operating.calls import Calls, pause_for_at_most
from bot.operating.interaction_log import name_action
from bot.operating.invalid_requests import InvalidRequests
from bot.operating.maintenance import Gated, Maintenance
from bot.operating.process_name import process_name
from bot.operating.roll_call import RollCall
from bot.operating.watch import Watch
from bot.pending_interactions import PendingInteractions
from bot.pictures.studio import Studio
from bot.private_answers import answer_privately
from bot.registration import register_if_changed
from bot.replies.acknowledgement import defer, suggest_nothing
from bot.replies.components.buttons import STOP, Action, RequestButton
from bot.replies.components.genuine import check_press, stands_under_message
from bot.replies.components.modals import Submission
from bot.replies.components.pages import PageButton, PageMenu
from bot.replies.components.press import Press, custom_id_of
from bot.replies.delivery import Delivery, tell
from bot.replies.discord_errors import is_gone
from bot.replies.interaction_record import record_of
from bot.reports import ReportTo
from bot.servers.directory import Servers
from bot.servers.features import feature_behind, feature_of
from bot.servers.gate import Access
from bot.servers.own_languages import OwnLanguages
from bot.servers.quotas import ServerQuotas
from bot.servers.speech import Speech
from bot.sharding.events import drop_unreadable
from bot.sharding.identifying import Identifying
from bot.sharding.quota import SharedQuota
from bot.sharding.standing import Standing
from bot.sharding.takeover import Takeover
from bot.storage import RequestStore

log = logging.getLogger(__name__)

COGS = "cogs"
LONGEST_RATE_LIMIT = 30.0
"""Seconds. discord.py waits for a rate limit that is shorter, and raises an error for a longer one."""
SUGGESTING_SECONDS = 2.0
"""How long suggestions may take. Discord waits three seconds."""
OUTDATED = later("This command has changed since Discord last looked. Please reload Discord (Ctrl+R), and try again.")
FORBIDDEN = later("You may not use this command here. Try another channel, or ask somebody who manages this server.")

INVITE_PERMISSIONS = EVERYTHING | discord.Permissions(create_public_threads=True)


Handler = Callable[[discord.Interaction["Glassbox"], Press[Any, Any]], Awaitable[None]]
"""Answers a press of a component, or the submission of a modal."""
Detail = Callable[[], object]


class Glassbox(Gated, commands.AutoShardedBot):
    """The bot. The caller starts and closes the backend and the store.

    Args:
        shard_count: gateway connections of all processes together; None for Discord's recommendation.
        shard_ids: those of this process; None for all.
        requests_per_person: in all processes together; None if the backend sees to it.
        watch: hears of what happens, for the operator.
        message_content: whether the application has Discord's privileged intent of that name.
        mentions: whether it hears of messages, and answers those that are addressed to it.
        report_to: where problems that people report go; None for nowhere.
    """

    def __init__(
        self,
        backend: Backend,
        store: RequestStore,
        *,
        shard_count: int | None = None,
        shard_ids: Sequence[int] | None = None,
        requests_per_person: int | None = None,
        watch: Watch | None = None,
        message_content: bool = False,
        mentions: bool = True,
        report_to: ReportTo | None = None,
    ) -> None:
        # Otherwise discord.py warns at every start that the packages for voice are missing.
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        self.invalid_requests = InvalidRequests(time.monotonic) if watch is None else watch.invalid_requests
        trace = aiohttp.TraceConfig() if watch is None else watch.http_trace
        if watch is None:
            Calls(trace, self.invalid_requests)
        super().__init__(
            command_prefix=(),  # slash commands only
            help_command=None,
            tree_cls=Tree,
            intents=intents_of(mentions=mentions, message_content=message_content),
            allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
            allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=True),
            allowed_mentions=discord.AllowedMentions.none(),
            max_messages=None,
            shard_count=shard_count,
            http_trace=trace,
            max_ratelimit_timeout=LONGEST_RATE_LIMIT,
        )
        self.shard_ids = None if shard_ids is None else list(shard_ids)
        self.backend = backend
        self.report_to = report_to or ReportTo()
        self.studio = Studio()
        processes = self._processes = store.processes
        quota = None if requests_per_person is None else SharedQuota(processes.leases, requests_per_person)
        self.servers = Servers(store.server_settings)
        self.own_languages = OwnLanguages(store.own_languages)
        self.speech = Speech(self.own_languages, self.servers)
        self.quotas = ServerQuotas(self.servers, store.quota_uses)
        self.delivery = Delivery(backend, store, self.studio, quota, self.servers.allowed_checkpoints, self.quotas)
        self.conversations = store.conversations
        self.access = Access(self.servers)
        self.opt_outs = store.opt_outs
        self.batches = store.batches
        self.leases = processes.leases
        self.translations = store.translations
        self.personal_data = store.personal_data
        self.maintenance = Maintenance(store.maintenance)
        self.watch, self.processes = watch, processes
        self.roll_call = RollCall(processes.shards, self, process_name(), None if watch is None else watch.gateway)
        self.store = self._store = store
        self.timers = self._context = contextvars.copy_context()
        self.identifying = Identifying(processes.identifications, self.fetch_session_start_limits)
        self.pending_interactions = PendingInteractions()
        self.pending_interactions.observer = watch
        if watch is not None:
            watch.follow(self, backend)
        self.standing = Standing(self)
        self.takeover = Takeover(
            processes, self.pending_interactions, self.standing, self.servers.wants_privacy, self._interaction_of
        )
        self.pending_interactions.watch(self._connection.parsers, processes.unanswered)
        drop_unreadable(self._connection.parsers, self._drop_event)
        self._action_handlers: dict[str, Handler] = {}
        self._kept: dict[str, type[Request[Any]] | None] = {}
        self._modals: set[str] = set()
        self._components: set[type[discord.ui.DynamicItem[Any]]] = set()
        self._features: dict[str, str] = {}

    async def setup_hook(self) -> None:
        keep_texts_out_of_the_log()
        pause_for_at_most(self.http, LONGEST_RATE_LIMIT)
        await asyncio.to_thread(read_catalogues)
        await self.tree.set_translator(CommandTranslator())
        await self.servers.load()
        await self.own_languages.load()
        self.add_dynamic_items(RequestButton, PageMenu, PageButton)
        await self.add_cogs()
        # In this context, or simcord's clock would go through every hour of a year that it is put forward.
        self._context.run(self._store.expiry.start)

    async def add_cogs(self) -> None:
        """Add all cogs."""
        for name in await asyncio.to_thread(cog_names):
            # Not as discord.py's extension, because that is compiled into new classes for each bot of a process.
            await importlib.import_module(name).setup(self)

    async def launch_shard(self, gateway: yarl.URL, shard_id: int, *, initial: bool = False) -> None:
        """Connect and identify a shard at its turn. discord.py calls this for one shard after the other."""
        await self.identifying.reserve(shard_id)
        await super().launch_shard(gateway, shard_id, initial=initial)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for the turn of a shard. discord.py calls this immediately before it identifies."""
        await self.identifying.take(shard_id or 0)

    def _interaction_of(self, payload: Mapping[str, Any]) -> discord.Interaction:
        data: Any = payload
        return discord.Interaction(data=data, state=self._connection)

    def _drop_event(self, event: str, error: Exception) -> None:
        """Hear of an event of the gateway that cannot be read."""
        log.error("an event %s is dropped: %s", event, describe(error))
        if self.watch is not None:
            self.watch.dropped(event)

    async def close(self) -> None:
        self._store.expiry.stop()
        self.studio.close()
        await super().close()

    async def on_error(self, event_method: str, /, *args: object, **kwargs: object) -> None:
        error = sys.exc_info()[1]
        assert error is not None
        log.error("%s failed: %s", event_method, describe(error))

    def handle(
        self,
        action: Action,
        handler: Handler,
        *,
        kept: type[Request[Any]] | None = None,
        feature: str | None = None,
        modal: bool = False,
    ) -> None:
        """Register the handler of an action.

        Args:
            kept: the kind of the request behind its component; None for a component or modal without one.
            feature: what access rules must allow; if it is None, the command of the request behind the component.
            modal: whether its detail may be a `Submission`.

        Raises:
            ValueError: there is neither, so the check of access would have nothing to go by.
        """
        if kept is None and feature is None:
            raise ValueError(f"nothing says what access rules must allow for the action {action.name}")
        self._action_handlers[action.name] = handler
        self._kept[action.name] = kept
        if modal:
            self._modals.add(action.name)
        if feature is not None:
            self._features[action.name] = feature

    async def perform(
        self,
        interaction: discord.Interaction[Glassbox],
        action: str,
        request_id: str | None,
        detail: Detail = lambda: None,
    ) -> None:
        """Hand a press to the handler of its action; failures are reported to the person.

        Args:
            action: the name of the action.
            request_id: of the kept request behind the component; None for a modal.
            detail: returns that of the `Press`; it may fail, because custom ids come from outside.
        """
        handler = self._action_handlers.get(action)
        if handler is not None or action == STOP.name:  # any other name is not ours
            name_action(interaction, action)
        try:
            await self.maintenance.check(action)
            check_press(interaction)
            if action == STOP.name:
                await self._processes.writing.stop(request_id or "", interaction.user.id)
                await defer(interaction)
                return
            if handler is None:  # the message is from a version of the bot with more actions
                raise RequestForgotten
            request = await self._request_behind(action, request_id)
            await self.access.enter(self._features.get(action) or feature_behind(request), interaction)
            if _is_private(interaction):
                answer_privately(interaction)  # what comes of a private answer is as private
            await handler(interaction, Press(request, request_id or "", detail()))
        except Exception as error:
            await tell_failure(interaction, f"the action {action}", error)

    async def _request_behind(self, action: str, request_id: str | None) -> Request[object] | None:
        """Return the kept request behind a component, which must be of the kind that its action is about.

        Raises:
            RequestForgotten: there is none of that kind.
        """
        kind = self._kept[action]
        request = None if request_id is None else await self._store.find(request_id)
        if (kind is None) is not (request is None) or (kind is not None and not isinstance(request, kind)):
            raise RequestForgotten  # only a forged custom id names a request of another kind
        return request

    async def on_interaction(self, interaction: discord.Interaction[Glassbox]) -> None:
        """Answer a submitted modal, and a press that no component knows. discord.py dispatches everything else."""
        if (submission := Submission.of(interaction)) is not None:
            self.speech.answer(interaction)
            self.pending_interactions.begin(interaction)
            await self.perform(interaction, submission.action, None, partial(self._checked, submission))
        elif (custom_id := custom_id_of(interaction)) is not None and not (
            self._is_known(custom_id) and stands_under_message(interaction)
        ):
            # From another version, or forged: nobody handles it, and it says so.
            self.speech.answer(interaction)
            self.pending_interactions.begin(interaction)
            await self.perform(interaction, custom_id, None)

    def _checked(self, submission: Submission) -> Submission:
        """Return a submission; raise `RequestForgotten` if its action has no modal, so that it is forged."""
        if submission.action not in self._modals:
            raise RequestForgotten
        return submission

    def add_dynamic_items(self, *items: type[discord.ui.DynamicItem[Any]]) -> None:
        """Have discord.py dispatch components of these kinds."""
        super().add_dynamic_items(*items)
        self._components.update(items)

    def has_plain_button(self, action: str) -> bool:
        """Return whether plain buttons do an action: it is about a kept request, and no other component does it."""
        if action == STOP.name:
            return True
        return self._kept.get(action) is not None and all(
            getattr(one, "action", None) != action for one in self._components
        )

    def _is_known(self, custom_id: str) -> bool:
        return any(one.__discord_ui_compiled_template__.fullmatch(custom_id) for one in self._components)

    async def sync_if_changed(self) -> bool:
        """Register the commands at Discord unless it has them already; return whether they were registered.

        Raises:
            discord.HTTPException: Discord does not accept them.
        """
        return await register_if_changed(self.tree, self._processes)

    def invite_links(self) -> Mapping[str, str]:
        """Return the URLs that install the bot, by purpose. They are known after login."""
        assert self.application_id is not None
        return {
            _("Add it to a server"): discord.utils.oauth_url(
                self.application_id, permissions=INVITE_PERMISSIONS, scopes=("bot", "applications.commands")
            )
            + "&integration_type=0",
            _("Add it to your account"): discord.utils.oauth_url(self.application_id, scopes=("applications.commands",))
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
        """Add the cog to the bot. `Glassbox.add_cogs` calls this as the `setup` of the module."""
        await bot.add_cog(cls(bot))


class Tree(app_commands.CommandTree[Glassbox]):
    """The command tree."""

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """Count a command as pending, and allow it if the operator and the server do. discord.py calls this first."""
        client = interaction.client
        client.pending_interactions.begin(interaction)
        if (command := interaction.command) is None:
            return True  # discord.py finds none to run either
        if interaction.type is discord.InteractionType.autocomplete:
            return await client.access.suggests(feature_of(command), interaction)
        try:
            await client.maintenance.check(command.qualified_name)
            await client.access.enter(feature_of(command), interaction)
        except Exception as error:
            await tell_failure(interaction, f"/{command.qualified_name}", error)
            return False
        return True

    async def _call(self, interaction: Interaction) -> None:
        """Answer a command or an autocompletion. discord.py leaves one that fails without an answer."""
        interaction.client.speech.answer(interaction)
        if interaction.type is not discord.InteractionType.autocomplete:
            await super()._call(interaction)
            return
        try:
            async with asyncio.timeout(SUGGESTING_SECONDS):
                await super()._call(interaction)
        except Exception as error:  # discord.py's are many if it cannot read what was typed
            log.warning("an autocompletion failed: %s", describe(error))
        if not interaction.response.is_done():
            await suggest_nothing(interaction)

    async def on_error(self, interaction: Interaction, error: app_commands.AppCommandError, /) -> None:
        cause = error.original if isinstance(error, app_commands.CommandInvokeError) else error
        name = interaction.command.qualified_name if interaction.command is not None else "unknown command"
        await tell_failure(interaction, f"/{name}", cause)


async def tell_failure(interaction: Interaction, name: str, error: BaseException) -> None:
    """Log the error of a command or action, and tell the person what to do."""
    record_of(interaction).end(ending_for(error), error)
    sentence = sentence_for(error)
    if sentence is None:
        # If somebody has deleted what they were waiting for, nothing is wrong.
        is_expected = isinstance(error, discord.HTTPException) and is_gone(error)
        log.log(logging.INFO if is_expected else logging.ERROR, "%s failed: %s", name, describe(error))
    # Discord may take seconds for each call, and the process does not have many left.
    await tell(interaction, sentence or str(UNEXPECTED), at_once=isinstance(error, ShuttingDown))


def sentence_for(error: BaseException) -> str | None:
    """Return the sentence that people read about an error; None for an unexpected one."""
    match error:
        case GlassboxError():
            return error.sentence
        case app_commands.CommandOnCooldown():
            # Translators: {time} is such as "20 seconds".
            return _("Please wait {time} before you use this command again.", time=in_seconds(error.retry_after))
        case app_commands.CommandSignatureMismatch() | app_commands.CommandNotFound() | app_commands.TransformerError():
            return str(OUTDATED)
        case app_commands.CheckFailure():
            return str(FORBIDDEN)
        case _:
            return None


def _is_private(interaction: discord.Interaction[Any]) -> bool:
    """Return whether a press is under a message that others in the channel do not see."""
    message = interaction.message
    return message is not None and message.flags.ephemeral and not interaction.context.dm_channel


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
    # They are found and imported by name, because `bot` must not import `cogs`.
    package = importlib.util.find_spec(COGS)
    folders = package.submodule_search_locations if package is not None else None
    return sorted(module.name for module in pkgutil.iter_modules(folders or [], f"{COGS}."))
