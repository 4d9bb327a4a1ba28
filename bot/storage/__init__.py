"""The database: requests behind buttons, and conversations. Both outlive a restart of the bot."""

from bot.storage.requests import KEPT_SECONDS, RequestStore

__all__ = ["KEPT_SECONDS", "RequestStore"]
