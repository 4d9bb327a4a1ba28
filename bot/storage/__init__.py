"""The database, which outlives a restart of the bot: requests behind buttons, and conversations."""

from bot.storage.requests import KEPT_SECONDS, RequestStore

__all__ = ["KEPT_SECONDS", "RequestStore"]
