"""The rows of many texts at once: behind people's, shared by equal requests, and ended with their request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.inference.operations import OperationCall
from bot.inference.scheduling.queue import DeviceQueue
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.request import WorkRequest
from tests.timers import PATIENCE

REQUEST = replace(WorkRequest.of(SentimentRequest("It was not good")), evidence=True)


class Calls(list[tuple[OperationCall, bool]]):
    """Calls of all requests, each with whether it was queued behind everybody who waits."""

    def __init__(self) -> None:
        super().__init__()
        self.began_behind = asyncio.Event()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The calls from now on."""
    made = Calls()
    original = DeviceQueue.compute

    async def watched(self: Any, call: OperationCall, *rest: Any, background: bool = False, **options: Any) -> Any:
        made.append((call, background))
        if background:
            made.began_behind.set()
        return await original(self, call, *rest, background=background, **options)

    monkeypatch.setattr(DeviceQueue, "compute", watched)
    return made


def behind(calls: Calls) -> list[OperationCall]:
    return [call for call, background in calls if background]


async def test_texts_with_words_left_out_run_behind(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], calls: Calls
) -> None:
    async with make_worker(make_preset(sentiment="llama")) as worker:
        await worker.run(replace(REQUEST, evidence=False), person=1)
        assert not behind(calls)
        await worker.run(REQUEST, person=1)
    assert max(len(call.rows) for call in behind(calls)) > 8  # of many texts in one call
    assert not all(background for _, background in calls)  # the pages that do not take long


async def test_two_people_share_one_computation(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], calls: Calls
) -> None:
    async with make_worker(make_preset(sentiment="llama")) as worker:
        await worker.run(REQUEST, person=1)
        once = len(behind(calls))
        other = replace(WorkRequest.of(SentimentRequest("It was not bad")), evidence=True)
        first, second = await asyncio.gather(worker.run(other, person=1), worker.run(other, person=2))
    assert len(behind(calls)) == 2 * once
    assert first.result == second.result


async def test_a_cancelled_request_reads_no_more_texts(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], calls: Calls
) -> None:
    async with make_worker(make_preset(sentiment="llama")) as worker:
        asked = asyncio.create_task(worker.run(REQUEST, person=1))
        async with asyncio.timeout(PATIENCE):
            await calls.began_behind.wait()
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await worker.run(SentimentRequest("Fine"), person=2)
        begun = len(behind(calls))
        await worker.run(SentimentRequest("Bad"), person=2)
    assert len(behind(calls)) == begun == 1
