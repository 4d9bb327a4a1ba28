"""`/forum-tags dry-run`: what would have happened."""

from __future__ import annotations

from collections.abc import Sequence

import discord

from bot.forums.components import SETUP, USE, ForumButton, ForumMenu
from bot.forums.dry_run import DryRun, JudgedPost, total
from bot.forums.pages.names import tag_name
from bot.forums.pages.outcome import drawing, said
from bot.forums.pages.report import LONGEST, tag_lines, within
from bot.forums.pages.setup import THRESHOLDS, threshold_options
from bot.replies.components.buttons import view_of
from bot.replies.formatting.bars import percent
from bot.replies.formatting.text import escape, fit, visible
from bot.replies.reply import Colour, Reply, TextFile
from bot.servers.topics.forums import ForumSettings
from bot.text.accepted import quantity

LONGEST_TITLE = 60
SHOWN = 5
"""Posts in the message; all of them are in the file."""
NOT_COMPARED = "No post has a tag yet, so there is nothing to compare with."
UNCHANGED = "Nothing was changed, and nobody was told."
HOW = (
    " Right: of the tags that posts would get, those that they have. Found: of the tags that they have, those that "
    "they would get. Posts without tags are not compared. In brackets: the cases, and the 95 % interval (Wilson)."
)


def dry_run_reply(
    forum: discord.ForumChannel, run: DryRun, settings: ForumSettings
) -> tuple[Reply, discord.ui.View | None]:
    """Return the outcome of a dry run, with a menu of other thresholds."""
    tallies = run.tally(settings)
    embed = discord.Embed(title=fit(f"Dry run in #{forum.name}", 200)[0], colour=Colour.ZEROSHOT)
    lines = [*_summary(run, settings), "", *_comparison(forum, run, settings), ""]
    embed.description = "\n".join(within(LONGEST, [*lines, *_examples(forum, run, settings)]))
    embed.set_footer(text=f"{_footer(run)}\n{UNCHANGED}{HOW if any(post.tags for post in run.posts) else ''}")
    file = TextFile("dry-run.txt", visible(_listing(forum, run, settings)))
    notes = [_note(run, settings.model_copy(update={"threshold": one})) for one in THRESHOLDS]
    menu = ForumMenu.of(USE, forum.id, threshold_options(settings.threshold, notes))
    reply = Reply(embed, file, drawing=drawing("dry-run", forum, tallies, "Tags that posts would get"))
    return reply, view_of({}, [menu, ForumButton.of(SETUP, forum.id)])


def _summary(run: DryRun, settings: ForumSettings) -> list[str]:
    given = [len(post.would_get(settings)) for post in run.posts]
    tagged = sum(bool(number) for number in given)
    lines = [
        f"**{tagged} of {len(run.posts)}** posts would get tags at a threshold of {round(settings.threshold * 100)} %: "
        f"{quantity(sum(given), 'tag')} in all."
    ]
    if run.left_out:
        lines.append(f"{run.left_out} left out, whose authors do not want tags by a model.")
    if run.unjudged:
        lines.append(f"{run.unjudged} could not be judged.")
    return lines


def _comparison(forum: discord.ForumChannel, run: DryRun, settings: ForumSettings) -> list[str]:
    tallies = run.tally(settings)
    compared = sum(bool(post.tags) for post in run.posts)
    if not compared:
        return [NOT_COMPARED]
    overall = total(tallies.values())
    return [
        f"Compared with the tags of {quantity(compared, 'post')}: right {said(overall.precision)}, "
        f"found {said(overall.recall)}.",
        "",
        *tag_lines(forum, tallies),
    ]


def _examples(forum: discord.ForumChannel, run: DryRun, settings: ForumSettings) -> list[str]:
    lines = ["The newest posts; all of them are in the file:"]
    for post in run.posts[:SHOWN]:
        has = f" (has {_plain(forum, post.tags)})" if post.tags else ""
        title = fit(post.title, LONGEST_TITLE)[0].replace("]", "\\]")
        given = _names(forum, post.would_get(settings), post) or "no tag"
        lines.append(f"- [{title}](https://discord.com/channels/{forum.guild.id}/{post.post}): {given}{has}")
    return lines


def _names(forum: discord.ForumChannel, tags: Sequence[int], post: JudgedPost) -> str:
    return ", ".join(f"**{escape(tag_name(forum, tag))}** {percent(post.scores[tag])}" for tag in tags)


def _plain(forum: discord.ForumChannel, tags: frozenset[int]) -> str:
    return escape(", ".join(sorted(tag_name(forum, tag) for tag in tags)))


def _note(run: DryRun, settings: ForumSettings) -> str:
    """Say what another threshold would give, in a menu's option."""
    given = sum(len(post.would_get(settings)) for post in run.posts)
    overall = total(run.tally(settings).values())
    shares = [
        f"{name} {round(100 * share.value)} %"
        for name, share in (("right", overall.precision), ("found", overall.recall))
        if share.value is not None
    ]
    return ", ".join([quantity(given, "tag"), *shares])


def _footer(run: DryRun) -> str:
    read = sum(post.has_message for post in run.posts)
    what = "only titles read" if not read else f"titles and {quantity(read, 'first message')} read"
    return f"{run.checkpoint} · {what}" if run.checkpoint else what


def _listing(forum: discord.ForumChannel, run: DryRun, settings: ForumSettings) -> str:
    """Return every post with the tags that it has and would get, and with all scores."""
    lines = []
    for post in run.posts:
        scores = sorted(post.scores.items(), key=lambda one: -one[1])
        lines += [
            post.title,
            f"  has:       {', '.join(sorted(tag_name(forum, tag) for tag in post.tags)) or 'no tag'}",
            f"  would get: {', '.join(tag_name(forum, tag) for tag in post.would_get(settings)) or 'no tag'}",
            f"  scores:    {', '.join(f'{tag_name(forum, tag)} {percent(score)}' for tag, score in scores)}",
            "",
        ]
    return "\n".join(lines)
