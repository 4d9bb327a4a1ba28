"""The proposal under a post."""

from __future__ import annotations

import discord

from bot.forums.components import ADD, DISMISS, ForumButton
from bot.forums.pages.names import LONGEST_BUTTON, known, said, tag_name
from bot.forums.record import PostRecord, TagState
from bot.inference.requests import LabelScore
from bot.locales.message import _, later
from bot.replies.components.buttons import RequestButton, view_of
from bot.replies.components.press import Item
from bot.replies.formatting.text import fit, visible
from bot.replies.reply import Colour, Draft
from bot.replies.work.offer import SHOW_WORK
from bot.servers.topics.forums import MOST_TAGS

QUESTION = later("Do these tags fit?")
ANSWERED = later("Tags of this post")
WHO = later("The author of the post and moderators can add them.")


def proposal(
    forum: discord.ForumChannel, post: int, record: PostRecord
) -> tuple[discord.Embed, discord.ui.View | None]:
    """Return the message with the tags that were proposed, and with buttons for those that nobody has decided."""
    open_tags = known(forum, record.those(TagState.PROPOSED))
    added = known(forum, record.those(TagState.APPLIED))
    draft = Draft(Colour.ZEROSHOT, str(QUESTION if open_tags else ANSWERED))
    draft.lines = [score_bars(draft, forum, record, open_tags)] if open_tags else []
    if added:
        draft.lines += ["", _("Added: {tags}.", tags=said(forum, added))]
    if rejected := known(forum, record.those(TagState.REJECTED)):
        draft.lines += ["", _("Not added: {tags}.", tags=said(forum, rejected))]
    if open_tags:
        draft.lines += ["", _who_may(forum, open_tags)]
    embed = discord.Embed(title=draft.title, description="\n".join(draft.lines).strip() or None, colour=draft.colour)
    return embed.set_footer(text=record.footer or None), _view(forum, post, record, open_tags)


def score_bars(draft: Draft, forum: discord.ForumChannel, record: PostRecord, tags: list[int]) -> str:
    """Return a bar for each of some tags."""
    scores = [LabelScore(tag_name(forum, tag), record.tags[tag].score or 0.0) for tag in tags]
    return draft.bars(scores, bold=len(scores))


def work_button(record: PostRecord) -> list[Item]:
    """Return the button Show the work, if the request behind it was kept."""
    if not record.work:
        return []
    custom_id = f"glassbox:{SHOW_WORK.name}:{record.work}"
    return [RequestButton(discord.ui.Button(label=SHOW_WORK.label, style=SHOW_WORK.style, custom_id=custom_id))]


def add_button(forum: discord.ForumChannel, post: int, tag: int) -> ForumButton:
    """Return the button that adds a proposed tag."""
    # Translators: a button, at most 80 characters with the name.
    label = fit(_("Add {tag}", tag=tag_name(forum, tag)), LONGEST_BUTTON, visible)[0]
    return ForumButton.of(ADD, post, tag=tag, label=label, style=discord.ButtonStyle.primary)


def _who_may(forum: discord.ForumChannel, tags: list[int]) -> str:
    moderated = [tag for tag in tags if (found := forum.get_tag(tag)) is not None and found.moderated]
    if not moderated:
        return f"*{WHO}*"
    only = _("Only moderators can add {tags}.", tags=said(forum, moderated))
    return f"*{WHO}* *{only}*"


def _view(forum: discord.ForumChannel, post: int, record: PostRecord, open_tags: list[int]) -> discord.ui.View | None:
    items: list[Item] = [add_button(forum, post, tag) for tag in open_tags[:MOST_TAGS]]
    if len(items) > 1:
        items.append(ForumButton.of(ADD, post))
    if items:
        items.append(ForumButton.of(DISMISS, post))
    return view_of({}, [*items, *work_button(record)])
