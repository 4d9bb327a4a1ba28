"""`python -m bot ask`: run one slash command through the real bot, and print its reply."""

from __future__ import annotations

import asyncio
import os

import typer
from rich.console import Console

from bot.app import chosen_preset, open_backend
from bot.commands.opening import load
from bot.commands.terminal import reply_as_json, show_reply
from bot.locales.terminal import locale_of_terminal
from bot.playground import simulated_server
from bot.settings import Settings


async def ask_once(settings: Settings, line: str, as_json: bool, console: Console) -> None:
    """Load the checkpoint of a slash command, run the command, and print its reply; may raise `GlassboxError`."""
    preset = await asyncio.to_thread(chosen_preset, settings, "starter")
    locale = locale_of_terminal(os.environ)
    async with open_backend(settings, preset) as backend, simulated_server(backend, locale) as server:
        # First, so that a misspelt option is reported before a download.
        command = server.parse(line).command
        await load(backend, Console(stderr=True), [task for task in preset.checkpoints if task == command])
        reply = await server.ask(line)
    if as_json:
        typer.echo(reply_as_json(reply))
    else:
        show_reply(console, reply)
