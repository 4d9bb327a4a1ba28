"""The overview in `/models`: all checkpoints, and the families' tasks."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.inference.checkpoints.catalogue import Family
from bot.inference.checkpoints.description import CheckpointDescription
from bot.replies.checkpoints.choice import handle_of
from bot.replies.checkpoints.state import (
    FAMILY_NAMES,
    FAMILY_PURPOSES,
    commands,
    family_name,
    listed_commands,
    listed_offers,
    name_of,
    state,
)
from bot.replies.components.buttons import MOST_OPTIONS
from bot.replies.formatting.quantities import in_millions
from bot.replies.formatting.text import fit, units, visible
from bot.replies.reply import Reply

COLOUR = 0x6B7FA8
# The longest of each, in units of UTF-16.
NAME = 80
LISTED = 3_400
OPTION = 100

HINT = "A checkpoint is loaded when one of its commands is used. Choose one below to see its layers."


def overview(descriptions: Sequence[CheckpointDescription]) -> Reply:
    """Render every checkpoint in three lines, then the families' tasks."""
    entries = [_entry(one) for one in descriptions]
    shown: list[str] = []
    while len(shown) < len(entries) and units("\n\n".join([*shown, entries[len(shown)]])) <= LISTED:
        shown.append(entries[len(shown)])
    if len(shown) < len(entries):
        shown.append(f"… and {len(entries) - len(shown)} more, which the option `checkpoint` finds")
    embed = discord.Embed(title="Models", description="\n\n".join(shown), colour=COLOUR)
    for family in Family:
        embed.add_field(name=FAMILY_NAMES[family].capitalize(), value=FAMILY_PURPOSES[family], inline=False)
    embed.set_footer(text=HINT)
    return Reply(embed)


def options(descriptions: Sequence[CheckpointDescription]) -> list[discord.SelectOption]:
    """Return the options of the menu under the overview."""
    return [
        discord.SelectOption(
            label=name_of(one.status, OPTION, visible),
            value=handle_of(one.status)[:OPTION],  # a task's name stays valid if its checkpoint changes
            description=fit(f"{family_name(one.family)} · {commands(one.status) or 'to choose'}", OPTION, visible)[0],
        )
        for one in descriptions[:MOST_OPTIONS]
    ]


def _entry(description: CheckpointDescription) -> str:
    status, parameters = description.status, description.parameters
    facts = [family_name(description.family)]
    if parameters is not None:
        facts.append(f"{in_millions(parameters)} parameters")
    use = f"For {listed_commands(status)}" if status.tasks else f"To choose for {listed_offers(status)}"
    return f"**{name_of(status, NAME)}**\n{' · '.join(facts)} · {state(description)}\n{use}"
