"""All pages of `/settings`, in order."""

from __future__ import annotations

from bot.replies.settings.access import AccessPage
from bot.replies.settings.answers import AnswersPage
from bot.replies.settings.chat import ChatPage
from bot.replies.settings.checkpoints import CheckpointsPage
from bot.replies.settings.forum_tags import ForumTagsPage
from bot.replies.settings.page import OutdatedPage, TopicPage
from bot.replies.settings.quotas import QuotasPage
from bot.replies.settings.reactions import ReactionsPage
from bot.replies.settings.retention import RetentionPage

PAGES: tuple[TopicPage, ...] = (
    AnswersPage(),
    AccessPage(),
    CheckpointsPage(),
    QuotasPage(),
    ChatPage(),
    ReactionsPage(),
    ForumTagsPage(),
    RetentionPage(),
)


def page_of(name: str) -> TopicPage:
    """Return the page of a name.

    Raises:
        OutdatedPage: there is none.
    """
    for page in PAGES:
        if page.name == name:
            return page
    raise OutdatedPage
