"""How well tags fit, as text and as a picture: of the report, and of a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import discord

from bot.forums.pages.names import tag_name
from bot.forums.precision import Share, TagTally
from bot.locales.message import _
from bot.locales.numbers import percent
from bot.pictures.shares import Estimate, Row, shares
from bot.replies.reply import Drawing

NO_BREAK_SPACE = "\u00a0"


def said(share: Share) -> str:
    """Return a share in words: "83 % (10 of 12; 55 to 95 %)"."""
    if share.value is None:
        return _("no cases yet")
    low, high = (round(100 * end) for end in share.interval)
    # Translators: a share, of how many cases it is, and its interval: "83 % (10 of 12; 55 to 95 %)".
    return _(
        "{percent} ({hits} of {cases}; {low} to {high})",
        percent=_percent(round(100 * share.value)),
        hits=share.hits,
        cases=share.cases,
        low=low,
        high=_percent(high),
    )


def _percent(number: int) -> str:
    return percent(number / 100, 0).replace(" ", NO_BREAK_SPACE)


def ranked(tallies: Mapping[int, TagTally]) -> list[int]:
    """Return the tags that have cases, those with the most first."""
    cases = {tag: one.precision.cases + one.recall.cases + one.open for tag, one in tallies.items()}
    return sorted((tag for tag, number in cases.items() if number), key=lambda tag: (-cases[tag], tag))


def drawing(name: str, forum: discord.ForumChannel, tallies: Mapping[int, TagTally], title: str) -> Drawing | None:
    """Return the picture of how tags have done; None if there are no cases."""
    tags = [tag for tag in ranked(tallies) if tallies[tag].precision.cases + tallies[tag].recall.cases]
    if not tags:
        return None
    rows = [
        Row(tag_name(forum, tag), (_estimate(tallies[tag].precision), _estimate(tallies[tag].recall))) for tag in tags
    ]
    note = _("The line is the 95 % interval (Wilson): with few posts it is long.")
    # Translators: the two series of a picture: how many given tags are right, and how many of all tags were found.
    series = (_("right (precision)"), _("found (recall)"))
    return Drawing(f"{name}.png", partial(shares, rows, series, title, note))


def _estimate(share: Share) -> Estimate:
    return Estimate(share.hits, share.cases, *share.interval)
