"""Which language a text is in. The labelled lines are `tests/bench/languages.toml`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.translation.language_detection import default_source, detect, unreadable
from tests.bench.detectors import CONTENDERS, Score, measure, read_lines

KNOWN = sorted({line.language for line in read_lines("test")})


def test_the_labelled_lines() -> None:
    for half in ("dev", "test"):
        lines = read_lines(half)
        assert len(lines) == 120
        assert {language: [one.language for one in lines].count(language) for language in KNOWN} == dict.fromkeys(
            KNOWN, 8
        )
    assert not {one.text for one in read_lines("dev")} & {one.text for one in read_lines("test")}


def test_how_often_it_is_right() -> None:
    """The numbers of docs/experiments/language-detection.md."""
    assert measure(CONTENDERS["Glassbox"](KNOWN), read_lines("test"))["all"] == Score(119, 120)


def test_who_is_sure_is_right() -> None:
    found = [(line, detect(line.text, KNOWN)) for line in read_lines("test")]
    sure = [(line, detection) for line, detection in found if detection.sure]
    assert len(sure) >= 95
    assert [line.text for line, detection in sure if detection.code != line.language] == []


def test_lines_in_a_language_that_nobody_reads() -> None:
    """Never of one that is read, and mostly of one that is not."""
    read = ("en", "de", "fr", "es")
    lines = read_lines("test")
    assert [line.text for line in lines if line.language in read and unreadable(line.text, read)] == []
    others = [line for line in lines if line.language not in read]
    assert sum(unreadable(line.text, read) is not None for line in others) >= 0.8 * len(others)


@pytest.mark.parametrize(
    ("text", "among", "code"),
    [
        ("Hola <@1>, mira esto: https://example.com/the/red/house", ["en", "es"], "es"),
        ("Guten Morgen `the quick brown fox`", ["en", "de"], "de"),
        ("I love apples.", ["en", "de", "nb"], "en"),
        ("HVA GJØR DU I KVELD", ["en", "sv", "nb"], "nb"),
        ("我的网又断了", ["en", "ja", "zh-Hans"], "zh-Hans"),
        ("cafe\u0301 au lait, s'il vous plai\u0302t", ["en", "fr"], "fr"),
        ("Kumusta ka na, kaibigan ko", ["en", "fil-Latn"], "fil-Latn"),
    ],
)
def test_what_has_no_language_is_not_read(text: str, among: list[str], code: str) -> None:
    assert detect(text, among).code == code


@pytest.mark.parametrize("text", ["ok", "123", "😀 <:cat:1>", "https://example.com", "`let x = 1`", "Paris"])
def test_nothing_tells(text: str) -> None:
    found = detect(text, ["de", "en", "es"])
    assert (found.code, found.told, found.sure, found.alternatives()) == ("en", False, False, ())
    assert unreadable(text, ["de"]) is None


def test_a_single_language_is_sure() -> None:
    assert detect("moin", ["de"]).sure
    assert detect("ok", ["de"]).sure


def test_the_default() -> None:
    assert default_source(["de", "en", "es"]) == "en"
    assert default_source(["fr", "de"]) == "de"


def test_at_most_two_alternatives() -> None:
    found = detect("no lo se", KNOWN)
    assert (found.code, found.sure) == ("it", False)
    assert [guess.code for guess in found.alternatives()] == ["es", "pt"]
    assert found.among(["es", "ar"]) is not None
    assert found.among(["xx"]) is None


@given(
    st.text(max_size=60), st.lists(st.sampled_from(["en", "de", "zh-Hans", "xx", "nb", "nn", "fil-Latn"]), min_size=1)
)
def test_any_text(text: str, among: list[str]) -> None:
    found = detect(text, among)
    assert {guess.code for guess in found.guesses} == set(among)
    assert sum(guess.probability for guess in found.guesses) == pytest.approx(1)
    assert [guess.probability for guess in found.guesses] == sorted(
        (guess.probability for guess in found.guesses), reverse=True
    )
    assert found == detect(text, among)
