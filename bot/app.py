"""The composition root: builds the backend and the client from the settings, and closes them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Coroutine

import aiohttp
import discord

from bot.client import Glassbox
from bot.errors import SettingsError
from bot.inference.catalogue import Catalogue, Preset
from bot.inference.device import Device
from bot.inference.models import Models
from bot.inference.worker import InferenceWorker, Limits
from bot.settings import Settings
from bot.tasks import all_tasks

log = logging.getLogger(__name__)


def chosen_preset(settings: Settings, default: str) -> Preset:
    """The preset that is set, or a command's default, with the checkpoints that are set instead of its own.

    Raises:
        SettingsError: there is no such preset or checkpoint.
    """
    preset = Catalogue.read().preset(settings.preset or default)
    return preset.with_overrides(settings.checkpoint_overrides)


@contextlib.asynccontextmanager
async def open_backend(settings: Settings, preset: Preset) -> AsyncIterator[InferenceWorker]:
    """A running worker for a preset; its checkpoints load when `preload` or a request asks for them.

    Raises:
        SettingsError: the device or the precision is not to be had.
    """
    device = Device.choose(settings.devices, settings.precision)
    limits = Limits(
        requests=settings.queue_size,
        per_person=settings.requests_per_person,
        seconds=settings.request_seconds,
        drain_seconds=settings.drain_seconds,
    )
    models = Models(preset, device, settings.cache_dir)
    async with InferenceWorker(all_tasks(), models, device, limits) as worker:
        yield worker


async def run_bot(settings: Settings, say: Callable[[str], None]) -> None:
    """Connect to Discord and serve until the process is told to stop.

    Args:
        say: prints a line for the operator.

    Raises:
        SettingsError: the token is missing or wrong, or Discord cannot be reached.
    """
    token = settings.discord_token
    if token is None:
        raise SettingsError(
            "DISCORD_TOKEN is not set. Create an application at https://discord.com/developers/applications, copy its "
            "bot token into a file .env as DISCORD_TOKEN=…, and start again. Without a token, try "
            "`python -m bot playground`."
        )
    preset = chosen_preset(settings, "course")
    async with open_backend(settings, preset) as backend:
        client = Glassbox(backend, shard_count=settings.shard_count)
        async with client, _background(backend.preload()):
            await _login(client, token.get_secret_value())
            synced = await client.sync_if_changed(settings.cache_dir)
            say("Commands: synced." if synced else "Commands: unchanged.")
            for what, link in client.invite_links().items():
                say(f"{what}: {link}")
            await _serve(client)
            log.info("stopping: what is running is answered first")
            await backend.aclose()
            await _delivered()


async def _delivered(seconds: float = 10.0) -> None:
    """Wait until the answers that the worker has given are on their way to Discord."""
    invoking = [task for task in asyncio.all_tasks() if task.get_name() == "CommandTree-invoker"]
    if invoking:
        await asyncio.wait(invoking, timeout=seconds)


async def _login(client: Glassbox, token: str) -> None:
    try:
        await client.login(token)
    except discord.LoginFailure:
        raise SettingsError(
            "Discord does not accept the DISCORD_TOKEN. Copy it again from your application's page, under Bot."
        ) from None
    except (aiohttp.ClientConnectionError, OSError):
        raise SettingsError("Discord cannot be reached. Check this machine's connection and try again.") from None


async def _serve(client: Glassbox) -> None:
    """Stay connected until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # Windows has no signal handlers on the loop: Ctrl-C raises there
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
    connection = asyncio.create_task(client.connect())
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((connection, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if connection.done():
        connection.result()


@contextlib.asynccontextmanager
async def _background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run something beside the body, and end it with the body."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
