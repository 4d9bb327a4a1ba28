"""`python -m bot ask "/sentiment text:…"`: one command through the real bot, its reply in the terminal."""

from __future__ import annotations

import typer
from rich.console import Console

from bot.commands.opening import loaded_backend
from bot.playground import simulated_server
from bot.settings import Settings
from bot.terminal import reply_as_json, show_reply


async def ask_once(settings: Settings, command: str, as_json: bool, console: Console) -> None:
    """Run a command, and print its reply; only the checkpoint that it needs is loaded.

    Raises:
        GlassboxError: the command cannot be read, or a checkpoint is not to be had.
    """
    name = command.strip().removeprefix("/").split(" ")[0]
    async with loaded_backend(settings, Console(stderr=True), [name]) as backend, simulated_server(backend) as server:
        reply = await server.ask(command)
    if as_json:
        typer.echo(reply_as_json(reply))
    else:
        show_reply(console, reply)
