"""Progress and replies in the terminal."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markdown import Markdown
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from bot.inference.checkpoints.state import CheckpointState
from bot.inference.status import Phase
from bot.playground import SimulatedReply
from bot.tables import plain
from bot.text.characters import visible

_OBEYED = re.compile(r"[\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON may hold as it is, but no terminal should be sent: controls, direction overrides, half characters."""


def show_reply(console: Console, reply: SimulatedReply) -> None:
    """Print a command and the bot's reply to it, much as Discord would show them."""
    console.print(plain(reply.command, "bold"))
    parts: list[RenderableType] = [_markdown(reply.message["content"])] if reply.message["content"] else []
    for embed in reply.message["embeds"]:
        parts += _embed_parts(embed)
    parts += [plain(f"📎 {file['filename']} ({file['size']:,} bytes)") for file in reply.message["attachments"]]
    note = "only you can see this" if reply.ephemeral else None
    colour = reply.message["embeds"][0].get("color") if reply.message["embeds"] else None
    border = f"#{colour:06x}" if colour else "white"
    panel = Panel(Group(*parts), border_style=border, subtitle=note, width=min(console.width - 2, 100))
    console.print(Padding(panel, (0, 0, 1, 2), expand=False))


def reply_as_json(reply: SimulatedReply) -> str:
    """Return a reply in JSON: the command, whether it is ephemeral, and the message as Discord's API writes it."""
    content = {"command": reply.command, "ephemeral": reply.ephemeral, **reply.message}
    written = json.dumps(content, ensure_ascii=False, indent=2)
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", written)


async def show_loading(console: Console, states: Iterable[CheckpointState], done: asyncio.Future[None]) -> None:
    """Show a progress bar for each checkpoint until `done`."""
    distinct = list({state.spec.key: state for state in states}.values())
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[phase]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bars = []
        for state in distinct:
            size = f" ({state.spec.size_mb} MB)" if state.spec.size_mb else ""
            bars.append((progress.add_task(f"{state.spec.name}{size}", total=1.0, phase=""), state))
        while not done.done():
            for bar, state in bars:
                _update(progress, bar, state)
            await asyncio.wait((done,), timeout=0.1)
        for bar, state in bars:
            _update(progress, bar, state)


def _update(progress: Progress, bar: TaskID, state: CheckpointState) -> None:
    fraction = {Phase.READY: 1.0, Phase.FAILED: 0.0}.get(state.phase, state.fraction)
    if state.phase is Phase.LOADING and state.seconds_left is not None:
        fraction = 1 - min(1.0, state.seconds_left / max(state.expected_seconds, 1.0))
    progress.update(bar, completed=fraction or 0.0, phase=state.activity or str(state.phase))


def _embed_parts(embed: dict[str, Any]) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if title := embed.get("title"):
        parts.append(plain(title, "bold"))
    if description := embed.get("description"):
        parts.append(_markdown(description))
    for field in embed.get("fields", []):
        parts += [plain(field["name"], "bold"), _markdown(field["value"])]
    if footer := embed.get("footer", {}).get("text"):
        parts.append(plain(footer, "dim"))
    return parts


def _markdown(text: str) -> Markdown:
    # Discord's Markdown keeps line breaks; standard Markdown needs two spaces before one.
    return Markdown(re.sub(r"(?<!\n)\n(?!\n)", "  \n", visible(text)))
