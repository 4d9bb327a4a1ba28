"""The topics of a channel as a reply."""

from __future__ import annotations

from functools import partial

import discord

from bot.channels.topics import LEAST, Topics
from bot.locales.message import _
from bot.locales.numbers import percent
from bot.pictures.stacked_shares import REST, Column, shares
from bot.replies.channels.facts import Place, counted_sentence, footer, note, ticks
from bot.replies.channels.survey import Facts
from bot.replies.channels.table import csv_file, moment
from bot.replies.formatting.bars import bar_line
from bot.replies.formatting.text import fit
from bot.replies.reply import LABEL, Colour, Drawing, Reply, TextFile

FILE, PICTURE = "topics.csv", "topics.png"


def title_of(place: Place) -> str:
    """Return the title, in Markdown."""
    # Translators: what people in a channel talk about; {channel} is its name.
    return _("Topics of {channel}", channel=place.markdown)


def render(place: Place, found: Topics, facts: Facts) -> Reply:
    """Render the picture, the share of each label, and how to read it; the file has the numbers."""
    total = sum(part.messages for part in found.parts) or 1
    numbers = [sum(part.numbers[index] for part in found.parts) for index in range(len(found.labels))]
    ranked = sorted(zip(found.labels, numbers, strict=True), key=lambda pair: -pair[1])
    unclear = sum(part.unclear for part in found.parts)
    bars = [bar_line(number / total, fit(label, LABEL)[0]) for label, number in ranked]
    lines = (*bars, bar_line(unclear / total, f"*{REST}*"), "", counted_sentence(facts))
    embed = discord.Embed(title=title_of(place), description="\n".join(lines), colour=Colour.ZEROSHOT)
    embed.add_field(name=_("How to read it"), value=_explanation(), inline=False)
    embed.set_footer(text=footer(facts))
    columns = [Column(part.numbers, part.unclear) for part in found.parts]
    draw = partial(
        shares,
        _("Topics of {channel}", channel=place.title),
        note(facts, found.timeline),
        found.labels,
        columns,
        ticks(found.timeline),
    )
    return Reply(embed, _table(found), drawing=Drawing(PICTURE, draw))


def _explanation() -> str:
    return _(
        # Translators: {share} is such as "50 %", and {rest} the name of a bar, "unclear".
        "A message counts for its likeliest label (zero-shot) if that has at least {share}; else it is {rest}. The "
        "grey bars say how many messages a bar stands for: shares of few messages say little. It is about the channel, "
        "not about anyone in it.",
        share=percent(LEAST, 0),
        rest=REST,
    )


def _table(found: Topics) -> TextFile:
    header = ("start", "end", "messages", *found.labels, str(REST))
    rows = [[moment(part.start), moment(part.end), part.messages, *part.numbers, part.unclear] for part in found.parts]
    return csv_file(FILE, header, rows)
