"""What a process writes to stderr: whose lines, from which level, in which form, and how it ends with an error."""

from __future__ import annotations

import json
import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from bot.log_formats import OURS
from bot.logs import log_to_stderr

SECRET = "swordfish"


@contextmanager
def begun(level: str, of_discord: str | None = None, style: str = "text") -> Iterator[None]:
    """A process that has begun to log; afterwards, logging is as it was. pytest's own handlers would be in the way."""
    root = logging.getLogger()
    hooks = [(sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook"), (warnings, "showwarning")]
    kept: list[tuple[Any, str]] = [*hooks, (logging, "_logRecordFactory")]
    kept += [(logging.getLogger(name), "level") for name in ("", "discord", "library", *OURS)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(root, "handlers", [])
        for owner, name in kept:
            patch.setattr(owner, name, getattr(owner, name))
        root.setLevel(logging.WARNING)
        log_to_stderr(level, of_discord, style)
        yield
    root.manager._clear_cache()  # type: ignore[attr-defined]


def levels() -> list[int]:
    return [logging.getLogger(name).level for name in ("", "discord", *OURS)]


@pytest.mark.parametrize(
    ("level", "of_discord", "expected"),
    [
        ("DEBUG", None, [logging.INFO, logging.INFO, logging.DEBUG, logging.DEBUG]),
        ("WARNING", None, [logging.WARNING] * 4),
        ("INFO", "ERROR", [logging.INFO, logging.ERROR, logging.INFO, logging.INFO]),
    ],
)
def test_levels(level: str, of_discord: str | None, expected: list[int]) -> None:
    with begun(level, of_discord):
        assert levels() == expected


def test_our_lines_are_written_at_any_level_and_those_of_libraries_from_info_on(capsys: Any) -> None:
    with begun("DEBUG"):
        logging.getLogger("library").setLevel(logging.DEBUG)
        for name in ("bot.part", "library"):
            for level in (logging.DEBUG, logging.INFO):
                logging.getLogger(name).log(level, "hello")
        written = [re.sub(r"^[-\d]+ [:,\d]+ ", "", line) for line in capsys.readouterr().err.splitlines()]
        assert written == ["DEBUG bot.part: hello", "INFO bot.part: hello", "INFO library: hello"]


def test_lines_are_json_if_the_operator_wants_it(capsys: Any) -> None:
    with begun("INFO", style="json"):
        logging.getLogger("library").info("%s and %d", SECRET, 2)
        assert json.loads(capsys.readouterr().err)["event"] == "… and 2"


def failed() -> RuntimeError:
    try:
        raise RuntimeError(SECRET)
    except RuntimeError as error:
        return error


def test_an_error_that_ends_the_process_is_told_with_its_frames_and_without_its_text(capsys: Any) -> None:
    with begun("INFO"):
        error = failed()
        sys.excepthook(RuntimeError, error, error.__traceback__)
        written = capsys.readouterr().err
        assert re.search(r" CRITICAL bot\.logs: an unexpected error: RuntimeError at test_stderr\.py:\d+", written)
        assert re.search(r'\n  File ".*test_stderr\.py", line \d+, in failed\n', written)
        assert "XX" not in written
        assert SECRET not in written


def test_control_c_is_told_as_ever(capsys: Any) -> None:
    with begun("INFO"):
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
        assert capsys.readouterr().err == "KeyboardInterrupt\n"


def test_an_error_that_ends_a_thread(capsys: Any) -> None:
    with begun("INFO"):
        for error in (failed(), SystemExit(), None):
            threading.excepthook(threading.ExceptHookArgs((type(error), error, None, None)))
        [line] = capsys.readouterr().err.splitlines()
        assert re.search(
            r" ERROR bot\.logs: a thread has ended with an error: RuntimeError at test_stderr\.py:\d+", line
        )


def test_an_error_that_could_not_be_raised(capsys: Any) -> None:
    with begun("INFO"):
        for error in (failed(), None):
            args: Any = SimpleNamespace(exc_value=error)
            sys.unraisablehook(args)
        [line] = capsys.readouterr().err.splitlines()
        assert re.search(
            r" ERROR bot\.logs: an error that could not be raised: RuntimeError at test_stderr\.py:\d+", line
        )


def test_warnings(capsys: Any) -> None:
    with begun("INFO"):
        warnings.showwarning(UserWarning(SECRET), UserWarning, "file.py", 7)
        [line] = capsys.readouterr().err.splitlines()
        assert line.endswith(" WARNING bot.logs: a library warns: UserWarning at file.py:7")
