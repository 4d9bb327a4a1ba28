"""How far a picture of a channel is."""

from __future__ import annotations

import math

import discord

from bot.inference.answering import Loading
from bot.locales.message import _, later
from bot.locales.numbers import decimal, in_seconds, whole
from bot.replies.formatting.bars import bar_line
from bot.replies.pending import loading_notice
from bot.replies.reply import Colour

LEAST_SECONDS = 3.0
"""Of judging, before a rate says anything."""
# Translators: "Stop" is the label of the button below.
LAST = later("Everybody who waits for an answer comes first. Stop makes the picture of what has been judged by then.")


def progress_embed(
    title: str, said: str, done: int, number: int, seconds: float = 0.0, loading: Loading | None = None
) -> discord.Embed:
    """Return the message meanwhile.

    Args:
        title: in Markdown.
        said: how much has been done, in words.
        done: what that is in numbers, of `number`.
        seconds: since the first of them; 0 for no rate.
        loading: the checkpoint's progress, until it is loaded.
    """
    lines = [said, bar_line(done / max(1, number), "")]
    if loading is not None:
        lines = [loading_notice(loading)]
    elif done and seconds >= LEAST_SECONDS:
        rate = done / seconds
        lines.append(_rate(rate, in_seconds(math.ceil((number - done) / rate))))
    embed = discord.Embed(title=title, description="\n".join(lines), colour=Colour.SENTIMENT)
    return embed.set_footer(text=str(LAST))


def reading(done: int, number: int) -> str:
    """Say how many messages have been read."""
    return _("Reading messages: {done} of {number}", done=whole(done), number=whole(number))


def judging(done: int, number: int) -> str:
    """Say how many messages have been judged."""
    return _("Judging messages: {done} of {number}", done=whole(done), number=whole(number))


def _rate(rate: float, left: str) -> str:
    # Translators: messages, and the time until all are done, such as "2 minutes".
    if rate >= 1:
        return _("{rate} a second, {time} left", rate=decimal(rate, 0), time=left)
    return _("{rate} a minute, {time} left", rate=decimal(60 * rate, 0), time=left)
