"""The page that leads to `/forum-tags`, where each forum is set up by those who manage it."""

from __future__ import annotations

from collections.abc import Iterator

from bot.replies.components.press import Item
from bot.replies.settings.controls import Choice, text
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage
from bot.servers.topics.forums import ForumMode

ABOUT = (
    "Each forum has its own tags, so it is set up where it is: run **/forum-tags setup** in the forum or one of its "
    "posts. That needs the permission Manage Channels there. A dry run over the last posts comes first, which changes "
    "nothing."
)
WITHOUT_INTENT = (
    "\n\nDiscord shows me the text of new posts only with its Message Content intent, which whoever runs this bot has "
    "not switched on."
)


MODES = {ForumMode.PROPOSE: "I propose tags", ForumMode.APPLY: "I apply tags"}
MOST_SHOWN = 20


class ForumTagsPage(TopicPage):
    """A pointer: there is nothing to set for a whole server."""

    name = "forum-tags"
    title = "Forum tags"
    about = "Tags that I propose or apply to new posts."

    def items(self, shown: Shown) -> Iterator[Item]:
        yield text(ABOUT + ("" if shown.operator.message_content else WITHOUT_INTENT))
        forums = shown.settings.forum_tags.forums.items()
        modes = [
            f"- <#{forum}>: {MODES[one.mode]}"
            for forum, one in forums
            if one.mode in MODES and shown.guild.get_channel(forum) is not None
        ]
        yield text("**Switched on in:**\n" + "\n".join(modes[:MOST_SHOWN]) if modes else "**Switched on in:** no forum")
        yield text("-# The page Access says in which forums I may do this at all.")

    def change(self, choice: Choice, shown: Shown) -> Change:
        raise OutdatedPage
