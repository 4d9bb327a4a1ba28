"""How the bot answers in a server."""

from __future__ import annotations

from bot.servers.topics.topic import Topic


class AnswerSettings(Topic):
    """Who sees answers, and in which language texts are translated if nobody says.

    Attributes:
        private: whether only the person who asks sees the answers.
        language: the code of the server's language; None for Discord's own setting of the server.
    """

    private: bool = False
    language: str | None = None
