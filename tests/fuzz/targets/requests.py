"""Every constructor of a request, with any values of its fields; and the JSON that the API and the database read."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from pydantic import ValidationError

from bot.errors import InvalidRequest
from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.remote.events import EventParser
from bot.inference.requests import LabelScore, Request
from bot.inference.wire.codec import Codec
from bot.inference.wire.form import Unreadable
from bot.tasks import all_tasks
from bot.tasks.attention_view import AttentionView, Heads
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.commands import COMMANDS
from bot.tasks.fill import FillRequest
from bot.tasks.prompts.begun import Begun
from bot.tasks.work.request import WorkRequest, read_request, write_request
from bot.text.characters import whole_characters
from bot.text.label_list import parse_labels
from tests.fuzz.choices import Choices
from tests.fuzz.invariants import accepted
from tests.fuzz.target import by_name

Field = Callable[[Choices], Any]
VIEWS = (AttentionView(), AttentionView(Part.CROSS, 2, Heads.ONE, 10**30))
NAMES = ("en", "de", "French", "中文", "")


def _number(choices: Choices) -> int:
    return choices.number(-(2**31), 2**31)


def _small(choices: Choices) -> int:
    return choices.number(-1, 12)


def _fraction(choices: Choices) -> float:
    return choices.fraction()


def _text(choices: Choices) -> str:
    return choices.text()


def _whole(choices: Choices) -> str:
    return whole_characters(choices.text())


def _perhaps(field: Field, choices: Choices) -> Any:
    return field(choices) if choices.flag() else None


def _language(choices: Choices) -> str:
    return choices.one_of(NAMES) or choices.text()


def _begun(choices: Choices) -> Begun:
    return tuple(choices.number(0, 40) for _ in range(choices.number(0, 3)))


def _history(choices: Choices) -> tuple[Exchange, ...]:
    # What was kept was a request's text, or a model's.
    return tuple(Exchange("Ann", _whole(choices), _whole(choices)) for _ in range(choices.number(0, 2)))


FIELDS: Mapping[str, Field] = {
    "top_k": _small,
    "max_new_tokens": _small,
    "num_return_sequences": _small,
    "seed": partial(_perhaps, _number),
    "temperature": _fraction,
    "top_p": _fraction,
    "tail": lambda choices: (_number(choices),) * choices.number(0, 2),
    "target": _language,
    "source": _language,
    "source: str | None": partial(_perhaps, _language),
    "length": lambda choices: choices.one_of(("short", "medium", "long")),
    "messages": partial(_perhaps, _number),
    "channel_id": _number,
    "conversation": _number,
    "history": _history,
    "task": lambda choices: choices.one_of([task.name for task in COMMANDS]),
    "view": lambda choices: choices.one_of(VIEWS),
    "labels": lambda choices: parse_labels(choices.text()),
    "texts": lambda choices: tuple(choices.text().split("\0")),
}
"""By the names of fields whose types do not say enough."""
OF_TYPES: Mapping[str, Field] = {
    "str": _text,
    "str | None": partial(_perhaps, _text),
    "ChosenCheckpoint": partial(_perhaps, _whole),  # it was looked up before
    "Begun": _begun,
    "bool": Choices.flag,
}


@cache
def codec() -> Codec:
    """The JSON of all requests."""
    return Codec(all_tasks())


def construct(kind: type[Request[Any]], choices: Choices) -> None:
    """A request is refused by a sentence, or can be made again, written, kept, shown and continued."""
    values = {one.name: _field(one)(choices) for one in dataclasses.fields(kind)}
    request = accepted(lambda: kind(**values), refusals=InvalidRequest)
    if request is None:
        return
    assert dataclasses.replace(request) == request
    request.subject.encode()
    name = codec().task_of(request)
    assert codec()[name].request.decode(codec()[name].request.encode(request)) == request
    bare = dataclasses.replace(request, checkpoint=None)
    assert read_request(*write_request(bare)) == bare
    opened = WorkRequest.of(request, ((1,),), (LabelScore("a", 0.1),))
    assert opened.about == request
    if isinstance(request, FillRequest):
        assert len(request.parts) > 1
    if isinstance(request, ChatRequest):
        assert "\n" not in request.speaker


def _field(one: dataclasses.Field[Any]) -> Field:
    return FIELDS.get(f"{one.name}: {one.type}") or FIELDS.get(one.name) or OF_TYPES[str(one.type)]


def json_of_requests(choices: Choices) -> None:
    """JSON from elsewhere is a request, or is refused by a sentence that repeats none of it but names of fields."""
    forms = codec()[choices.one_of([task.name for task in COMMANDS])]
    data = choices.raw()
    request = accepted(lambda: _refused_or(lambda: forms.request.decode(data)), refusals=InvalidRequest)
    if request is not None:
        assert forms.request.decode(forms.request.encode(request)) == request
    try:
        answer = forms.answer.decode(data)
        assert forms.answer.encode(answer)
    except Unreadable:
        pass


def _refused_or(decode: Callable[[], Request[Any]]) -> Request[Any] | None:
    try:
        return decode()
    except ValidationError as error:  # of the request inside another one
        raise InvalidRequest("It is not a request.") from error


def events(choices: Choices) -> None:
    """A stream of events has the same events however it is divided, and no more than it may hold."""
    data, size = choices.raw(), choices.number(1, 40)
    whole = EventParser(10_000)
    parted = EventParser(10_000)
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    assert list(whole.feed(data)) == [event for chunk in chunks for event in parted.feed(chunk)]


TARGETS = {**by_name(json_of_requests, events), **{task.name: partial(construct, task.request) for task in COMMANDS}}
