"""The pages of `/status` on which an operator does something."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.status import CheckpointStatus, Phase
from bot.operating.maintenance import sentence_of
from bot.operating.status.overview import COLOUR, PAUSED
from bot.replies.checkpoints.state import commands, name_of, state
from bot.replies.formatting.text import fit_markdown, units
from bot.replies.reply import Reply
from bot.storage.maintenance import Notice

LISTED = 3_600
NAME = 80
ELSEWHERE = (
    "The models are on another machine (INFERENCE_URL), and it loads and unloads them by itself: when somebody asks, "
    "and when it needs the room. What it has is set there: with PRESET, the …_CHECKPOINT settings, EXTRA_CHECKPOINTS "
    "and MODEL_MEMORY of `python -m bot serve`; restart it to change them."
)
HINT = "Nobody's request is lost: an unload waits for those that use it, and who asks next has it loaded again."
OFF = "There is no maintenance. Choose below how long one should take, and then give a reason if you like."
ON = "Everything but `/status` and Stop is refused, in all processes, also after a restart. People read:"
WHILE = "What has begun is still answered. Readiness and health of the process stay as they are."


def checkpoints_page(descriptions: Sequence[CheckpointDescription], can_control: bool, said: str = "") -> Reply:
    """Render every checkpoint with its state.

    Args:
        can_control: whether they can be loaded and unloaded from here.
        said: what has just been done, or is under way, in Markdown.
    """
    lines = [said] if said else []
    if not can_control:
        lines.append(ELSEWHERE)
    entries = [_entry(one) for one in descriptions]
    shown: list[str] = []
    while len(shown) < len(entries) and units("\n\n".join([*lines, *shown, entries[len(shown)]])) <= LISTED:
        shown.append(entries[len(shown)])
    if len(shown) < len(entries):
        shown.append(f"… and {len(entries) - len(shown)} more")
    embed = discord.Embed(title="Checkpoints", description="\n\n".join([*lines, *shown]), colour=COLOUR)
    if can_control:
        embed.set_footer(text=HINT)
    return Reply(embed)


def _entry(one: CheckpointDescription) -> str:
    used = f" · used by {one.status.requests}" if one.status.requests else ""
    for_whom = commands(one.status) or "to choose from"
    return f"**{name_of(one.status, NAME)}** · {for_whom}\n{state(one)}{used}"


def progress_sentence(verb: str, status: CheckpointStatus, description: CheckpointDescription) -> str:
    """Return what is under way with a checkpoint: `verb` is "Loading" or "Unloading"."""
    name = f"**{name_of(status, NAME)}**"
    if verb == "Unloading":
        using = description.status.requests
        waits = f", which {using} {'request uses' if using == 1 else 'requests use'}" if using else ""
        return f"Unloading {name}{waits} …"
    now = state(description)
    return f"Loading {name}: {now} …" if description.status.phase is not Phase.READY else f"Loading {name} …"


def maintenance_page(notice: Notice | None, now: float) -> Reply:
    """Render whether there is a maintenance, and what people read meanwhile."""
    if notice is None:
        return Reply(discord.Embed(title="Maintenance", description=OFF, colour=COLOUR))
    sentence = fit_markdown(sentence_of(notice, now), 1_000)
    embed = discord.Embed(title="Maintenance", description=f"**On.** {ON}\n> {sentence}", colour=PAUSED)
    return Reply(embed.set_footer(text=WHILE))
