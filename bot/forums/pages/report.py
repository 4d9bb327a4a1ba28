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
from bot.locales.message import _, later, plural
from bot.locales.numbers import whole
from bot.replies.components.buttons import view_of
from bot.replies.formatting.text import bold, fit, units
from bot.replies.reply import Colour, Reply

LONGEST = 4_000
"""UTF-16 units of an embed's description; Discord allows 4,096."""
NOTHING = later("No post has been judged here yet. Switch forum tags on with **Setup**, or try a **dry run** first.")
UNDECIDED = later(
    "Nobody has decided about a tag yet. **Add** and **No, thanks** under a post do so, and so does changing its tags."
)
HOW = later(
    "Right (precision): of the tags that I gave, those that nobody has removed or dismissed; an applied tag that "
    "nobody has looked at counts as right. Found (recall): of the tags that posts have, those that I gave or "
    "would have given; a missing tag is only known where somebody has added it. In brackets: the cases, and the "
    "95 % interval (Wilson)."
)


def report(
    forum: discord.ForumChannel, posts: int, tallies: Mapping[int, TagTally]
) -> tuple[Reply, discord.ui.View | None]:
    """Return the report about some posts.

    Args:
        posts: how many were judged.
    """
    embed = discord.Embed(title=fit(_("Forum tags of #{forum}", forum=forum.name), 200)[0], colour=Colour.ZEROSHOT)
    view = view_of({}, [ForumButton.of(SETUP, forum.id)])
    if not posts:
        embed.description = str(NOTHING)
        return Reply(embed), view
    overall = total(tallies.values())
    lines = [
        plural(
            "{number} post judged in the last 180 days.",
            "{number} posts judged in the last 180 days.",
            posts,
            number=whole(posts),
        ),
        str(UNDECIDED)
        if overall.has_no_cases
        # Translators: two shares, such as "83 % (10 of 12; 55 to 95 %)".
        else _("All tags: right {right}, found {found}.", right=said(overall.precision), found=said(overall.recall)),
        "",
        *tag_lines(forum, tallies),
    ]
    embed.description = "\n".join(within(LONGEST, lines))
    embed.set_footer(text=str(HOW))
    return Reply(embed, drawing=drawing("forum-tags", forum, tallies, _("Tags that fit"))), view


def tag_lines(forum: discord.ForumChannel, tallies: Mapping[int, TagTally]) -> list[str]:
    """Return a line for each tag that has cases."""
    lines: list[str] = []
    for tag in ranked(tallies):
        one = tallies[tag]
        if one.has_no_cases:
            parts = [_("no cases yet")]
        else:
            # Translators: two shares, such as "83 % (10 of 12; 55 to 95 %)".
            parts = [_("right {right} · found {found}", right=said(one.precision), found=said(one.recall))]
        if one.open:
            parts.append(plural("{count} undecided", "{count} undecided", one.open))
        # Translators: a tag, and how it has done.
        lines.append(_("{tag}: {outcome}", tag=bold(tag_name(forum, tag)), outcome=" · ".join(parts)))
    return lines


def within(limit: int, lines: Sequence[str]) -> list[str]:
    """Return as many lines as fit into so many UTF-16 units."""
    lengths = accumulate(units(line) + 1 for line in lines)
    return [line for line, length in zip(lines, lengths, strict=True) if length <= limit]
