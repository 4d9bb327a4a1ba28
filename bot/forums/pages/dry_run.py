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
from bot.locales.lists import enumerated
from bot.locales.message import _, later, plural
from bot.locales.numbers import percent
from bot.replies.components.buttons import view_of
from bot.replies.formatting.text import escape, fit, visible
from bot.replies.reply import Colour, Reply, TextFile
from bot.servers.topics.forums import ForumSettings
from bot.text.cells import cells

LONGEST_TITLE = 60
LONGEST_NOTE = 100
"""Characters of an option's description, by Discord's rules."""
SHOWN = 5
"""Posts in the message; all of them are in the file."""
NOT_COMPARED = later("No post has a tag yet, so there is nothing to compare with.")
UNCHANGED = later("Nothing was changed, and nobody was told.")
HOW = later(
    "Right: of the tags that posts would get, those that they have. Found: of the tags that they have, those "
    "that they would get. Posts without tags are not compared. In brackets: the cases, and the 95 % interval "
    "(Wilson)."
)


def dry_run_reply(
    forum: discord.ForumChannel, run: DryRun, settings: ForumSettings
) -> tuple[Reply, discord.ui.View | None]:
    """Return the outcome of a dry run, with a menu of other thresholds."""
    tallies = run.tally(settings)
    embed = discord.Embed(title=fit(_("Dry run in #{forum}", forum=forum.name), 200)[0], colour=Colour.ZEROSHOT)
    lines = [*_summary(run, settings), "", *_comparison(forum, run, settings), ""]
    embed.description = "\n".join(within(LONGEST, [*lines, *_examples(forum, run, settings)]))
    explained = [UNCHANGED, *([HOW] if any(post.tags for post in run.posts) else [])]
    embed.set_footer(text=f"{_footer(run)}\n{' '.join(map(str, explained))}")
    file = TextFile("dry-run.txt", visible(_listing(forum, run, settings)))
    notes = [_note(run, settings.model_copy(update={"threshold": one})) for one in THRESHOLDS]
    menu = ForumMenu.of(USE, forum.id, threshold_options(settings.threshold, notes))
    reply = Reply(embed, file, drawing=drawing("dry-run", forum, tallies, _("Tags that posts would get")))
    return reply, view_of({}, [menu, ForumButton.of(SETUP, forum.id)])


def _summary(run: DryRun, settings: ForumSettings) -> list[str]:
    given = [len(post.would_get(settings)) for post in run.posts]
    tagged = sum(bool(number) for number in given)
    lines = [
        _(
            # Translators: {tags} is such as "13 tags".
            "**{tagged} of {posts}** posts would get tags at a threshold of {threshold}: {tags} in all.",
            tagged=tagged,
            posts=len(run.posts),
            threshold=percent(round(100 * settings.threshold) / 100, 0),
            tags=_tags(sum(given)),
        )
    ]
    if run.left_out:
        lines.append(
            plural(
                "{count} left out, whose authors do not want tags by a model.",
                "{count} left out, whose authors do not want tags by a model.",
                run.left_out,
            )
        )
    if run.unjudged:
        lines.append(plural("{count} could not be judged.", "{count} could not be judged.", run.unjudged))
    return lines


def _comparison(forum: discord.ForumChannel, run: DryRun, settings: ForumSettings) -> list[str]:
    tallies = run.tally(settings)
    compared = sum(bool(post.tags) for post in run.posts)
    if not compared:
        return [str(NOT_COMPARED)]
    overall = total(tallies.values())
    return [
        plural(
            "Compared with the tags of one post: right {right}, found {found}.",
            "Compared with the tags of {count} posts: right {right}, found {found}.",
            compared,
            right=said(overall.precision),
            found=said(overall.recall),
        ),
        "",
        *tag_lines(forum, tallies),
    ]


def _examples(forum: discord.ForumChannel, run: DryRun, settings: ForumSettings) -> list[str]:
    lines = [_("The newest posts; all of them are in the file:")]
    for post in run.posts[:SHOWN]:
        title = fit(post.title, LONGEST_TITLE)[0].replace("]", "\\]")
        given = _names(forum, post.would_get(settings), post) or _("no tag")
        link = f"[{title}](https://discord.com/channels/{forum.guild.id}/{post.post})"
        if post.tags:
            # Translators: a post, the tags that it would get, and those that it has.
            said_of_it = _("{post}: {given} (has {tags})", post=link, given=given, tags=_plain(forum, post.tags))
        else:
            # Translators: a post, and the tags that it would get.
            said_of_it = _("{post}: {given}", post=link, given=given)
        lines.append(f"- {said_of_it}")
    return lines


def _names(forum: discord.ForumChannel, tags: Sequence[int], post: JudgedPost) -> str:
    return enumerated(f"**{escape(tag_name(forum, tag))}** {percent(post.scores[tag])}" for tag in tags)


def _plain(forum: discord.ForumChannel, tags: frozenset[int]) -> str:
    return escape(enumerated(sorted(tag_name(forum, tag) for tag in tags)))


def _note(run: DryRun, settings: ForumSettings) -> str:
    """Say what another threshold would give, in a menu's option."""
    given = sum(len(post.would_get(settings)) for post in run.posts)
    overall = total(run.tally(settings).values())
    parts = [_tags(given)]
    # Translators: at most 100 characters together with the next one: "13 tags, right 83 %, found 70 %".
    if overall.precision.value is not None:
        parts.append(_("right {share}", share=percent(round(100 * overall.precision.value) / 100, 0)))
    if overall.recall.value is not None:
        parts.append(_("found {share}", share=percent(round(100 * overall.recall.value) / 100, 0)))
    return fit(enumerated(parts), LONGEST_NOTE, visible)[0]


def _tags(number: int) -> str:
    return plural("one tag", "{count} tags", number) if number else _("no tag")


def _footer(run: DryRun) -> str:
    read = sum(post.has_message for post in run.posts)
    what = (
        plural("titles and one first message read", "titles and {count} first messages read", read)
        if read
        else _("only titles read")
    )
    return f"{run.checkpoint} · {what}" if run.checkpoint else what


def _listing(forum: discord.ForumChannel, run: DryRun, settings: ForumSettings) -> str:
    """Return every post with the tags that it has and would get, and with all scores."""
    lines = []
    for post in run.posts:
        scores = sorted(post.scores.items(), key=lambda one: -one[1])
        would_get = post.would_get(settings)
        lines += [
            post.title,
            *_table(
                # Translators: of a post, in a table: the tags that it has, those that it would get, and all scores.
                (_("has:"), enumerated(sorted(tag_name(forum, tag) for tag in post.tags)) or _("no tag")),
                (_("would get:"), enumerated(tag_name(forum, tag) for tag in would_get) or _("no tag")),
                (_("scores:"), enumerated(f"{tag_name(forum, tag)} {percent(score)}" for tag, score in scores)),
            ),
            "",
        ]
    return "\n".join(lines)


def _table(*rows: tuple[str, str]) -> list[str]:
    widest = max(cells(name) for name, _value in rows)
    return [f"  {name}{' ' * (widest - cells(name))} {value}" for name, value in rows]
