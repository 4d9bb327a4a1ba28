from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.errors import InvalidRequest, RequestForgotten, RequestOutOfReach
from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import LabelScore, Request
from bot.storage import KEPT_SECONDS, RequestStore
from bot.storage.tables import REQUESTS as REQUESTS_TABLE
from bot.tasks import all_tasks
from bot.tasks.answer import AnswerRequest
from bot.tasks.attention import AttentionRequest
from bot.tasks.attention_view import AttentionView, Heads
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.complete import CompleteRequest
from bot.tasks.entities import EntitiesRequest
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.guess import GuessRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.tokenize import TokenizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.request import WorkRequest
from bot.tasks.zeroshot import ZeroShotRequest
from tests.storage.conftest import Place

REQUESTS: list[Request[object]] = [
    SentimentRequest('I love to hate this course; "ça va" 😀\n'),
    FillRequest("The capital of ___ is <mask>.", 2),
    GenerateRequest("Once", 12, 2, 1.5, 0.9, 2**31 - 1),
    GenerateRequest("Once"),
    TranslateRequest("apples", "German", "French"),
    ZeroShotRequest("A film", ("sports", "politics"), True),
    EntitiesRequest("Anna sings in Oslo. 😀"),
    SimilarityRequest(("A cat sleeps.", "It rains.", "漢字"), ranked=False),
    AnswerRequest("Why?", 'Because it\'s "so".\nYes'),
    SummarizeRequest("alice: Hi\nbob: Ho", "short", messages=2, file="a.txt"),
    AttentionRequest("a", "translate", AttentionView(Part.CROSS, 2, Heads.ONE, 3), "b", "German", "French"),
    CompleteRequest("def a():\n\treturn '```'", "Python", 7, 0.0),
    ChatRequest("Why?", 2**62, "alice", (Exchange("bob", "Hi", "Ho"), Exchange("alice", "😀", "")), 1.5),
    TokenizeRequest(("apples are sour.", "  \t😀"), "fill"),
    WorkRequest.of(ZeroShotRequest("A 'film'", ("sports", "politics"), True)),
    WorkRequest.of(GenerateRequest("Once"), ((1, 2, 3), (4,))),
    replace(GuessRequest.of(FillRequest("A ___.")), options=(LabelScore("a", 0.25), LabelScore("b", 0.75))),
]


class Clock:
    """Tells the time that it is set to."""

    def __init__(self) -> None:
        self.now = 1_000_000_000.0

    def __call__(self) -> float:
        return self.now


def test_every_kind_of_request_is_tried() -> None:
    assert {type(request) for request in REQUESTS} == {task.request for task in all_tasks()}


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda one: type(one).__name__)
async def test_what_is_kept_is_found_after_a_restart(place: Place, request_: Request[object]) -> None:
    async with place.open() as store:
        identity = await store.keep(request_, person=2**63 - 1)
        assert await store.find(identity) == request_
    async with place.open() as store:
        found = await store.find(identity)

    assert found == request_
    assert hash(found) == hash(request_)


async def test_the_folder_is_made(tmp_path: Path) -> None:
    async with RequestStore.open(tmp_path / "new" / "folder" / "requests.sqlite3") as store:
        await store.keep(GenerateRequest("Once"), person=7)
    async with RequestStore.open(tmp_path / "new" / "folder" / "requests.sqlite3") as store:
        assert len(await store.database.rows(select(REQUESTS_TABLE))) == 1


async def test_in_memory() -> None:
    async with RequestStore.open(None) as store:
        identity = await store.keep(GenerateRequest("Once"), person=7)
        assert await store.find(identity) == GenerateRequest("Once")


async def test_an_unknown_id(place: Place) -> None:
    async with place.open() as store:
        with pytest.raises(RequestForgotten, match="after 30 days"):
            await store.find("nothing")


async def test_forgotten_after_thirty_days(place: Place) -> None:
    clock = Clock()
    async with place.open(now=clock) as store:
        old = await store.keep(GenerateRequest("old"), person=7)
        clock.now += 1
        new = await store.keep(GenerateRequest("new"), person=8)
        clock.now += KEPT_SECONDS - 1
        assert await store.find(old) == GenerateRequest("old")

        clock.now += 0.5
        with pytest.raises(RequestForgotten):
            await store.find(old)
        await store.find(new)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", '{"prompt": 5}', '{"prompt": "Once", "seed": "x"}', "\x01", '{"text": "of another kind"}'],
)
async def test_what_cannot_be_read_is_forgotten(place: Place, caplog: pytest.LogCaptureFixture, content: str) -> None:
    async with place.open() as store:
        identity = await store.keep(GenerateRequest("secretword"), person=7)
        await place.change("UPDATE requests SET content = :content", content=content)

        with pytest.raises(RequestForgotten):
            await store.find(identity)
    assert "a request that was kept cannot be read: ValidationError" in caplog.text


async def test_a_kind_that_is_gone(place: Place) -> None:
    async with place.open() as store:
        identity = await store.keep(GenerateRequest("Once"), person=7)
        await place.change("UPDATE requests SET kind = 'sing'")

        with pytest.raises(RequestForgotten):
            await store.find(identity)


async def test_what_is_not_allowed_any_more_is_told(place: Place) -> None:
    async with place.open() as store:
        identity = await store.keep(GenerateRequest("Once"), person=7)
        await place.change(
            "UPDATE requests SET content = :content", content='{"prompt": "Once", "max_new_tokens": 10000}'
        )

        with pytest.raises(InvalidRequest, match="max_new_tokens"):
            await store.find(identity)


async def test_many_at_once(place: Place) -> None:
    requests = [GenerateRequest(f"prompt {number}") for number in range(100)]
    async with place.open() as store:
        identities = await asyncio.gather(*(store.keep(request, person=1) for request in requests))
        found = await asyncio.gather(*map(store.find, identities))

    assert len(set(identities)) == 100
    assert found == requests


async def test_two_stores(place: Place) -> None:
    async with place.open() as one, place.open() as other:
        identities = await asyncio.gather(
            *(store.keep(GenerateRequest("Once"), person=1) for store in [one, other] * 10)
        )
        assert await one.find(identities[1]) == await other.find(identities[0])


@pytest.mark.parametrize("obstacle", ["no database", "a folder", "below a file"])
async def test_a_file_that_cannot_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture, obstacle: str) -> None:
    path = tmp_path / "requests.sqlite3"
    match obstacle:
        case "no database":
            path.write_bytes(b"something else" * 1_000)
        case "a folder":
            path.mkdir()
        case _:
            path.write_bytes(b"")
            path = path / "requests.sqlite3"
    async with RequestStore.open(path) as store:
        identity = await store.keep(GenerateRequest("Once"), person=1)
        assert await store.find(identity) == GenerateRequest("Once")
    assert "requests cannot be kept beyond a restart: " in caplog.text


async def test_a_database_that_breaks_costs_no_answer(place: Place, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with place.open() as store:
        await place.change("DROP TABLE words_in_requests", "DROP TABLE guesses", "DROP TABLE requests")

        # No button could find it, so it gets no id for one.
        assert await store.keep(GenerateRequest("Once"), person=1) == ""
        with pytest.raises(RequestOutOfReach):
            await store.find("of an earlier answer")
    error = "OperationalError" if place.dialect == "sqlite" else "ProgrammingError"
    assert f"a request cannot be kept: {error}" in caplog.text
