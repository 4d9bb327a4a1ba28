"""What libraries log of exceptions, without their texts."""

from __future__ import annotations

import logging

from bot.errors import describe

LOGGERS_WITH_TRACEBACKS = (
    "asyncio",
    "discord.app_commands.tree",
    "discord.client",
    "discord.ext.commands.bot",
    "discord.ext.commands.cog",
    "discord.gateway",
    "discord.shard",
    "discord.state",
    "discord.ui.modal",
    "discord.ui.view",
)


class KindOnly(logging.Filter):
    """Lets an exception into the log by its kind and place, and keeps out its text, which may be somebody's message.

    For the loggers of libraries that log whole tracebacks.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
        if error is not None:
            # asyncio's further lines show the exception once more.
            record.msg, record.args = f"{record.getMessage().splitlines()[0]}: {describe(error)}", ()
            record.exc_info = record.exc_text = None
        return True


def keep_texts_out_of_the_log() -> None:
    """Let the libraries log errors as we do. Doing it again changes nothing."""
    for name in LOGGERS_WITH_TRACEBACKS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, KindOnly) for known in logger.filters):
            logger.addFilter(KindOnly())
