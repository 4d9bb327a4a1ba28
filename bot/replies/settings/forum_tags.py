"""The page that leads to `/forum-tags`, where each forum is set up by those who manage it."""

from __future__ import annotations

from collections.abc import Iterator

from bot.locales.message import _, later
from bot.replies.components.press import Item
from bot.replies.settings.controls import Choice, small, text
from bot.replies.settings.page import Change, OutdatedPage, Shown, TopicPage
from bot.servers.topics.forums import ForumMode

ABOUT = later(
    "Each forum has its own tags, so it is set up where it is: run **/forum-tags setup** in the forum or one of its "
    "posts. That needs the permission Manage Channels there. A dry run over the last posts comes first, which changes "
    "nothing."
)
WITHOUT_INTENT = later(
    "Discord shows me the text of new posts only with its Message Content intent, which whoever runs this bot has "
    "not switched on."
)


# Translators: what I do with the tags that fit a new post.
MODES = {ForumMode.PROPOSE: later("I propose tags"), ForumMode.APPLY: later("I apply tags")}
MOST_SHOWN = 20


class ForumTagsPage(TopicPage):
    """A pointer: there is nothing to set for a whole server."""

    name = "forum-tags"
    # Translators: a topic of /settings.
    title = later("Forum tags")
    # Translators: what is set on the page "Forum tags"; at most 100 characters.
    about = later("Tags that I propose or apply to new posts.")

    def items(self, shown: Shown) -> Iterator[Item]:
        yield text(ABOUT if shown.operator.message_content else f"{ABOUT}\n\n{WITHOUT_INTENT}")
        forums = shown.settings.forum_tags.forums.items()
        modes = [
            f"- <#{forum}>: {MODES[one.mode]}"
            for forum, one in forums
            if one.mode in MODES and shown.guild.get_channel(forum) is not None
        ]
        if modes:
            # Translators: a list of forums follows.
            yield text("\n".join([_("**Switched on in:**"), *modes[:MOST_SHOWN]]))
        else:
            yield text(_("**Switched on in:** no forum"))
        yield small(_("The page Access says in which forums I may do this at all."))

    def change(self, choice: Choice, shown: Shown) -> Change:
        raise OutdatedPage
