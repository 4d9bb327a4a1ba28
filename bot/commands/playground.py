"""`python -m bot playground`: serve a local page that looks like Discord, with the real bot in it."""

from __future__ import annotations

import contextlib
import os
import socket

from rich.console import Console

from bot.commands.opening import loaded_backend
from bot.commands.terminal import show_reply
from bot.errors import SettingsError
from bot.locales.message import later
from bot.locales.terminal import locale_of_terminal
from bot.playground import Page, examples, simulated_server
from bot.settings import Settings
from bot.stopping import beside, stop_signals, until_stopped


async def serve_playground(settings: Settings, port: int, console: Console, page: str = Page.SERVER) -> None:
    """Load the checkpoints, ask the examples, and serve the page until Ctrl-C; raise `ProcessBroken` if it must end.

    Args:
        page: one of `Page`.
    """
    _check_port(port)
    with contextlib.ExitStack() as until_all_is_closed:
        async with (
            loaded_backend(settings, console) as backend,
            simulated_server(backend, locale_of_terminal(os.environ)) as server,
        ):
            console.print()
            await server.furnish()
            if page == Page.SERVER:
                for line in examples(list(backend.status().models)):
                    show_reply(console, await server.ask(line))
                await server.show_more()
            # Not earlier: while something loads, Ctrl-C ends the process at once.
            stop = until_all_is_closed.enter_context(stop_signals(second_ends=True))
            async with server.page(port or None, Page(page)) as address:
                console.print("The playground is open at", style="bold")
                console.print(address, style="bold blue", soft_wrap=True)
                console.print("Type / there to see the commands. Ctrl-C stops it.")
                async with beside(backend.until_broken()) as breaking:
                    await until_stopped(stop, breaking)
    console.print("Stopped.")


def _check_port(port: int) -> None:
    # At once, not after the checkpoints are loaded.
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise SettingsError(
                later("Port {port} is taken or not allowed. Choose another with --port, or --port 0.", port=port)
            ) from None
