"""Sentences and quoted words, as each language puts them together."""

from __future__ import annotations

import pytest

from bot.inference.compute.device import Device
from bot.inference.task import HeadKind
from bot.locales.current import written_in
from bot.locales.lists import sentences
from bot.locales.marks import with_semicolons
from bot.pictures.wording import alt_text, quoted
from bot.replies.checkpoints.card import sentence_of
from bot.replies.checkpoints.workers_words import HEADS, REASONS, precision_in_words
from bot.replies.work.numbers import written
from bot.tasks.work.texts import spaced


def test_a_space_stands_between_sentences_where_the_language_has_one() -> None:
    assert sentences("One.", "", None, "Two.") == "One. Two."
    assert written(spaced("One.", None, "Two.")) == "One. Two."
    with written_in("ja"):
        assert sentences("一。", "二。") == written(spaced("一。", "二。")) == "一。二。"
        assert alt_text(["二。"], "一") == "一。二。"
    with written_in("hi"):
        assert sentences("एक।", "दो।") == "एक। दो।"


def test_clauses_are_set_apart_more_than_the_items_of_a_list_where_there_is_a_sign_for_that() -> None:
    assert with_semicolons(["a, b", "c"]) == "a, b; c"
    with written_in("ja"):
        assert with_semicolons(["一", "二"]) == "一、二"
    with written_in("hi"):
        assert with_semicolons(["एक", "दो"]) == "एक; दो"


def test_quotation_marks_are_those_of_the_language() -> None:
    assert quoted("love") == "“love”"
    with written_in("ja"):
        assert quoted("love") == "「love」"


def test_the_name_of_a_device_keeps_its_small_letter() -> None:
    with written_in("ja"):
        assert sentence_of("cpuで準備完了", ("cpu",)) == "cpuで準備完了。"
    assert sentence_of("ready on cpu", ("cpu",)) == "Ready on cpu."
    assert sentence_of("ready") == "Ready."


def test_all_that_a_worker_says_of_heads_and_precisions_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Device, "best_precision", "bfloat16")
    assert set(HEADS) == set(HeadKind)
    reasons = {
        Device(name, precision).reason_for(dtype)
        for name in ("cpu", "cuda:0", "mps")
        for precision in ("int8", "float32", "bfloat16", "float16")
        for dtype in ("bfloat16", "float32")
    }
    assert {one.partition(": ")[2] for one in reasons} <= set(REASONS)
    assert precision_in_words("float32: set by PRECISION") == "float32: set by PRECISION"
    assert precision_in_words("int8 where it fits") == "int8 where it fits"
    with written_in("ja"):
        assert precision_in_words("float32: set by PRECISION") == "float32：PRECISIONで設定"
