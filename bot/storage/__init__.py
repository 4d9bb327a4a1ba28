"""The database, which outlives a restart of the bot: requests behind buttons, and conversations."""

from bot.storage.requests import RequestStore
from bot.storage.retention import KEPT_SECONDS

__all__ = ["KEPT_SECONDS", "RequestStore"]
