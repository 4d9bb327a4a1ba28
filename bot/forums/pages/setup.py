"""The settings of a forum as one page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import discord

from bot.forums.components import (
    DRY_RUN,
    LOG,
    MODE,
    MOST,
    REPORT,
    TAG,
    THRESHOLD,
    ForumButton,
    ForumChannelMenu,
    ForumMenu,
)
from bot.forums.pages.names import tag_name
from bot.forums.pages.report import within
from bot.forums.question import label_of
from bot.locales.lists import joined
from bot.locales.message import Message, _, later, plural
from bot.locales.numbers import percent
from bot.replies.components.buttons import Action
from bot.replies.formatting.text import escape, fit, visible
from bot.replies.reply import Colour
from bot.servers.topics.forums import MOST_TAGS, ForumMode, ForumSettings, TagSettings

Layout = discord.ui.LayoutView
Text = discord.ui.TextDisplay[Any]
Row = discord.ui.ActionRow[Any]

THRESHOLDS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
MODES = {
    # Translators: what happens to new posts; at most 100 characters each.
    ForumMode.OFF: (later("Off"), later("New posts stay as they are")),
    ForumMode.PROPOSE: (later("Only propose"), later("The author or a moderator adds the tags with a button")),
    ForumMode.APPLY: (later("Apply"), later("Tags that fit are added at once; moderated tags are never")),
}
LONGEST_TAGS = 2_400
"""Units of the list of tags; Discord allows 4,000 on the whole page."""
NO_TAGS = later("This forum has no tags yet. Add some in its settings at Discord, under **Tags**.")
READS_ALL = later(
    "Glassbox reads the title and the first message of each new post, and asks `/zeroshot` about every tag."
)
READS_TITLES = later(
    "Glassbox reads **only the title** of each new post: without Discord's Message Content Intent it does not see "
    "the message. Whoever runs this bot can turn it on with MESSAGE_CONTENT."
)
LOG_READERS = later("Whoever reads the log can open the text of a post with **Show the work**.")


def setup_page(forum: discord.ForumChannel, settings: ForumSettings, *, reads_messages: bool) -> Layout:
    """Return the page. Every menu shows what is set now."""
    view = Layout(timeout=None)
    heading = _("Forum tags in {forum}", forum=forum.mention)
    title = f"## {heading}\n{_introduction(forum, reads_messages)}"
    parts: list[discord.ui.Item[Any]] = [Text(title)]
    if missing := _missing(forum, settings):
        parts.append(Text(missing))
    parts += [
        discord.ui.Separator(),
        Text(f"**{MODE.label}**"),
        Row(ForumMenu.of(MODE, forum.id, _modes(settings))),
        _setting(THRESHOLD, _("A higher threshold gives fewer tags, and fewer wrong ones.")),
        Row(ForumMenu.of(THRESHOLD, forum.id, threshold_options(settings.threshold))),
        _setting(MOST, _("Counted with the tags that the author has chosen, which always stay.")),
        Row(ForumMenu.of(MOST, forum.id, _mosts(settings))),
        _log_heading(),
        Row(ForumChannelMenu.of(LOG, forum.id, settings.log_channel, _("No log"))),
    ]
    if forum.available_tags:
        menu = ForumMenu.of(TAG, forum.id, _tags(forum))
        parts += [discord.ui.Separator(), Text(_tag_list(forum, settings)), Row(menu)]
        parts.append(Row(ForumButton.of(DRY_RUN, forum.id), ForumButton.of(REPORT, forum.id)))
    view.add_item(discord.ui.Container(*parts, accent_colour=Colour.ZEROSHOT))
    return view


def _setting(action: Action, about: str) -> Text:
    return Text(f"**{action.label}**\n-# {about}")


def _log_heading() -> Text:
    # Translators: {log} is the word "Log" in bold.
    title = _("{log}: where to tell what was added", log=f"**{LOG.label}**")
    return Text(f"{title}\n-# {LOG_READERS}")


def threshold_options(chosen: float, notes: Sequence[str] = ()) -> list[discord.SelectOption]:
    """Return the thresholds to choose from, with the chosen one among them.

    Args:
        notes: a description of each of `THRESHOLDS`.
    """
    described = dict(zip(THRESHOLDS, notes, strict=False))
    return [
        discord.SelectOption(
            label=_from(one), value=f"{one:.2f}", description=described.get(one), default=one == chosen
        )
        for one in sorted({*THRESHOLDS, chosen})
    ]


def _from(threshold: float) -> str:
    """Return a threshold, with a digit behind the point if it has one."""
    digits = 0 if round(threshold * 100, 6).is_integer() else 1
    # Translators: a threshold, such as "From 72.5 %".
    return _("From {share}", share=percent(threshold, digits))


def _introduction(forum: discord.ForumChannel, reads_messages: bool) -> Message:
    if not forum.available_tags:
        return NO_TAGS
    return READS_ALL if reads_messages else READS_TITLES


def _missing(forum: discord.ForumChannel, settings: ForumSettings) -> str:
    """Return a sentence about the permissions that the bot lacks; empty if it has them all."""
    mine = forum.permissions_for(forum.guild.me)
    # Translators: permissions, as Discord calls them in your language.
    needed = {_("View Channel"): mine.view_channel, _("Read Message History"): mine.read_message_history}
    needed[_("Manage Threads")] = mine.manage_threads
    if settings.mode is ForumMode.PROPOSE:
        needed[_("Send Messages in Posts")] = mine.send_messages_in_threads
        needed[_("Embed Links")] = mine.embed_links
    lacking = [f"**{name}**" for name, has in needed.items() if not has]
    sentences = []
    if lacking:
        sentence = _(
            "I lack {permissions} here. Somebody who manages the forum can allow me that.", permissions=joined(lacking)
        )
        sentences.append(f"⚠ {sentence}")
    channel = None if settings.log_channel is None else forum.guild.get_channel(settings.log_channel)
    if settings.log_channel is not None and channel is None:
        sentence = _("The log's channel was deleted, or I do not see it.")
        sentences.append(f"⚠ {sentence}")
    return "\n".join(sentences)


def _modes(settings: ForumSettings) -> list[discord.SelectOption]:
    return [
        discord.SelectOption(label=str(label), value=mode.value, description=str(about), default=mode is settings.mode)
        for mode, (label, about) in MODES.items()
    ]


def _mosts(settings: ForumSettings) -> list[discord.SelectOption]:
    return [
        discord.SelectOption(label=plural("{count} tag", "{count} tags", n), value=str(n), default=n == settings.most)
        for n in range(1, MOST_TAGS + 1)
    ]


def _tag_list(forum: discord.ForumChannel, settings: ForumSettings) -> str:
    """Return a line for each tag: what the model reads, and what was set."""
    heading = _("Tags ({number})", number=len(forum.available_tags))
    title = f"**{heading}**"
    lines = [f"- {escape(tag_name(forum, tag.id))}{_about(tag, settings)}" for tag in forum.available_tags]
    shown = within(LONGEST_TAGS, [title, *lines])
    return "\n".join(shown if len(shown) > len(lines) else [*shown, "- …"])


def _about(tag: discord.ForumTag, settings: ForumSettings) -> str:
    own = settings.of_tag(tag.id)
    label = label_of(tag, settings)
    # Translators: what is said of a tag, with · between the parts.
    facts: list[str] = []
    if not own.used:
        return " · " + _("not used")
    if label is None:
        facts.append(_("no words in its name: describe it"))
    if own.description:
        facts.append(_("read as “{description}”", description=escape(own.description)))
    if own.threshold is not None:
        # Translators: the threshold of a tag, such as "from 80 %".
        facts.append(_("from {share}", share=percent(round(own.threshold * 100) / 100, 0)))
    if tag.moderated:
        facts.append(_("moderated: only proposed"))
    return "".join(f" · {fact}" for fact in facts)


def _tags(forum: discord.ForumChannel) -> list[discord.SelectOption]:
    options = []
    for tag in forum.available_tags:
        label = fit(tag_name(forum, tag.id), 100, visible)[0].strip() or str(tag.id)
        options.append(discord.SelectOption(label=label, value=str(tag.id)))
    return options


def tag_settings_text(own: TagSettings) -> str:
    """Return a tag's own threshold as a person types it; empty for none."""
    return "" if own.threshold is None else f"{own.threshold * 100:g}"
