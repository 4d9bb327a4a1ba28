"""How far a picture of a channel is."""

from __future__ import annotations

import math

import discord

from bot.errors import seconds_in_words
from bot.inference.answering import Loading
from bot.replies.formatting.bars import bar_line
from bot.replies.pending import loading_notice
from bot.replies.reply import Colour

LEAST_SECONDS = 3.0
"""Of judging, before a rate says anything."""
LAST = "Everybody who waits for an answer comes first. Stop makes the picture of what has been judged by then."


def progress_embed(
    title: str, activity: str, done: int, number: int, seconds: float = 0.0, loading: Loading | None = None
) -> discord.Embed:
    """Return the message meanwhile.

    Args:
        title: in Markdown.
        seconds: since the first of them; 0 for no rate.
        loading: the checkpoint's progress, until it is loaded.
    """
    lines = [f"{activity}: {done:,} of {number:,}", bar_line(done / max(1, number), "")]
    if loading is not None:
        lines = [loading_notice(loading)]
    elif done and seconds >= LEAST_SECONDS:
        rate = done / seconds
        said = f"{rate:,.0f} a second" if rate >= 1 else f"{60 * rate:,.0f} a minute"
        lines.append(f"{said}, {seconds_in_words(math.ceil((number - done) / rate))} left")
    embed = discord.Embed(title=title, description="\n".join(lines), colour=Colour.SENTIMENT)
    return embed.set_footer(text=LAST)
