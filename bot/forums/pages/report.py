"""`/forum-tags report`: how often tags were right, by what people have corrected."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate

import discord

from bot.forums.components import SETUP, ForumButton
from bot.forums.dry_run import total
from bot.forums.pages.names import tag_name
from bot.forums.pages.outcome import drawing, ranked, said
from bot.forums.precision import TagTally
from bot.replies.components.buttons import view_of
from bot.replies.formatting.text import bold, fit, units
from bot.replies.reply import Colour, Reply

LONGEST = 4_000
"""UTF-16 units of an embed's description; Discord allows 4,096."""
NOTHING = "No post has been judged here yet. Switch forum tags on with **Setup**, or try a **dry run** first."
UNDECIDED = (
    "Nobody has decided about a tag yet. **Add** and **No, thanks** under a post do so, and so does changing its tags."
)
HOW = (
    "Right (precision): of the tags that I gave, those that nobody has removed or dismissed; an applied tag that "
    "nobody has looked at counts as right. Found (recall): of the tags that posts have, those that I gave or would "
    "have given; a missing tag is only known where somebody has added it. In brackets: the cases, and the 95 % "
    "interval (Wilson)."
)


def report(
    forum: discord.ForumChannel, posts: int, tallies: Mapping[int, TagTally]
) -> tuple[Reply, discord.ui.View | None]:
    """Return the report about some posts.

    Args:
        posts: how many were judged.
    """
    embed = discord.Embed(title=fit(f"Forum tags of #{forum.name}", 200)[0], colour=Colour.ZEROSHOT)
    view = view_of({}, [ForumButton.of(SETUP, forum.id)])
    if not posts:
        embed.description = NOTHING
        return Reply(embed), view
    overall = total(tallies.values())
    lines = [
        f"{posts:,} post{'' if posts == 1 else 's'} judged in the last 180 days.",
        UNDECIDED
        if overall.has_no_cases
        else f"All tags: right {said(overall.precision)}, found {said(overall.recall)}.",
        "",
        *tag_lines(forum, tallies),
    ]
    embed.description = "\n".join(within(LONGEST, lines))
    embed.set_footer(text=HOW)
    return Reply(embed, drawing=drawing("forum-tags", forum, tallies, "Tags that fit")), view


def tag_lines(forum: discord.ForumChannel, tallies: Mapping[int, TagTally]) -> list[str]:
    """Return a line for each tag that has cases."""
    lines: list[str] = []
    for tag in ranked(tallies):
        one = tallies[tag]
        waiting = f" · {one.open} undecided" if one.open else ""
        cases = "no cases yet" if one.has_no_cases else f"right {said(one.precision)} · found {said(one.recall)}"
        lines.append(f"{bold(tag_name(forum, tag))}: {cases}{waiting}")
    return lines


def within(limit: int, lines: Sequence[str]) -> list[str]:
    """Return as many lines as fit into so many UTF-16 units."""
    lengths = accumulate(units(line) + 1 for line in lines)
    return [line for line, length in zip(lines, lengths, strict=True) if length <= limit]
