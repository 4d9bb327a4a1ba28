"""The two formats of a log line: plain text for a terminal, and JSON for programs.

Neither writes an attribute of a record that is not named here. Libraries for JSON logs write all of them, and those of
aiohttp's records, for example, hold addresses and paths.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime

TEXT_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
OURS = ("bot", "cogs")
"""Packages whose lines are written unchanged, at the configured level."""


class PlainText(logging.Formatter):
    """One line of text, with the request's id at its end."""

    def __init__(self) -> None:
        super().__init__(TEXT_FORMAT)

    def format(self, record: logging.LogRecord) -> str:
        request = _whose(record).get("request_id")
        return f"{super().format(record)} [{request}]" if request else super().format(record)


class JsonLines(logging.Formatter):
    """One JSON object: `time` (UTC), `level`, `logger`, `event`, whose request it is, and the line's own fields.

    Our lines have fields of their own as `extra={"fields": {…}}`.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
        }
        line |= {name: value for name, value in _whose(record).items() if value}
        if is_ours(record.name):
            line |= getattr(record, "fields", {})
        return json.dumps(line, ensure_ascii=False)


def is_ours(logger: str) -> bool:
    """Return whether a logger is of this project."""
    return logger.partition(".")[0] in OURS


def _whose(record: logging.LogRecord) -> Mapping[str, str]:
    """Return whose request a record is about, as `bot.logs.Discreet` has found it (see `bot.request_ids`)."""
    return getattr(record, "glassbox_whose", {})


def formatter(name: str) -> logging.Formatter:
    """Return the formatter of a setting: `text` or `json`."""
    return JsonLines() if name == "json" else PlainText()
