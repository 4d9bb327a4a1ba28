"""The entries of the log: what was applied to which post."""

from __future__ import annotations

import discord

from bot.forums.components import UNDO, ForumButton
from bot.forums.pages.names import known, said
from bot.forums.pages.proposal import add_button, score_bars, work_button
from bot.forums.record import PostRecord, TagState
from bot.locales.message import Message, _, later
from bot.replies.components.buttons import view_of
from bot.replies.components.press import Item
from bot.replies.formatting.text import escape
from bot.replies.reply import Colour, Draft

TITLE = 200
NOT_ALLOWED = later("Discord does not let me change this post's tags. Allow me **Manage Threads** in {forum}.")
NOT_DONE = later("Discord has not taken these tags, so the post stays as it is.")


def entry(
    forum: discord.ForumChannel,
    thread: discord.Thread,
    record: PostRecord,
    *,
    by: discord.abc.User | None = None,
    refused: Message | None = None,
) -> tuple[discord.Embed, discord.ui.View | None]:
    """Return the entry about a post.

    Args:
        by: who has accepted the tags, if somebody has.
        refused: why Discord has not taken them.
    """
    applied, open_tags = (known(forum, record.those(state)) for state in (TagState.APPLIED, TagState.PROPOSED))
    chosen, rejected = (known(forum, record.those(state)) for state in (TagState.CHOSEN, TagState.REJECTED))
    draft = Draft(Colour.ZEROSHOT)
    draft.title = draft.fit(thread.name, TITLE, escape)
    author = f"<@{thread.owner_id}>"
    # Translators: a post, its author, and its forum.
    draft.lines = [_("{post} by {author} in {forum}", post=thread.mention, author=author, forum=forum.mention), ""]
    if applied:
        draft.lines += [_heading(by, refused), score_bars(draft, forum, record, applied)]
    if refused is not None:
        draft.lines += ["", str(refused)]
    if open_tags:
        draft.lines += ["", _("For moderators to decide:"), score_bars(draft, forum, record, open_tags)]
    if rejected:
        draft.lines += ["", _("Removed again: {tags}.", tags=said(forum, rejected))]
    if chosen:
        draft.lines += ["", _("Chosen by people: {tags}.", tags=said(forum, chosen))]
    embed = discord.Embed(title=draft.title, description="\n".join(draft.lines), colour=draft.colour)
    embed.url = thread.jump_url
    items: list[Item] = [add_button(forum, thread.id, tag) for tag in open_tags]
    if applied and refused is None:
        items.append(ForumButton.of(UNDO, thread.id))
    return embed.set_footer(text=record.footer or None), view_of({}, [*items, *work_button(record)])


def _heading(by: discord.abc.User | None, refused: Message | None) -> str:
    """Return what is said above the tags that fit."""
    if refused is not None:
        return _("To be applied:")
    # Translators: tags that were added to a post: by the bot, or because somebody has accepted them.
    return _("Applied:") if by is None else _("Accepted by {person}:", person=by.mention)
