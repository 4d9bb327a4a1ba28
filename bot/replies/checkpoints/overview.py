"""The overview in `/models`: all checkpoints, and the families' tasks."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.inference.checkpoints.catalogue import Family
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.status import CheckpointStatus
from bot.locales.message import _, later, plural
from bot.locales.numbers import whole
from bot.replies.checkpoints.choice import handle_of
from bot.replies.checkpoints.layers import parameters_in_words
from bot.replies.checkpoints.state import (
    FAMILY_HEADINGS,
    FAMILY_PURPOSES,
    commands,
    family_name,
    listed_commands,
    listed_offers,
    name_of,
    state,
)
from bot.replies.components.buttons import MOST_OPTIONS
from bot.replies.formatting.text import fit, units, visible
from bot.replies.reply import Reply

COLOUR = 0x6B7FA8
# The longest of each, in units of UTF-16.
NAME = 80
LISTED = 3_400
OPTION = 100

HINT = later("A checkpoint is loaded when one of its commands is used. Choose one below to see its layers.")


def overview(descriptions: Sequence[CheckpointDescription]) -> Reply:
    """Render every checkpoint in three lines, then the families' tasks."""
    entries = [_entry(one) for one in descriptions]
    shown: list[str] = []
    while len(shown) < len(entries) and units("\n\n".join([*shown, entries[len(shown)]])) <= LISTED:
        shown.append(entries[len(shown)])
    if len(shown) < len(entries):
        shown.append(_left_out(len(entries) - len(shown)))
    embed = discord.Embed(title=_("Models"), description="\n\n".join(shown), colour=COLOUR)
    for family in Family:
        embed.add_field(name=str(FAMILY_HEADINGS[family]), value=str(FAMILY_PURPOSES[family]), inline=False)
    embed.set_footer(text=str(HINT))
    return Reply(embed)


def options(descriptions: Sequence[CheckpointDescription]) -> list[discord.SelectOption]:
    """Return the options of the menu under the overview."""
    return [
        discord.SelectOption(
            label=name_of(one.status, OPTION, visible),
            value=handle_of(one.status)[:OPTION],  # a task's name stays valid if its checkpoint changes
            description=fit(f"{family_name(one.family)} · {commands(one.status) or _to_choose()}", OPTION, visible)[0],
        )
        for one in descriptions[:MOST_OPTIONS]
    ]


def _entry(description: CheckpointDescription) -> str:
    status, parameters = description.status, description.parameters
    facts = [family_name(description.family)]
    if parameters is not None:
        facts.append(parameters_in_words(parameters))
    return f"**{name_of(status, NAME)}**\n{' · '.join(facts)} · {state(description)}\n{_use(status)}"


def _use(status: CheckpointStatus) -> str:
    if status.tasks:
        # Translators: a checkpoint answers these commands; {commands} is such as "`/chat`, `/generate`".
        return _("For {commands}", commands=listed_commands(status))
    if status.offered:
        # Translators: people can choose a checkpoint for these commands.
        return _("To choose for {commands}", commands=listed_offers(status))
    return _("To choose for the commands that its architecture can answer")


def _to_choose() -> str:
    # Translators: stands beside the family of a checkpoint that answers no command by itself, but can be chosen.
    return _("to choose")


def _left_out(number: int) -> str:
    # Translators: ends a list of checkpoints.
    return plural(
        "… and {number} more, which the option `checkpoint` finds",
        "… and {number} more, which the option `checkpoint` finds",
        number,
        number=whole(number),
    )
