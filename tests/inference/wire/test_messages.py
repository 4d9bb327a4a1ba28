from __future__ import annotations

import json
import pickle
from typing import Any

import pytest

from bot.errors import GlassboxError, HubUnreachable, InvalidRequest, QueueFull, TooManyRequests
from bot.inference.serving.messages import Failed
from bot.inference.task import HeadKind
from bot.inference.wire.errors import decode_error, encode_error
from bot.inference.wire.messages import LONGEST_SENTENCE, MOST_NAMES, MOST_VALUES, plain_message, read_message
from bot.locales.current import written_in
from bot.locales.message import Message, later, later_plural
from bot.locales.values import later_either, later_enumerated, later_exact, later_joined, later_language, later_seconds
from bot.tasks import all_tasks
from bot.tasks.fill import FillRequest
from bot.tasks.zeroshot import ZeroShotRequest
from tests.locales.pseudo import marked, unmarked

INSIDE = later("Inside {name}.", name="α")
MESSAGES = [
    later("Nothing is filled in: {}."),
    later("A number {number}, another {other}.", number=4, other=0.5),
    later("A time {time}.", time=later_seconds(70)),
    later("A share {share}.", share=later_exact(0.25)),
    later("Names: {names}.", names=later_joined(["a", INSIDE, "b"])),
    later("One of {names}.", names=later_either(["a", "b"])),
    later("All of {names}.", names=later_enumerated([later_language("de"), later_language("fr")])),
    later("Nested: {inside}", inside=INSIDE),
    later_plural("{count} thing of {name}.", "{count} things of {name}.", 3, name="{name}"),
    Message("Open", context="button"),
]


def sent(message: str | Message) -> str | Message:
    """Return a message as another process reads it."""
    return read_message(json.loads(json.dumps(plain_message(message))))


@pytest.mark.parametrize("message", MESSAGES, ids=lambda one: one.template)
def test_a_message_is_read_as_it_was_sent(message: Message) -> None:
    read = sent(message)

    assert str(read) == str(message)
    assert plain_message(read) == plain_message(message)
    with marked(), written_in("de"):
        assert str(read) == str(message)
        assert unmarked(str(read)) == ""


def test_what_no_catalogue_knows_is_shown_in_english() -> None:
    """Also if it would be a format that reaches into objects: it is never used as one."""
    attack = later("{x.__class__.__mro__} {x[0]} {x!r:>1000000000}")
    with written_in("de"):
        read = read_message(
            {
                "sentence": "As the other process has written it.",
                "message": {"template": attack.template, "values": {"x": "a"}},
            }
        )
        assert str(read) == "As the other process has written it."


@pytest.mark.parametrize(
    "values", [{}, {"name": 5, "further": "b"}, {"name": {"sentence": "In English.", "message": {"template": "x"}}}]
)
def test_values_of_another_version_do_not_hurt(values: dict[str, Any]) -> None:
    read = read_message({"sentence": "English.", "message": {"template": "For {name}: {number:.2f}", "values": values}})
    with marked(), written_in("de"):
        assert str(read) == "English."


def template(**values: Any) -> dict[str, Any]:
    return {"template": "a", "values": values}


def nested(depth: int) -> dict[str, Any]:
    one = template()
    for _ in range(depth):
        one = template(inside={"sentence": "s", "message": one})
    return one


@pytest.mark.parametrize(
    "message",
    [
        None,
        5,
        [],
        {},
        {"template": "a"},
        {"template": "", "values": {}},  # the header of a catalogue
        {"template": 5, "values": {}},
        {"template": "a", "values": {}, "other": 5},
        {"template": "a", "values": {}, "context": None},
        {"template": "a", "values": {}, "count": "many"},
        {"template": "a", "values": {}, "count": 2**80},
        template(**{f"v{index}": 1 for index in range(MOST_VALUES + 1)}),
        template(x=10**400),
        template(x=float("inf")),
        template(x=None),
        template(x=True),
        template(x=["a"]),
        template(x={"form": "joined", "value": ["a"] * (MOST_NAMES + 1)}),
        template(x={"form": "joined", "value": []}),
        template(x={"form": "joined", "value": [{"form": "joined", "value": ["a"]}]}),
        template(x={"form": "joined", "value": [5]}),
        template(x={"form": "seconds", "value": "long"}),
        template(x={"form": "unheard", "value": 5}),
        nested(3),
    ],
    ids=str,
)
def test_what_exceeds_a_bound_leaves_the_sentence(message: Any) -> None:
    with marked(), written_in("de"):
        assert read_message({"sentence": "English.", "message": message}) == "English."


def test_long_texts_are_cut() -> None:
    long = "a" * (LONGEST_SENTENCE + 1)
    read = read_message({"sentence": long, "message": template(x=long)})

    assert isinstance(read, Message)
    assert str(read) == "a" * LONGEST_SENTENCE
    assert read.values == {"x": "a" * LONGEST_SENTENCE}
    assert isinstance(read_message({"sentence": "s", "message": nested(2)}), Message)


def raised() -> list[GlassboxError]:
    """Return errors of all kinds of values."""
    errors: list[GlassboxError] = [QueueFull(70), TooManyRequests(1), TooManyRequests(3), HubUnreachable(["a"] * 20)]
    sentiment = next(task for task in all_tasks() if task.name == "sentiment")
    for make in (
        lambda: ZeroShotRequest("Text.", ("one",)),
        lambda: FillRequest("No blank here."),
        lambda: FillRequest("A ___.", top_k=2_000),
        lambda: sentiment.on(HeadKind.EMBEDDER),
    ):
        try:
            make()
        except GlassboxError as error:
            errors.append(error)
    return errors


@pytest.mark.parametrize("error", raised(), ids=str)
def test_errors_are_translated_in_the_process_that_shows_them(error: GlassboxError) -> None:
    over_http = decode_error(encode_error(error))
    over_ray = pickle.loads(pickle.dumps(Failed.of(error))).error()

    assert over_http.sentence == over_ray.sentence == str(over_ray) == error.sentence
    with marked(), written_in("de"):
        assert over_http.sentence == over_ray.sentence == error.sentence
        assert unmarked(over_http.sentence) == ""


def test_an_older_version_sends_no_message() -> None:
    read = decode_error('{"code": "invalid_request", "sentence": "Please shorten it."}')

    assert (type(read), read.sentence) == (InvalidRequest, "Please shorten it.")
