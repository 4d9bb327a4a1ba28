"""Keeps messages and tokens out of the log.

Libraries quote payloads, addresses and arguments, at any level. So only the harmless parts of their lines are logged:
the strings in their code, and numbers.
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
from typing import Any, TextIO

from bot.errors import describe
from bot.log_formats import OURS, formatter, is_ours
from bot.request_ids import command, person, request_id

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
MESSAGES_OF_C = (
    "Future exception was never retrieved",
    "Task exception was never retrieved",
    "Task was destroyed but it is pending!",
)
"""Messages of asyncio's C code, which `_constants` cannot find."""
LEFT_OUT = "…"


class KindOnly(logging.Filter):
    """Replaces an exception by its class and line, because its text may be somebody's message."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.exc_info, tuple) and record.exc_info[1] is not None:
            record.msg, record.args = record.getMessage().partition("\n")[0], ()  # asyncio's other lines show it too
        _describe_error(record)
        return True


class Discreet(logging.LogRecord):
    """A record that drops its secrets when it is created, so that no handler can write them."""

    def __init__(self, name: str, *arguments: Any, **named: Any) -> None:
        super().__init__(name, *arguments, **named)
        if not is_ours(name):
            self._keep_constants()
        _describe_error(self)
        # Now, because a handler may run in another context. In one attribute, whose name no library takes in `extra`.
        self.glassbox_whose = {"request_id": request_id.get(), "command": command.get(), "person": person.get()}

    def _keep_constants(self) -> None:
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
    """Make libraries log errors by class and line. A second call changes nothing."""
    for name in LOGGERS_WITH_TRACEBACKS:
        logger = logging.getLogger(name)
        if not any(isinstance(known, KindOnly) for known in logger.filters):
            logger.addFilter(KindOnly())


def log_to_stderr(level: str, of_discord: str | None = None, style: str = "text") -> None:
    """Write this process's log to stderr, without anything that people have written, at any level.

    Args:
        level: of our own lines; of libraries' lines too, but at least INFO.
        of_discord: another level for discord.py, whose warnings are irrelevant with a simulated Discord.
        style: `text` or `json`.
    """
    logging.setLogRecordFactory(Discreet)
    theirs = max(logging.INFO, logging.getLevelNamesMapping()[level])
    logging.basicConfig(level=theirs)
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter(style))
        handler.addFilter(lambda record: record.levelno >= theirs or is_ours(record.name))
    logging.getLogger("discord").setLevel(of_discord or theirs)
    for name in OURS:
        logging.getLogger(name).setLevel(level)
    # Python itself writes these to stderr.
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    warnings.showwarning = _warned


def _describe_error(record: logging.LogRecord) -> None:
    """Append an exception's class and line to a record's message, instead of its traceback."""
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if error is not None:
        record.msg, record.args = f"{record.getMessage()}: {describe(error)}", ()
    record.exc_info = record.exc_text = None


def _beginning(message: str) -> str:
    """Return the longest beginning of a message that is a string constant of the code that logs it."""
    return max(filter(message.startswith, (*MESSAGES_OF_C, *_constants())), key=len, default="")


def _constants() -> Iterator[str]:
    """Yield the string constants of the functions on this thread's stack."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield from (constant for constant in frame.f_code.co_consts if isinstance(constant, str))
        frame = frame.f_back


class _LeftOut:
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


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """Log an error that ends the process, with its traceback and without its text."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    lines = "".join(traceback.format_tb(trace))
    log.critical("an unexpected error: %s\n%s", describe(error), lines)


def _uncaught_in_thread(failed: threading.ExceptHookArgs) -> None:
    if failed.exc_value is not None and not isinstance(failed.exc_value, SystemExit):
        log.error("a thread has ended with an error: %s", describe(failed.exc_value))


def _unraisable(failed: sys.UnraisableHookArgs) -> None:
    if failed.exc_value is not None:
        log.error("an error that could not be raised: %s", describe(failed.exc_value))


def _warned(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    log.warning("a library warns: %s at %s:%d", category.__name__, filename, lineno)
