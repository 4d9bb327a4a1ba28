from __future__ import annotations

import logging

import pytest

from bot.logs import LOGGERS_WITH_TRACEBACKS, KindOnly, keep_texts_out_of_the_log

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


def test_other_records_stay_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    keep_texts_out_of_the_log()
    logging.getLogger("discord.client").warning("two\n%s", "lines")

    assert caplog.messages == ["two\nlines"]
