from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import InvalidRequest
from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import LabelScore, Request
from bot.inference.wire.codec import Codec, result_class
from bot.inference.wire.form import Unreadable
from bot.tasks import all_tasks
from bot.tasks.attention_view import AttentionView, Heads
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.fill import FillRequest
from bot.tasks.guess import TASKS as GUESSED
from bot.tasks.guess import GuessRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.request import WorkRequest
from tests.inference.wire.support import ATTENTION, COMMANDS

codec = Codec(all_tasks())

# Lone surrogates too, and plenty of what requests look for.
TEXTS = st.text(
    st.one_of(
        st.characters(codec=None, categories=("L", "M", "N", "P", "S", "Z", "C")),
        st.sampled_from("aé e\u0301`~_|,:\n\r\t\u200d\ufe0f😀\ud83d\udc00\u2028<>[]"),
    ),
    max_size=60,
)
NUMBERS = st.integers(1, 3)
FRACTIONS = st.floats(0.05, 1) | st.just(1)
IDS = st.lists(st.integers(), max_size=3).map(tuple)
LANGUAGES = st.one_of(st.sampled_from(["de", "German", "français", "zh-TW", "nb", "tlh"]), TEXTS)

FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "text": st.one_of(TEXTS, TEXTS.map("a ___ {}".format)),
    "texts": st.lists(TEXTS, max_size=4).map(tuple),
    "labels": st.lists(TEXTS, max_size=4).map(tuple),
    "top_k": NUMBERS,
    "max_new_tokens": NUMBERS,
    "num_return_sequences": NUMBERS,
    "seed": st.none() | st.integers(0, 2**31 - 1),
    "temperature": FRACTIONS,
    "top_p": FRACTIONS,
    "tail": IDS,
    "begun": st.lists(st.integers(0), max_size=2).map(tuple),
    "target": LANGUAGES,
    "source": LANGUAGES,
    "length": st.sampled_from(["short", "medium", "long"]),
    "messages": st.none() | st.integers(),
    "channel_id": st.integers(),
    "conversation": st.integers(),
    "history": st.lists(st.builds(Exchange, st.text(), st.text(), st.text()), max_size=3).map(tuple),
    "code": st.one_of(TEXTS, TEXTS.map("```py\n{}\n```".format), TEXTS.map("Look: ```{}``` it is".format)),
    "language": st.sampled_from(["", "py", "Python", "md", "c++"]),
    "task": st.sampled_from(["sentiment", "translate", "fill", "?"]),
    "view": st.sampled_from([AttentionView(), AttentionView(Part.CROSS, 2, Heads.ONE, 10**30)]),
}
OF_TYPES: dict[str, st.SearchStrategy[Any]] = {
    "str": TEXTS,
    "str | None": st.none() | TEXTS,
    "ChosenCheckpoint": st.none() | TEXTS,
    "bool": st.booleans(),
}

ABOUT_OTHERS = {"work", "guess"}
"""Tasks whose requests hold another one."""


def built(kind: type[Request[Any]]) -> st.SearchStrategy[Request[Any]]:
    """Requests of a class with any fields that it accepts."""
    strategies = {
        one.name: FIELDS[one.name] if one.name in FIELDS else OF_TYPES[str(one.type)]
        for one in dataclasses.fields(kind)
    }
    return (
        st.fixed_dictionaries(strategies).map(lambda fields: _built(kind, fields)).filter(lambda one: one is not None)
    )


def _built(kind: type[Request[Any]], fields: dict[str, Any]) -> Any:
    try:
        return kind(**fields)
    except InvalidRequest:
        return None


@pytest.mark.parametrize("task", [name for name in codec if name not in ABOUT_OTHERS])
def test_every_request_is_read_as_it_was_written(task: str) -> None:
    form = codec[task].request

    @given(built(codec[task].task.request))
    def as_written(request: Request[Any]) -> None:
        read = form.decode(form.encode(request))
        assert (type(read), read) == (type(request), request)

    as_written()


@given(st.data(), st.lists(IDS, max_size=2).map(tuple), st.booleans())
def test_every_request_for_an_explanation_is_read_as_it_was_written(
    data: st.DataObject, written: tuple[tuple[int, ...], ...], evidence: bool
) -> None:
    request = data.draw(st.one_of([built(codec[task].task.request) for task in codec if task not in ABOUT_OTHERS]))
    opened = dataclasses.replace(WorkRequest.of(request, written, (LabelScore("a", 0.1),)), evidence=evidence)
    form = codec["work"].request

    read = form.decode(form.encode(opened))
    assert isinstance(read, WorkRequest)
    assert (read, read.answered, read.about) == (opened, opened.answered, request)


def test_every_guess_is_read_as_it_was_written() -> None:
    options = (LabelScore("NEGATIVE", 0.25), LabelScore("POSITIVE", 0.75))
    form = codec["guess"].request
    for about in (*(one for one in COMMANDS if not isinstance(one, FillRequest)), FillRequest("a ___")):
        if (task := codec.task_of(about)) in GUESSED:
            asked = dataclasses.replace(GuessRequest.of(about), options=options)
            read = form.decode(form.encode(asked))
            assert isinstance(read, GuessRequest)
            assert (read, read.about, read.right, read.checkpoint_task) == (asked, about, 1, task)
        else:
            with pytest.raises(InvalidRequest, match="Please choose one of these commands"):
                GuessRequest.of(about)


def test_the_json_of_a_request_has_its_fields_and_nothing_else() -> None:
    for request in (*COMMANDS, *ATTENTION):
        found = json.loads(codec[codec.task_of(request)].request.encode(request))
        # Versions without these fields read the JSON of a request that does not use them.
        later = {"checkpoint", "begun"}
        assert list(found) == [field.name for field in dataclasses.fields(request) if field.name not in later]
        chosen = dataclasses.replace(request, checkpoint="gpt2")
        form = codec[codec.task_of(request)].request
        assert json.loads(form.encode(chosen)) == {**found, "checkpoint": "gpt2"}
        assert form.decode(form.encode(chosen)) == chosen


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("", "The body is not JSON that I can read."),
        ("{", "The body is not JSON that I can read."),
        ('{"text": "\\ud83d ___ a"}', "The body is not JSON that I can read."),
        ('{"text": "a ___", "top_k": ' + "9" * 5000 + "}", "The body is not JSON that I can read."),
        ("[" * 100_000, "The body is not JSON that I can read."),
        ("[]", "The body must be a JSON object with these fields: `text`, `top_k` and `checkpoint`."),
        ("null", "The body must be a JSON object with these fields: `text`, `top_k` and `checkpoint`."),
        ("{}", "The field `text` is missing."),
        ('{"text": 1}', "The field `text` cannot be read: input should be a valid string."),
        ('{"text": "a ___", "top_k": "5"}', "The field `top_k` cannot be read: input should be a valid integer."),
        ('{"text": "a ___", "top_k": 5.0}', "The field `top_k` cannot be read: input should be a valid integer."),
        ('{"text": "a ___", "top_k": true}', "The field `top_k` cannot be read: input should be a valid integer."),
        ('{"text": "a ___", "k": 5}', "There is no field `k`. The fields are `text`, `top_k` and `checkpoint`."),
        (
            '{"text": "a ___", "<b>@everyone": 5}',
            "There is no field `beveryone`. The fields are `text`, `top_k` and `checkpoint`.",
        ),
        ('{"text": "a ___", "top_k": 999}', "`top_k` must be from 1 to 10, and not 999."),
    ],
)
def test_a_body_that_is_no_request_is_refused_with_what_to_change(body: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest) as raised:
        codec["fill"].request.decode(body)
    assert raised.value.sentence == sentence
    assert raised.value.__cause__ is None  # pydantic's error quotes the body
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


@pytest.mark.parametrize(
    "fields",
    [
        {"task": "nothing", "content": "{}"},
        {"task": "work", "content": "{}"},
        {"task": "sentiment", "content": ""},
        {"task": "sentiment", "content": "{}"},
        {"task": "sentiment", "content": '{"text": 1}'},
    ],
)
def test_an_explanation_of_no_request_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        codec["work"].request.decode(json.dumps(fields))


def test_an_explanation_of_a_request_that_is_refused_is_refused_for_the_same_reason() -> None:
    with pytest.raises(InvalidRequest, match="The text is empty"):
        codec["work"].request.decode('{"task": "sentiment", "content": "{\\"text\\": \\"\\"}"}')


def test_what_json_cannot_hold_is_not_sent() -> None:
    with pytest.raises(Unreadable):
        codec["chat"].request.encode(ChatRequest("Why?", 1, "a", (Exchange("b", "\ud83d", ""),)))


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | TEXTS, lambda one: st.lists(one) | st.dictionaries(TEXTS, one)
    )
)
@example({"text": "a"})
def test_any_other_json_is_a_request_or_is_refused(found: Any) -> None:
    body = json.dumps(found)
    for task in codec:
        try:
            request = codec[task].request.decode(body)
        except InvalidRequest:
            continue
        assert isinstance(request, codec[task].task.request)


def test_each_request_says_what_it_is_answered_with() -> None:
    names = {task: result_class(codec[task].task.request).__name__ for task in codec}

    assert names["sentiment"] == "SentimentResult"
    assert names["work"] == "Explanation"
    assert len(set(names.values())) == len(codec)

    class Nothing(Request):  # type: ignore[type-arg]
        pass

    with pytest.raises(TypeError, match="Nothing"):
        result_class(Nothing)


def test_the_codec_knows_the_task_of_a_request() -> None:
    assert codec.task_of(SentimentRequest("a")) == "sentiment"
    assert len(codec) == len(all_tasks())
