"""`/chat`, and conversations with the bot by mention."""

from __future__ import annotations

from collections.abc import Mapping

from bot.servers.topics.topic import Topic


class ChatSettings(Topic):
    """How the bot converses.

    Attributes:
        mentions: whether it answers messages that mention it, and replies to its own.
        threads: whether a conversation that begins with a mention gets a thread of its own.
        other_bots: whether it answers other bots.
        system_prompt: told to the model before each conversation; empty for none.
        channel_prompts: instead of it, by the id of a channel.
    """

    mentions: bool = True
    threads: bool = False
    other_bots: bool = False
    system_prompt: str = ""
    channel_prompts: Mapping[int, str] = {}

    def prompt_in(self, *channel_ids: int | None) -> str:
        """Return the system prompt of a channel, given with those that contain it, the innermost first."""
        for channel_id in channel_ids:
            if channel_id is not None and (prompt := self.channel_prompts.get(channel_id)) is not None:
                return prompt
        return self.system_prompt
