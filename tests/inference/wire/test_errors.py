from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import errors
from bot.errors import (
    UNEXPECTED,
    DeadlinePassed,
    GlassboxError,
    HubUnreachable,
    InvalidRequest,
    ModelUnavailable,
    QueueFull,
    QuotaUsedUp,
    Refused,
    SettingsError,
    StillLoading,
    TooManyRequests,
    Unanswered,
)
from bot.inference.checkpoints.pool import EvictionNeeded
from bot.inference.wire.errors import code_of, decode_error, encode_error, plain_error
from bot.locales.current import written_in
from tests.locales.pseudo import marked

WITH_FIELDS = [
    QueueFull(12.5),
    TooManyRequests(3),
    QuotaUsedUp("3 answers an hour", 1.5e9),
    DeadlinePassed(0.5),
    StillLoading("tiny", 7.5),
    StillLoading("tiny", None),
    HubUnreachable(["a/b", "c"]),
    InvalidRequest("Say what to change, 😀."),
    ModelUnavailable("No checkpoint."),
    Refused("Not now."),
]
SPOKEN = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, (InvalidRequest, Refused, Unanswered, ModelUnavailable))
]


def assert_same(read: GlassboxError, error: GlassboxError) -> None:
    assert (type(read), str(read)) == (type(error), str(error))
    assert plain_error(read) == plain_error(error)
    with marked(), written_in("de"):  # so it can be translated here
        assert read.sentence == error.sentence


@pytest.mark.parametrize("error", WITH_FIELDS, ids=lambda error: type(error).__name__)
def test_an_error_with_fields_is_rebuilt(error: GlassboxError) -> None:
    assert_same(decode_error(encode_error(error)), error)
    assert_same(decode_error(b'{"error": %s}' % encode_error(error)), error)


def test_every_error_of_a_backend_is_rebuilt_as_its_class() -> None:
    made = {type(error): error for error in WITH_FIELDS}
    all_errors = [made.get(kind) or kind("A sentence.") for kind in SPOKEN]

    assert len(all_errors) >= 14
    for error in all_errors:
        assert_same(decode_error(encode_error(error)), error)
    assert len(set(map(code_of, all_errors))) == len(all_errors)


def test_an_errors_json_has_a_code_for_programs_and_a_sentence_for_people() -> None:
    assert json.loads(encode_error(QueueFull(12.5))) == {
        "code": "queue_full",
        "sentence": "Too many people are asking at once. Please try again in about 13 seconds.",
        "message": {
            "template": "Too many people are asking at once. Please try again in about {wait}.",
            "values": {"wait": {"form": "seconds", "value": 12.5}},
        },
        "wait": 12.5,
    }


def test_a_class_of_another_module_is_sent_as_what_it_derives_from() -> None:
    error = EvictionNeeded("tiny")
    read = decode_error(encode_error(error))

    assert (type(read), read.sentence) == (ModelUnavailable, error.sentence)


@pytest.mark.parametrize("error", [ValueError("/home/secret"), SettingsError("DISCORD_TOKEN"), KeyError("text")])
def test_nothing_is_told_of_other_errors(error: Exception) -> None:
    assert json.loads(encode_error(error)) == {
        "code": "unanswered",
        "sentence": str(UNEXPECTED),
        "message": {"template": UNEXPECTED.template, "values": {}},
    }


def test_an_unknown_code_keeps_its_sentence() -> None:
    read = decode_error('{"code": "of_a_later_version", "sentence": "Please wait.", "wait": 3}')

    assert (type(read), read.sentence) == (Unanswered, "Please wait.")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>502 Bad Gateway</html>",
        b"\xff",
        b"[]",
        b"null",
        b'{"error": 5}',
        b"{}",
        b'{"code": []}',
        b'{"code": "queue_full", "sentence": "a", "wait": "soon"}',
        b'{"code": "too_many_requests", "sentence": "a", "limit": 1e999}',
        b'{"code": "hub_unreachable", "sentence": 5}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_error_is_an_unexpected_one(data: bytes) -> None:
    read = decode_error(data)

    assert isinstance(read, GlassboxError)
    assert read.sentence == str(UNEXPECTED)


@given(
    st.recursive(
        st.none() | st.floats() | st.text(),
        lambda one: (
            st.lists(one)
            | st.dictionaries(st.sampled_from(["error", "code", "sentence", "wait", "limit", "seconds", "names"]), one)
        ),
    )
)
def test_reading_an_error_never_raises(found: Any) -> None:
    assert isinstance(decode_error(json.dumps(found)), GlassboxError)


def test_a_wait_without_end_is_json() -> None:
    error = QueueFull(1.0)
    error.wait = math.inf

    assert json.loads(encode_error(error), parse_constant=pytest.fail)["wait"] == "Infinity"
    assert vars(decode_error(encode_error(error)))["wait"] == math.inf
