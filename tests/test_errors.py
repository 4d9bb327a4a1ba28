from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.errors import GlassboxError, describe
from bot.locales.numbers import in_seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (-1, "1 second"),
        (0, "1 second"),
        (0.3, "1 second"),
        (1, "1 second"),
        (1.01, "2 seconds"),
        (59.5, "1 minute"),
        (60, "1 minute"),
        (75, "2 minutes"),
        (3_600, "60 minutes"),
    ],
)
def test_seconds_in_words(seconds: float, words: str) -> None:
    assert in_seconds(seconds) == words


@given(st.floats(0, 1e6))
def test_a_wait_never_ends_later_than_told(seconds: float) -> None:
    number, unit = in_seconds(seconds).split()
    assert int(number.replace(",", "")) * (60 if unit.startswith("minute") else 1) >= seconds


@pytest.mark.parametrize(
    "error",
    [
        errors.QueueFull(3.2),
        errors.TooManyRequests(4),
        errors.ShuttingDown(),
        errors.DeadlinePassed(120),
        errors.OutOfMemory(),
        errors.ModelFailed(),
        errors.HubUnreachable(["one", "two"]),
        errors.RequestForgotten(),
        errors.RequestOutOfReach(),
        errors.AlreadyEnded(),
        errors.SomebodyElses(),
        errors.InvalidRequest("Please shorten it."),
    ],
)
def test_every_error_carries_a_sentence(error: GlassboxError) -> None:
    assert error.sentence == str(error)
    assert error.sentence[0].isupper()
    assert error.sentence.endswith(".")


def test_the_tree_is_as_drawn() -> None:
    drawn = re.findall(r"^[│ ]*[├└]── (\w+)", errors.__doc__ or "", re.MULTILINE)
    classes = {name for name, one in vars(errors).items() if isinstance(one, type) and issubclass(one, GlassboxError)}
    assert {*drawn, "GlassboxError"} == classes


def secret() -> None:
    raise ValueError("somebody's text")


def test_descriptions_hold_no_text() -> None:
    with pytest.raises(ValueError, match="somebody") as caught:
        secret()
    described = describe(caught.value)
    assert described.startswith("ValueError at test_errors.py:")
    assert described.endswith("in secret")
    assert "somebody" not in described
    assert describe(KeyError("somebody")) == "KeyError"
