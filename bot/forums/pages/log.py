"""The entries of the log: what was applied to which post."""

from __future__ import annotations

import discord

from bot.forums.components import UNDO, ForumButton
from bot.forums.pages.names import known, said
from bot.forums.pages.proposal import add_button, score_bars, work_button
from bot.forums.record import PostRecord, TagState
from bot.replies.components.buttons import view_of
from bot.replies.components.press import Item
from bot.replies.formatting.text import escape
from bot.replies.reply import Colour, Draft

TITLE = 200
NOT_ALLOWED = "Discord does not let me change this post's tags. Allow me **Manage Threads** in {}."
NOT_DONE = "Discord has not taken these tags, so the post stays as it is."


def entry(
    forum: discord.ForumChannel,
    thread: discord.Thread,
    record: PostRecord,
    *,
    by: discord.abc.User | None = None,
    refused: str | None = None,
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
    draft.lines = [f"{thread.mention} by <@{thread.owner_id}> in {forum.mention}", ""]
    if applied:
        who = "Applied" if by is None else f"Accepted by {by.mention}"
        draft.lines += [f"{who}:" if refused is None else "To be applied:", score_bars(draft, forum, record, applied)]
    if refused is not None:
        draft.lines += ["", refused]
    if open_tags:
        draft.lines += ["", "For moderators to decide:", score_bars(draft, forum, record, open_tags)]
    if rejected:
        draft.lines += ["", f"Removed again: {said(forum, rejected)}."]
    if chosen:
        draft.lines += ["", f"Chosen by people: {said(forum, chosen)}."]
    embed = discord.Embed(title=draft.title, description="\n".join(draft.lines), colour=draft.colour)
    embed.url = thread.jump_url
    items: list[Item] = [add_button(forum, thread.id, tag) for tag in open_tags]
    if applied and refused is None:
        items.append(ForumButton.of(UNDO, thread.id))
    return embed.set_footer(text=record.footer or None), view_of({}, [*items, *work_button(record)])
