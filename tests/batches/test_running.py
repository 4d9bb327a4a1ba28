"""Rows on their way, their speed, downloads, and which process has which file."""

from __future__ import annotations

import asyncio
import contextvars
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
import yarl
from aiohttp import web
from aiohttp.test_utils import TestServer

from bot.batches import asking
from bot.batches.asking import BUNDLE, LONGEST_CELL
from bot.batches.formats import Format
from bot.batches.job import outcomes_as_json, read_outcomes
from bot.batches.office import Office
from bot.batches.outcomes import Outcome
from bot.batches.plan import Command, Options, Plan
from bot.batches.progress import Meter
from bot.batches.reading import read_table
from bot.batches.results import answer_names
from bot.batches.running import BatchRun
from bot.batches.summary import summarised
from bot.errors import UNEXPECTED, DeadlinePassed, ModelFailed, ModelUnavailable, QueueFull, ShuttingDown
from bot.inference.backend import Backend
from bot.inference.requests import Answer, LabelScore
from bot.replies.bounded_download import read_start
from bot.storage.batches import BatchState
from bot.tasks.sentiment import SentimentResult
from tests.storage.conftest import Place
from tests.timers import PATIENCE

PLAN = Plan(Options(Command.SENTIMENT), "text")
GOOD = SentimentResult((LabelScore("GOOD", 0.9), LabelScore("BAD", 0.1)), False)


class Scripted:
    """A backend that answers each text with what it is told to, one after the other, and then well."""

    def __init__(self, **script: list[Exception]) -> None:
        self.asked: list[str] = []
        self._script = script

    def submit(self, request: Any, *, person: int, background: bool) -> Any:
        assert background
        self.asked.append(request.text)
        errors = self._script.get(request.text, [])
        error = errors.pop(0) if errors else None
        if isinstance(error, QueueFull | ShuttingDown):
            raise error

        async def answer() -> Answer[SentimentResult]:
            if error is not None:
                raise error
            return Answer(GOOD, "scripted", "cpu", "float32", 0.1)

        return answer()


def run_of(backend: Scripted, *texts: str, done: dict[int, Outcome] | None = None) -> BatchRun:
    table = read_table("\n".join(("text", *texts)).encode(), Format.CSV, header=True)
    return BatchRun(cast("Backend", backend), 1, table, PLAN, {} if done is None else done, lambda: 0.0)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "REFUSED_SECONDS", 0.0)


async def test_a_row_has_its_answer_or_says_why_not() -> None:
    backend = Scripted(
        full=[QueueFull(0.0), ShuttingDown()],
        late=[DeadlinePassed(1.0)],
        never=[DeadlinePassed(1.0)] * 3,
        broken=[ModelFailed()],
        odd=[RuntimeError("secret")],
    )
    run = run_of(backend, "fine", "full", "late", "never", "broken", "odd", "fine", "x" * (LONGEST_CELL + 1))
    await asyncio.wait_for(run.run(), PATIENCE)
    assert run.is_done
    errors = [run.outcomes[index].error for index in range(8)]
    assert errors[:3] == ["", "", ""]
    assert errors[3:6] == [DeadlinePassed(1.0).sentence, str(ModelFailed.SENTENCE), str(UNEXPECTED)]
    assert errors[6] == ""
    assert "40,001 characters" in errors[7]
    assert backend.asked.count("fine") == 1  # equal rows are asked once
    assert (backend.asked.count("full"), backend.asked.count("late"), backend.asked.count("never")) == (3, 2, 3)
    assert run.progress.faults == 4


class ScriptedBundles(Scripted):
    """The same for several texts at once, as a worker answers them: if one fails, all do."""

    def __init__(self, **script: list[Exception]) -> None:
        super().__init__(**script)
        self.bundles: list[list[str]] = []

    def submit_bundle(self, requests: Any, *, person: int) -> Any:
        texts = [request.text for request in requests]
        self.bundles.append(texts)
        errors = [self._script[text][0] for text in texts if self._script.get(text)]
        if errors and isinstance(errors[0], QueueFull):
            del self._script[next(text for text in texts if self._script.get(text))]
            raise errors[0]

        async def answer() -> Answer[tuple[SentimentResult, ...]]:
            if errors:
                raise errors[0]
            return Answer((GOOD,) * len(texts), "scripted", "cpu", "float32", 0.1)

        return answer()


async def test_rows_are_asked_in_bundles_and_one_that_fails_alone() -> None:
    texts = [f"text {index:03}" for index in range(3 * BUNDLE)]
    script: dict[str, list[Exception]] = {texts[40]: [ModelFailed()], texts[5]: [QueueFull(0.0)]}
    backend = ScriptedBundles(**script)
    run = run_of(backend, *texts, "", "x" * (LONGEST_CELL + 1), texts[0])
    await asyncio.wait_for(run.run(), PATIENCE)
    assert run.is_done
    failed = {index: one.error for index, one in run.outcomes.items() if one.error}
    assert failed.pop(40) == str(ModelFailed.SENTENCE)
    assert [error[:13] for error in failed.values()] == ["The text has "]
    assert backend.asked == texts[40:42]  # at last there are two of them
    assert [len(one) for one in backend.bundles if texts[5] in one] == [BUNDLE, BUNDLE]  # again after the refusal
    assert [len(one) for one in backend.bundles if texts[40] in one] == [BUNDLE, 16, 8, 4, 2]


async def test_texts_are_not_bundled() -> None:
    table = read_table(b"text\na\nb\n", Format.CSV, header=True)
    backend = ScriptedBundles()
    plan = Plan(Options(Command.TRANSLATE, target="German"), "text")
    await BatchRun(cast("Backend", backend), 1, table, plan, {}, lambda: 0.0).run()
    assert (backend.bundles, sorted(backend.asked)) == ([], ["a", "b"])


async def test_a_checkpoint_that_is_not_to_be_had_ends_bundles_too() -> None:
    run = run_of(ScriptedBundles(b=[ModelUnavailable("No checkpoint.")]), "a", "b", "c")
    with pytest.raises(ModelUnavailable):
        await run.run()


async def test_what_is_done_is_not_asked_again() -> None:
    kept = {1: Outcome(("KEPT", 1.0), counted=("KEPT",))}
    kept = read_outcomes([outcomes_as_json(kept), None, "no json", '{"x":1}'])
    backend = Scripted()
    run = run_of(backend, "a", "b", "c", done=kept)
    assert (run.progress.done, run.progress.rows) == (1, 3)
    await run.run()
    assert sorted(backend.asked) == ["a", "c"]
    assert run.outcomes[1].values == ("KEPT", 1.0)
    fresh = run.take_fresh()
    assert sorted(fresh) == [0, 2]
    assert run.take_fresh() == {}
    run.put_back(fresh)
    assert run.take_fresh() == fresh


async def test_a_checkpoint_that_is_not_to_be_had_ends_it() -> None:
    run = run_of(Scripted(b=[ModelUnavailable("No checkpoint.")]), "a", "b", "c")
    with pytest.raises(ModelUnavailable):
        await run.run()


def test_the_speed_is_measured_and_the_time_left_follows_from_the_characters() -> None:
    now = [0.0]
    meter = Meter({0: 10, 1: 10, 2: 10, 3: 30}, lambda: now[0])
    meter.begin()
    assert (meter.progress().rate, meter.progress().share) == (None, 0.0)
    meter.note(0, fault=False)
    now[0] = 1.0
    assert meter.progress().seconds_left == 5.0
    meter.note(1, fault=True)
    meter.note(2, fault=False)
    now[0] = 3.0
    progress = meter.progress()
    assert (progress.rate, progress.seconds_left, progress.faults) == (1.0, 3.0, 1)


def test_a_summary_counts() -> None:
    table = read_table(b"text\na\nb\n\nc\nd,e\n", Format.CSV, header=True)
    options = Options(Command.SIMILARITY, reference="r")
    outcomes = {
        0: Outcome((0.95,), counted=("0.9 to 1.0",), truncated=True),
        1: Outcome((0.05,), counted=("below 0",)),
        3: Outcome(error="why"),
    }
    summary = summarised(table, options, outcomes)
    assert (summary.rows, summary.answered, summary.faulty, summary.unreached) == (4, 2, 1, 1)
    assert summary.faults[0].row == 5
    assert summary.counts == (("below 0", 1), ("0.9 to 1.0", 1))
    assert summary.truncated == 1
    assert answer_names(Options(Command.ZERO_SHOT, labels=("a", "b"))) == ("label", "probability", "p(a)", "p(b)")


async def test_a_download_ends_at_the_limit_and_decompresses_nothing() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 1_000)
        except ConnectionError:
            return response

    async def packed(request: web.Request) -> web.Response:
        return web.Response(body=gzip.compress(b"x" * 1_000_000), headers={"Content-Encoding": "gzip"})

    async def small(request: web.Request) -> web.Response:
        assert request.headers["Accept-Encoding"] == "identity"
        return web.Response(body=b"text\n")

    app = web.Application()
    app.router.add_get("/endless", endless)
    app.router.add_get("/packed", packed)
    app.router.add_get("/small", small)
    async with TestServer(app) as server:
        address = yarl.URL(str(server.make_url("/")))
        assert await read_start(address / "small", 100) == b"text\n"
        assert len(await read_start(address / "endless", 5_500)) == 5_500
        for path in ("packed", "nothing"):
            with pytest.raises(aiohttp.ClientError):
                await read_start(address / path, 100)


async def test_one_process_has_a_file_and_another_takes_it_over(place: Place) -> None:
    seen: list[tuple[str, str]] = []
    may_end = asyncio.Event()

    def answering(name: str) -> Callable[[str, asyncio.Event], Any]:
        async def answer(identity: str, stop: asyncio.Event) -> None:
            seen.append((name, identity))
            await (stop if name == "second" else may_end).wait()

        return answer

    async with place.open() as one, place.open() as other:
        context = contextvars.copy_context()
        first = Office(one.batches, one.processes.leases, answering("first"), context)
        second = Office(other.batches, other.processes.leases, answering("second"), context)
        identity = await one.batches.add(1, None, "{}", b"a")
        assert identity is not None
        await one.batches.change(identity, BatchState.RUNNING, "{}")
        assert await first.begin(identity)
        await second.look()
        await asyncio.sleep(0)
        assert seen == [("first", identity)]
        await first.close()
        await second.look()
        await asyncio.sleep(0)
        assert seen == [("first", identity), ("second", identity)]
        second.stop(identity)
        async with asyncio.timeout(PATIENCE):
            while second._tasks:  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await second.close()


async def test_files_wait_for_their_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.batches.office.MOST_AT_ONCE", 1)

    async def answer(identity: str, stop: asyncio.Event) -> None:
        await stop.wait()

    async with Place("sqlite", tmp_path / "requests.sqlite3").open() as store:
        office = Office(store.batches, store.processes.leases, answer, contextvars.copy_context())
        assert await office.begin("a")
        assert await office.begin("a")
        assert not await office.begin("b")
        office.stop("a")
        async with asyncio.timeout(PATIENCE):
            while not await office.begin("b"):  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        await office.close()
