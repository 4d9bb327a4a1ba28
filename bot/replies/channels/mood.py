"""The mood of a channel as a reply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import discord

from bot.channels.mood import LEVEL, STRETCH, Estimate, Moment, Mood
from bot.locales.message import _, plural
from bot.locales.numbers import percent, signed
from bot.pictures.mood import Mark, MoodPoint, mood
from bot.replies.channels.facts import Place, counted_sentence, footer, length_in_words, note, ticks
from bot.replies.channels.survey import Facts
from bot.replies.channels.table import csv_file, decimal, moment
from bot.replies.reply import Colour, Drawing, Reply, TextFile

FILE, PICTURE = "mood.csv", "mood.png"
SIGNS = {True: "123456789", False: "ABCDEFGHI"}
HEADER = ("start", "end", "messages", "mean", "smoothed_mean", "band_low", "band_high")
_SIDE = 0.05  # a mean nearer to 0 is on neither side


def title_of(place: Place) -> str:
    """Return the title, in Markdown."""
    # Translators: how people in a channel feel; {channel} is its name.
    return _("Mood of {channel}", channel=place.markdown)


def render(place: Place, found: Mood, facts: Facts) -> Reply:
    """Render the picture, the mean, the moments with links, and how to read it; the file has the numbers."""
    lines = (_overall(found.overall), counted_sentence(facts))
    embed = discord.Embed(title=title_of(place), description="\n".join(lines), colour=_colour(found.overall))
    for is_positive, moments in ((True, found.positive), (False, found.negative)):
        if moments:
            name = _("Most positive moments") if is_positive else _("Most negative moments")
            embed.add_field(name=name, value="\n".join(_links(place, moments, is_positive)), inline=False)
    embed.add_field(name=_("How to read it"), value=_explanation(found), inline=False)
    embed.set_footer(text=footer(facts))
    draw = partial(
        mood,
        _("Mood of {channel}", channel=place.title),
        note(facts, found.timeline),
        _pieces(found),
        [*_marks(found, True), *_marks(found, False)],
        [part.messages for part in found.parts],
        ticks(found.timeline),
    )
    return Reply(embed, _table(found), drawing=Drawing(PICTURE, draw))


def _overall(overall: Estimate) -> str:
    return _(
        # Translators: keep the asterisks; the band is a confidence interval.
        "**{mean}** on average ({share} band {low} to {high}), from −1 (negative) to +1 (positive).",
        mean=signed(overall.mean, 2),
        share=percent(LEVEL, 0),
        low=signed(overall.low, 2),
        high=signed(overall.high, 2),
    )


def _colour(overall: Estimate) -> int:
    if overall.low > _SIDE:
        return Colour.POSITIVE
    return Colour.NEGATIVE if overall.high < -_SIDE else Colour.SENTIMENT


def _links(place: Place, moments: Sequence[Moment], is_positive: bool) -> Iterator[str]:
    for sign, one in zip(SIGNS[is_positive], moments, strict=False):
        # Translators: a link to a message.
        link = f"[{_('go there')}]({place.link(one.message)})"
        yield f"**{sign}** {signed(one.value, 2)} · <t:{int(one.when)}:f> · {link}"


def _explanation(found: Mood) -> str:
    length = length_in_words(found.timeline.length)
    return plural(
        # Translators: {length} is a time, such as "1 day", and {share} "95 %". Keep the formulas.
        "Line: the mean of P(positive) − P(negative), smoothed (Gaussian window, σ = {length}). Band: its {share} "
        "interval at each moment (block bootstrap). A moment is {count} message by several people; its link leads to "
        "the first. It is the channel's mood, not anyone's own.",
        "Line: the mean of P(positive) − P(negative), smoothed (Gaussian window, σ = {length}). Band: its {share} "
        "interval at each moment (block bootstrap). A moment is {count} messages in a row by several people; its link "
        "leads to the first. It is the channel's mood, not anyone's own.",
        STRETCH,
        length=length,
        share=percent(LEVEL, 0),
    )


def _pieces(found: Mood) -> list[list[MoodPoint]]:
    """Return the curve in pieces, one after each gap."""
    pieces: list[list[MoodPoint]] = [[]]
    for point in found.curve:
        if (one := point.estimate) is not None:
            pieces[-1].append(MoodPoint(found.timeline.share(point.when), one.mean, one.low, one.high))
        elif pieces[-1]:
            pieces.append([])
    return [piece for piece in pieces if piece]


def _marks(found: Mood, is_positive: bool) -> list[Mark]:
    moments = found.positive if is_positive else found.negative
    return [
        Mark(found.timeline.share(one.when), sign, one.value, is_positive)
        for sign, one in zip(SIGNS[is_positive], moments, strict=False)
    ]


def _table(found: Mood) -> TextFile:
    rows = []
    for part in found.parts:
        band = (None, None, None) if (one := part.smoothed) is None else (one.mean, one.low, one.high)
        numbers = [decimal(value) for value in (part.mean, *band)]
        rows.append([moment(part.start), moment(part.end), part.messages, *numbers])
    return csv_file(FILE, HEADER, rows)
