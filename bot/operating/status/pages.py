"""The pages of `/status` on which an operator does something."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.status import CheckpointStatus, Phase
from bot.locales.message import _, later, plural
from bot.locales.numbers import whole
from bot.operating.maintenance import sentence_of
from bot.operating.status.overview import COLOUR, PAUSED
from bot.replies.checkpoints.state import commands, name_of, state
from bot.replies.formatting.text import fit_markdown, units
from bot.replies.reply import Reply
from bot.storage.maintenance import Notice

LISTED = 3_600
NAME = 80
ELSEWHERE = later(
    "The models are on another machine (INFERENCE_URL), and it loads and unloads them by itself: when somebody asks, "
    "and when it needs the room. What it has is set there: with PRESET, the …_CHECKPOINT settings, EXTRA_CHECKPOINTS "
    "and MODEL_MEMORY of `python -m bot serve`; restart it to change them."
)
HINT = later("Nobody's request is lost: an unload waits for those that use it, and who asks next has it loaded again.")
OFF = later("There is no maintenance. Choose below how long one should take, and then give a reason if you like.")
# Translators: there is a maintenance; what people are told follows.
ON = later("**On.** Everything but `/status` and Stop is refused, in all processes, also after a restart. People read:")
WHILE = later("What has begun is still answered. Readiness and health of the process stay as they are.")
# Translators: the title of a page about a pause in which I answer nothing.
TITLE = later("Maintenance")


def checkpoints_page(descriptions: Sequence[CheckpointDescription], can_control: bool, said: str = "") -> Reply:
    """Render every checkpoint with its state.

    Args:
        can_control: whether they can be loaded and unloaded from here.
        said: what has just been done, or is under way, in Markdown.
    """
    lines = [said] if said else []
    if not can_control:
        lines.append(str(ELSEWHERE))
    entries = [_entry(one) for one in descriptions]
    shown: list[str] = []
    while len(shown) < len(entries) and units("\n\n".join([*lines, *shown, entries[len(shown)]])) <= LISTED:
        shown.append(entries[len(shown)])
    if len(shown) < len(entries):
        more = len(entries) - len(shown)
        # Translators: after a list of checkpoints.
        shown.append(plural("… and {number} more", "… and {number} more", more, number=whole(more)))
    # Translators: the title of a page.
    embed = discord.Embed(title=_("Checkpoints"), description="\n\n".join([*lines, *shown]), colour=COLOUR)
    if can_control:
        embed.set_footer(text=str(HINT))
    return Reply(embed)


def _entry(one: CheckpointDescription) -> str:
    # Translators: of a checkpoint that no command uses by itself: people can choose it.
    for_whom = commands(one.status) or _("to choose from")
    how = [state(one)]
    if one.status.requests:
        # Translators: the number of requests that use a checkpoint now.
        how.append(_("used by {number}", number=whole(one.status.requests)))
    return f"**{name_of(one.status, NAME)}** · {for_whom}\n{' · '.join(how)}"


def progress_sentence(verb: str, status: CheckpointStatus, description: CheckpointDescription) -> str:
    """Return what is under way with a checkpoint: `verb` is "Loading" or "Unloading"."""
    name = f"**{name_of(status, NAME)}**"
    if verb == "Unloading":
        using = description.status.requests
        if not using:
            return _("Unloading {checkpoint} …", checkpoint=name)
        return plural(
            "Unloading {checkpoint}, which {number} request uses …",
            "Unloading {checkpoint}, which {number} requests use …",
            using,
            checkpoint=name,
            number=whole(using),
        )
    if description.status.phase is Phase.READY:
        return _("Loading {checkpoint} …", checkpoint=name)
    # Translators: {state} is such as "loading, about 3 s left".
    return _("Loading {checkpoint}: {state} …", checkpoint=name, state=state(description))


def maintenance_page(notice: Notice | None, now: float) -> Reply:
    """Render whether there is a maintenance, and what people read meanwhile."""
    if notice is None:
        return Reply(discord.Embed(title=str(TITLE), description=str(OFF), colour=COLOUR))
    sentence = fit_markdown(sentence_of(notice, now), 1_000)
    embed = discord.Embed(title=str(TITLE), description=f"{ON}\n> {sentence}", colour=PAUSED)
    return Reply(embed.set_footer(text=str(WHILE)))
