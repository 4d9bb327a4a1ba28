"""What is written into the log, by us and by libraries: never what people have written, nor a token.

Our own lines name kinds and places. Libraries' lines are another matter: they quote payloads, addresses and arguments,
at any level. So of theirs we let through what is known to be harmless, and do not look for what is harmful: what stands
in their code, and numbers.
"""

from __future__ import annotations

import logging
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Mapping
from numbers import Integral, Real
from types import FrameType, TracebackType
from typing import Any

from bot.errors import describe

log = logging.getLogger(__name__)

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
OURS = ("bot", "cogs")
"""The packages whose lines are written as they are, and at the level that is set."""
SAID_BY_C = (
    "Future exception was never retrieved",
    "Task exception was never retrieved",
    "Task was destroyed but it is pending!",
)
"""What asyncio says where no code in Python has the words."""
LEFT_OUT = "…"
FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class KindOnly(logging.Filter):
    """Lets an exception into the log by its kind and place, and keeps out its text, which may be somebody's message.

    For the loggers of libraries that log whole tracebacks.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            record.msg, record.args = record.getMessage().partition("\n")[0], ()  # asyncio's further lines show it, too
        _tell_kind(record)
        return True


class Discreet(logging.LogRecord):
    """A record that has forgotten what it must not tell as soon as it is made, so that no handler can write it."""

    def __init__(self, name: str, *arguments: Any, **named: Any) -> None:
        super().__init__(name, *arguments, **named)
        if not _is_ours(name):
            self._keep_what_stands_in_the_code()
        _tell_kind(self)

    def _keep_what_stands_in_the_code(self) -> None:
        said = str(self.msg)
        known = _beginning(said)
        if known != said:
            self.msg = f"{known.partition(chr(10))[0]}{LEFT_OUT} ({self.filename}:{self.lineno} in {self.funcName})"
            self.args = ()
        elif isinstance(self.args, Mapping):
            self.args = {name: _harmless(value) for name, value in self.args.items()}
        else:
            self.args = tuple(map(_harmless, self.args or ()))


def keep_texts_out_of_the_log() -> None:
    """Let the libraries log errors as we do. Doing it again changes nothing."""
    for name in LOGGERS_WITH_TRACEBACKS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, KindOnly) for known in logger.filters):
            logger.addFilter(KindOnly())


def log_to_stderr(level: str, of_discord: str | None = None) -> None:
    """Write this process's log, and nothing into it that people have written, whatever the level.

    Below INFO, libraries are not heard.

    Args:
        level: of our own lines, and of libraries' where it is INFO or higher.
        of_discord: another level for discord.py, which a simulated Discord makes warn of what does not matter there.
    """
    logging.setLogRecordFactory(Discreet)
    theirs = max(logging.INFO, logging.getLevelNamesMapping()[level])
    logging.basicConfig(level=theirs, format=FORMAT)
    for handler in logging.getLogger().handlers:
        handler.addFilter(lambda record: record.levelno >= theirs or _is_ours(record.name))
    logging.getLogger("discord").setLevel(of_discord or theirs)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    # What Python writes to stderr by itself.
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warned


def _is_ours(logger: str) -> bool:
    return logger.partition(".")[0] in OURS


def _tell_kind(record: logging.LogRecord) -> None:
    """Put an exception's kind and place behind a record's message, in place of its text."""
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is not None:
        record.msg, record.args = f"{record.getMessage()}: {describe(error)}", ()
    record.exc_info = record.exc_text = None


def _beginning(message: str) -> str:
    """The longest beginning of a message that stands in the code which logs it: all of it where it is a constant.

    What is put together of pieces may hold anything behind its first piece.
    """
    return max(filter(message.startswith, (*SAID_BY_C, *_constants())), key=len, default="")


def _constants() -> Iterator[str]:
    """The strings that stand in the functions which are running in this thread."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield from (constant for constant in frame.f_code.co_consts if isinstance(constant, str))
        frame = frame.f_back


class _LeftOut:
    """Stands in a line for what must not be told."""

    def __repr__(self) -> str:
        return LEFT_OUT


def _harmless(value: object) -> object:
    match value:
        case None | bool():
            return value
        case Integral():
            return int(value)
        case Real():
            return float(value)
        case _:
            return _LeftOut()


def _uncaught(kind: type[BaseException], error: BaseException, place: TracebackType | None) -> None:
    """The process ends: its code's lines are told, and not what it said."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, place)
        return
    lines = "".join(traceback.format_tb(place))
    log.critical("an error that nobody has foreseen: %s\n%s", describe(error), lines)


def _uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        log.error("a thread has ended with an error: %s", describe(failed.exc_value))


def _unraisable(failed: sys.UnraisableHookArgs) -> None:
    if failed.exc_value is not None:
        log.error("an error could be told to nobody: %s", describe(failed.exc_value))


def _warned(
    message: Warning | str, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    log.warning("a library warns: %s at %s:%d", category.__name__, filename, lineno)
