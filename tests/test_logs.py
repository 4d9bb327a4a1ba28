from __future__ import annotations

import asyncio
import gc
import logging
import os
import re

import numpy
import pytest

from bot.log_formats import JsonLines, is_ours
from bot.logs import LOGGERS_WITH_TRACEBACKS, Discreet, KindOnly, keep_texts_out_of_the_log

SECRET = "swordfish"


def test_filters_are_added_once() -> None:
    keep_texts_out_of_the_log()
    keep_texts_out_of_the_log()

    for name in LOGGERS_WITH_TRACEBACKS:
        assert sum(isinstance(known, KindOnly) for known in logging.getLogger(name).filters) == 1


def test_what_asyncio_says_of_a_lost_exception(caplog: pytest.LogCaptureFixture) -> None:
    keep_texts_out_of_the_log()
    try:
        raise RuntimeError(SECRET)
    except RuntimeError as error:
        logging.getLogger("asyncio").error(f"never retrieved\nfuture: {error!r}", exc_info=error)

    assert SECRET not in caplog.text
    assert "never retrieved: RuntimeError at test_logs.py" in caplog.text


def test_nothing_is_told_of_an_exception_that_was_never_raised(caplog: pytest.LogCaptureFixture) -> None:
    """It has no traceback, and asyncio's message has as many lines as its callback."""
    keep_texts_out_of_the_log()
    logging.getLogger("asyncio").error(f"never retrieved\n{SECRET}\nfuture", exc_info=RuntimeError(SECRET))

    assert caplog.messages == ["never retrieved: RuntimeError"]


def test_a_line_of_json_is_readable() -> None:
    record = Discreet("bot.inference.worker", logging.INFO, "file.py", 1, "“ö” is loaded", (), None)
    assert '"event": "“ö” is loaded"' in JsonLines().format(record)


def test_whose_a_logger_is() -> None:
    assert list(map(is_ours, ("bot", "bot.inference.worker", "cogs.chat"))) == [True] * 3
    assert list(map(is_ours, ("", "bots.client", "discord.bot", "root"))) == [False] * 4


def test_other_records_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    keep_texts_out_of_the_log()
    logging.getLogger("discord.client").warning("two\n%s", "lines")

    assert caplog.messages == ["two\nlines"]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """What is logged as `log_to_stderr` has it logged, at any level."""
    monkeypatch.setattr(logging, "_logRecordFactory", Discreet)
    caplog.set_level(logging.DEBUG)
    return caplog


def secret() -> str:
    """In no function's constants."""
    return "sword" + os.environ.get("NONE", "") + "fish"


class TestDiscreet:
    def test_what_stands_in_the_code_is_told(self, told: pytest.LogCaptureFixture) -> None:
        logging.getLogger("library").warning("retrying in %.2f seconds, %d of %s", 1.25, 2, None)
        assert told.messages == ["retrying in 1.25 seconds, 2 of None"]

    def test_numbers_are_told_and_nothing_else(self, told: pytest.LogCaptureFixture) -> None:
        values = [secret(), secret().encode(), [secret()], {secret(): 1}, RuntimeError(secret())]
        for value in values:
            logging.getLogger("library.part").debug("%s and %r and %d", value, value, numpy.int64(3))
        logging.getLogger("library").info("%(url)s", {"url": secret()})
        assert told.messages == [*["… and … and 3"] * len(values), "…"]

    def test_what_was_put_together_is_told_to_its_first_value(self, told: pytest.LogCaptureFixture) -> None:
        logging.getLogger("library").warning(f"cannot read {secret()} there")
        logging.getLogger("library").warning(secret())
        logging.getLogger("library").warning(f"{secret()} %s", 1)
        assert SECRET not in told.text
        first, *others = told.messages
        assert first.startswith("cannot read … (test_logs.py:")
        assert all("… (test_logs.py:" in message for message in others)

    @pytest.mark.parametrize("name", ["library", "bot.client", "cogs.chat"])
    def test_an_error_is_told_by_its_kind_and_place(self, told: pytest.LogCaptureFixture, name: str) -> None:
        try:
            raise RuntimeError(secret())
        except RuntimeError:
            logging.getLogger(name).exception("it failed")
        assert re.fullmatch(r"it failed: RuntimeError at test_logs\.py:\d+ in \w+", told.messages[0])
        assert SECRET not in told.text

    def test_our_own_lines_stay_as_they_are(self, told: pytest.LogCaptureFixture) -> None:
        logging.getLogger("bot.client").info("%s: %s", "/fill", "QueueFull")
        assert told.messages == ["/fill: QueueFull"]

    async def test_what_asyncio_says(self, told: pytest.LogCaptureFixture) -> None:
        loop = asyncio.get_running_loop()
        failed = loop.create_future()
        failed.set_exception(RuntimeError(secret()))
        del failed
        gc.collect()
        loop.call_soon(secret().index, "x" + secret())
        await asyncio.sleep(0)
        assert "Future exception was never retrieved… " in told.text
        assert "RuntimeError" in told.text
        assert "Exception in callback …" in told.text
        assert "ValueError" in told.text
        assert SECRET not in told.text
