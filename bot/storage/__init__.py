"""The database, which outlives a restart of the bot: requests behind buttons, and conversations."""

from bot.storage.retention import KEPT_SECONDS
from bot.storage.requests import RequestStore

__all__ = ["KEPT_SECONDS", "RequestStore"]
