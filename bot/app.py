"""The composition root, which builds the backend and the client from the settings, and closes them."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import aiohttp
import discord

from bot.client import Glassbox
from bot.errors import ProcessBroken, SettingsError, describe
from bot.inference.checkpoints.catalogue import Catalogue, Preset
from bot.inference.checkpoints.memory_limit import MemoryLimits
from bot.inference.checkpoints.pool import CheckpointPool
from bot.inference.compute.collection import leave_out
from bot.inference.compute.device import Device
from bot.inference.compute.memory import trim
from bot.inference.observer import Observer
from bot.inference.remote.addresses import addresses_of
from bot.inference.remote.backend import RemoteBackend
from bot.inference.remote.limits import RemoteLimits
from bot.inference.remote.startup import check, checked_key, connection_line
from bot.inference.worker import InferenceWorker, Limits
from bot.locales.message import later
from bot.operating.database import tell_failures
from bot.operating.server import watched
from bot.operating.watch import Watch
from bot.replies.discord_errors import MALFORMED
from bot.settings import Settings
from bot.sharding.shards import chosen_shards
from bot.stopping import beside, stop_signals, until_stopped
from bot.storage import RequestStore
from bot.tasks import all_tasks

log = logging.getLogger(__name__)

NOT_ACCEPTED = later(
    "Discord does not accept the DISCORD_TOKEN. Copy it again from your application's page, under Bot."
)
NOT_DISCORD = later(
    "What answers in Discord's place is not Discord: perhaps this network asks for a login, or a proxy is in the "
    "way. Check this machine's connection and try again."
)
AUTHENTICATION_FAILED = 4004
"""Discord's code for a connection that it closes because of the token."""
SYNC_SECONDS = 60.0
"""The longest that a start waits to register the commands: beyond a daily limit, Discord asks to wait for hours."""
REQUESTS = "requests.sqlite3"
"""The SQLite database in the cache folder."""
LONGEST_WAIT = 840.0
"""Seconds for an answer from another machine. Discord forgets an interaction after 15 minutes."""
CONNECTING_SECONDS = 10.0
"""How long after login checkpoints that must be downloaded, and further ones, wait for all shards."""
DISCONNECT_SECONDS = 2.0
"""The longest that a stop waits for Discord to take its leave."""
DELIVERY_SECONDS = 10.0
"""The longest that a stop waits for answers on their way to Discord."""


def chosen_preset(settings: Settings, default: str) -> Preset:
    """Return the preset of the settings, or a default, with the checkpoints that the settings replace and add.

    Raises:
        SettingsError: there is no such preset or checkpoint.
    """
    preset = Catalogue.read().preset(settings.preset or default)
    return preset.with_overrides(settings.checkpoint_overrides).with_extras(settings.extra_checkpoints)


@contextlib.asynccontextmanager
async def open_backend(
    settings: Settings, preset: Preset, observer: Observer | None = None
) -> AsyncIterator[InferenceWorker]:
    """Run a worker for a preset. Its checkpoints are loaded by `preload`, or when a request needs them.

    Args:
        observer: hears of batches, answers and loads.

    Raises:
        SettingsError: the device or the precision is not available, or the packages are not installed.
    """
    if not all(map(importlib.util.find_spec, ("torch", "transformers"))):
        raise SettingsError(
            later(
                'The packages that run models are not installed. Run `pip install ".[inference]"`, or set '
                "INFERENCE_URL to a machine that has them."
            )
        )
    devices = await asyncio.to_thread(Device.choose_all, settings.devices, settings.precision)
    memory = await asyncio.to_thread(MemoryLimits.for_devices, devices, settings.model_memory)
    pool = CheckpointPool(preset, devices, settings.cache_dir, memory)
    async with InferenceWorker(all_tasks(), pool, devices, settings.limits, observer=observer) as worker:
        yield worker


@contextlib.asynccontextmanager
async def connect_backend(settings: Settings) -> AsyncIterator[RemoteBackend]:
    """Connect to the servers of INFERENCE_URL. One that is not up yet is asked again in the background.

    Raises:
        SettingsError: an address or the key is wrong.
    """
    addresses = addresses_of(settings.inference_url or "")
    key = checked_key(None if settings.inference_key is None else settings.inference_key.get_secret_value())
    seconds = min(Limits.loading_seconds + settings.request_seconds, LONGEST_WAIT)
    limits = RemoteLimits(seconds, drain_seconds=settings.drain_seconds)
    async with RemoteBackend(all_tasks(), addresses, key, limits) as backend:
        check(backend.endpoints, has_key=key is not None)
        yield backend


@contextlib.asynccontextmanager
async def _backend_of(
    settings: Settings, observer: Observer, say: Callable[[str], None]
) -> AsyncIterator[InferenceWorker | RemoteBackend]:
    """Connect to INFERENCE_URL if it is set; otherwise run a worker in this process."""
    if settings.inference_url is not None:
        async with connect_backend(settings) as remote:
            say(connection_line(remote.endpoints, remote.status()))
            yield remote
        return
    preset = await asyncio.to_thread(chosen_preset, settings, "course")
    async with open_backend(settings, preset, observer) as worker:
        yield worker


async def run_bot(settings: Settings, say: Callable[[str], None], stopping: Callable[[], None] | None = None) -> None:
    """Connect to Discord and serve until the process is told to stop.

    Args:
        say: prints a line for the operator.
        stopping: called when the stop begins.

    Raises:
        SettingsError: the token is missing or wrong, or Discord or the database cannot be reached.
        ProcessBroken: only a new process helps. Everybody has been told.
    """
    token = settings.discord_token
    if token is None:
        raise SettingsError(
            later(
                "DISCORD_TOKEN is not set. Create an application at https://discord.com/developers/applications, copy "
                "its bot token into a file .env as DISCORD_TOKEN=…, and start again. Without a token, try `python -m "
                "bot playground`."
            )
        )
    shards = chosen_shards(settings, socket.gethostname())
    database_url = settings.database_url.get_secret_value() if settings.database_url is not None else None
    watch = await asyncio.to_thread(Watch.open, settings.cache_dir)
    connected = asyncio.Event()
    with stop_signals(second_ends=True) as stop:
        async with (
            watched(settings.metrics_address, watch),
            _backend_of(settings, watch.worker, say) as backend,
            beside(_preload(backend, connected)),
            RequestStore.open(settings.cache_dir / REQUESTS, database_url, keys=settings.storage_key_list) as store,
            Glassbox(
                backend,
                store,
                shard_count=shards.count,
                shard_ids=shards.ids,
                # Other machines count for all processes.
                requests_per_person=settings.requests_per_person
                if shards.are_some and settings.inference_url is None
                else None,
                watch=watch,
                message_content=settings.message_content,
                mentions=settings.mentions,
                report_to=settings.report_to,
            ) as bot,
            beside(store.rotation.run()),
            beside(_serve(bot, token.get_secret_value(), say, connected)) as serving,
            beside(backend.until_broken()) as breaking,
        ):
            tell_failures(store.database, watch.database_failed)
            broken = None
            try:
                await until_stopped(stop, serving, breaking)
            except ProcessBroken as error:  # the last answers have yet to reach Discord
                broken = error
            if stopping is not None:
                stopping()
            log.info("stopping: what is running is answered first")
            bot.takeover.end()
            await backend.aclose()
            # Receive nothing more from Discord. Answers can still be sent.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(DISCONNECT_SECONDS):
                    await asyncio.gather(*(shard.disconnect() for shard in bot.shards.values()))
            if not await bot.pending_interactions.answered(DELIVERY_SECONDS):
                log.warning("stopping although answers are still on their way to Discord")
            if broken is not None:
                raise broken


async def _serve(bot: Glassbox, token: str, say: Callable[[str], None], connected: asyncio.Event) -> None:
    """Log in, register the commands, and stay connected until the bot is closed.

    Args:
        connected: set as soon as all shards are, or after a while.
    """
    await _login(bot, token)
    async with beside(bot.takeover.run()), beside(bot.roll_call.run()), beside(_settle(bot, connected)):
        say(await _sync(bot))
        for what, link in bot.invite_links().items():
            say(f"{what}: {link}")
        with _discord_failures_told():
            await bot.connect()


async def _preload(backend: InferenceWorker | RemoteBackend, connected: asyncio.Event) -> None:
    """Load the checkpoints ahead of time, then leave them and their libraries out of garbage collection."""
    # Only when connected, so that a wrong token is reported before a gigabyte is downloaded.
    await backend.preload(connected)
    await asyncio.to_thread(leave_out)
    await asyncio.to_thread(trim)  # what measuring the checkpoints has taken


async def _settle(bot: Glassbox, connected: asyncio.Event) -> None:
    """Say when all shards are connected, and then leave their servers' channels and roles out of garbage collection."""
    with contextlib.suppress(TimeoutError):  # many shards connect one after the other
        async with asyncio.timeout(CONNECTING_SECONDS):
            await bot.wait_until_ready()
    connected.set()
    await bot.wait_until_ready()
    await asyncio.to_thread(leave_out)


async def _login(bot: Glassbox, token: str) -> None:
    token = token.strip()
    if not token.isascii() or not token.isprintable():  # it cannot even be sent
        raise SettingsError(NOT_ACCEPTED)
    with _discord_failures_told():
        try:
            await bot.login(token)
        except MALFORMED:
            raise SettingsError(NOT_DISCORD) from None


async def _sync(bot: Glassbox) -> str:
    """Register the commands if necessary; return a line for the operator. If it fails, Discord keeps its commands."""
    try:
        async with asyncio.timeout(SYNC_SECONDS):
            synced = await bot.sync_if_changed()
    except Exception as error:  # see `bot.replies.discord_errors`
        log.error("the commands could not be registered: %s", describe(error))
        return "Commands: Discord did not take them. Those that it has are answered; start again to try again."
    return "Commands: synced." if synced else "Commands: unchanged."


@contextlib.contextmanager
def _discord_failures_told() -> Iterator[None]:
    """Turn errors into a `SettingsError` that tells the operator why Discord cannot be used."""
    try:
        yield
    except discord.LoginFailure:
        raise SettingsError(NOT_ACCEPTED) from None
    except discord.ConnectionClosed as error:
        if error.code == AUTHENTICATION_FAILED:
            raise SettingsError(NOT_ACCEPTED) from None
        raise SettingsError(
            later(
                "Discord has closed the connection for good (code {code}). What the code means is at "
                "https://discord.com/developers/docs/topics/opcodes-and-status-codes, under Gateway Close Event Codes.",
                code=error.code,
            )
        ) from None
    except discord.HTTPException as error:
        raise SettingsError(
            later(
                "Discord answers with an error (HTTP {status}). Look at https://discordstatus.com, and start again in "
                "a few minutes.",
                status=error.status,
            )
        ) from None
    except (discord.GatewayNotFound, aiohttp.ClientError, OSError):
        raise SettingsError(
            later("Discord cannot be reached. Check this machine's connection and try again.")
        ) from None
