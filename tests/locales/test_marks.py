"""Quotation marks, and the marks between parts, in the language of whoever reads them."""

from __future__ import annotations

import gettext
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from bot.inference.task import HeadKind
from bot.locales import message
from bot.locales.current import written_in
from bot.locales.marks import in_quotes, later_in_quotes, with_colon, with_semicolons
from bot.pictures.wording import quoted
from bot.replies.checkpoints.workers_words import HEADS, head_in_words
from bot.replies.work.numbers import percent, written
from bot.tasks.work.wording import listed_with_and
from bot.tasks.work.wording import quoted as quoted_later
from bot.tasks.work.written_shares import WHITE_SPACE, named


class French(gettext.NullTranslations):
    """Marks with spaces, which are written as underscores here."""

    def gettext(self, message: str) -> str:
        known = {
            "“{text}”": "«_{text}_»",
            "{name}: {fact}": "{name}_: {fact}",
            "{before}; {part}": "{before}_; {part}",
            "white space": "blanc",
            "token classifier": "classifieur",
        }
        return known.get(message, message)


@pytest.fixture
def _french() -> Iterator[None]:
    with patch.object(message, "catalogue", lambda locale: French()), written_in("fr"):
        yield


def test_in_english() -> None:
    assert list(HEADS) == [kind.value for kind in HeadKind] == list(map(str, HEADS.values()))
    assert in_quotes("a") == str(later_in_quotes("a")) == quoted("a") == "“a”"
    assert with_semicolons(["a", "b, c", "d"]) == "a; b, c; d"
    assert with_semicolons([]) == ""
    assert with_colon("a", "b") == "a: b"
    assert percent(0.8312) == "83.1%"


@pytest.mark.usefixtures("_french")
def test_in_french() -> None:
    assert in_quotes("{a}") == str(later_in_quotes("{a}")) == quoted("{a}") == "«_{a}_»"
    assert with_semicolons(["a", "b, c", "d"]) == "a_; b, c_; d"
    assert with_colon("a", "b") == "a_: b"
    assert written(listed_with_and([quoted_later("a"), quoted_later("b")])) == "«_a_» et «_b_»"
    assert [written(named(word)) for word in (WHITE_SPACE, "a")] == ["blanc", "a"]
    assert [head_in_words(kind) for kind in ("token classifier", "of another version")] == [
        "classifieur",
        "of another version",
    ]
    assert percent(0.8312) == "83,1\N{NO-BREAK SPACE}%"
