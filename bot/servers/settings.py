"""All settings of a server."""

from __future__ import annotations

from bot.servers.topics.access import AccessSettings
from bot.servers.topics.answers import AnswerSettings
from bot.servers.topics.chat import ChatSettings
from bot.servers.topics.checkpoints import CheckpointSettings
from bot.servers.topics.forums import ForumTagSettings
from bot.servers.topics.quotas import QuotaSettings
from bot.servers.topics.reactions import ReactionSettings
from bot.servers.topics.retention import RetentionSettings
from bot.servers.topics.topic import Topic


class ServerSettings(Topic):
    """What a server has set. In direct messages and group channels the defaults hold."""

    access: AccessSettings = AccessSettings()
    answers: AnswerSettings = AnswerSettings()
    chat: ChatSettings = ChatSettings()
    checkpoints: CheckpointSettings = CheckpointSettings()
    quotas: QuotaSettings = QuotaSettings()
    reactions: ReactionSettings = ReactionSettings()
    forum_tags: ForumTagSettings = ForumTagSettings()
    retention: RetentionSettings = RetentionSettings()

    @property
    def translates_flags(self) -> bool:
        """Whether flags translate: not where answers are private, because a reaction can have none."""
        return self.reactions.translate and not self.answers.private
