"""Rows in the queue: which are due, and what is kept of those that are gone."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ModelFailed
from bot.inference.operations import Budget, Operation, OperationCall, Row, RowState
from bot.inference.scheduling.batching import order_of
from bot.inference.scheduling.pending import PendingCall, QueuedRow, RowGroup
from bot.inference.scheduling.queue import DeviceQueue
from tests.inference.toys import until

OPERATION: Operation[int, int] = Operation("toy", lambda rows: [row.inputs for row in rows], Budget(64))


def pending(*tokens: int, resumed: bool = False) -> PendingCall:
    rows = [Row(index, number) for index, number in enumerate(tokens)]
    return PendingCall(OperationCall(OPERATION, rows), "somebody", asyncio.Future(), resumed)


@pytest.fixture
async def call() -> PendingCall:
    return pending(3, 4)


async def test_a_call_ends_with_its_last_output(call: PendingCall) -> None:
    call.deliver(1, "second")
    assert not call.done.done()
    call.deliver(0, "first")
    assert await call.done == ["first", "second"]


async def test_a_call_ends_with_its_first_error(call: PendingCall) -> None:
    call.deliver(1, ModelFailed())
    call.deliver(0, "too late")
    with pytest.raises(ModelFailed):
        await call.done


async def test_a_call_has_begun_once_a_device_has_a_row(call: PendingCall) -> None:
    assert [call.has_begun, pending(1, resumed=True).has_begun] == [False, True]
    call.call.rows[1].run_on(0)
    assert call.has_begun


async def test_an_abandoned_row_is_not_run_again(call: PendingCall) -> None:
    call.abandon()
    call.call.rows[0].run_on(0)
    call.call.rows[0].stop()
    assert call.call.rows[0].state is RowState.ABANDONED
    assert call.is_abandoned


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5), st.booleans()), max_size=40))
def test_a_group_keeps_its_rows_in_order(drawn: list[tuple[int, int, bool]]) -> None:
    group = RowGroup(OPERATION)
    owner: Any = None
    rows = [QueuedRow(owner, 0, Row(0, tokens), (tag, number), tokens) for number, (tokens, tag, _) in enumerate(drawn)]
    for row in rows:
        group.add(row)
    for row, (_, _, is_removed) in zip(rows, drawn, strict=True):
        if is_removed:
            group.remove(row)
            group.remove(row)  # once more changes nothing
    left = sorted((row for row, (_, _, is_removed) in zip(rows, drawn, strict=True) if not is_removed), key=order_of)
    assert sorted(group, key=order_of) == left
    assert (len(group), group.tokens) == (len(left), sum(row.tokens for row in left))
    if left:
        assert group.due is left[0]
        assert [group.number_before(row) for row in left] == list(range(len(left)))


async def test_the_position_of_a_call() -> None:
    """By fair order: a person's second call is due after another one's first."""
    queue = DeviceQueue(["cpu"])
    people = ["alice", "alice", "bob"]
    calls = [OperationCall(OPERATION, [Row(0, 8), Row(1, 8)]) for _ in people]
    waiting = [asyncio.create_task(queue.compute(*each)) for each in zip(calls, people, strict=True)]
    await asyncio.sleep(0)
    assert [queue.position(call) for call in calls] == [0, 4, 1]
    assert queue.waiting == 6
    waiting[0].cancel()
    await asyncio.sleep(0)
    assert [queue.position(call) for call in calls] == [None, 2, 0]
    assert queue.waiting == 4
    queue.start()
    assert await asyncio.gather(*waiting[1:]) == [[0, 1], [0, 1]]
    assert queue.position(calls[1]) is None
    await queue.aclose()
    assert await queue.stop()


async def test_a_call_leaves_nothing_to_the_garbage_collector() -> None:
    """Cycles among so many small objects would double what the event loop spends on a row."""
    queue = DeviceQueue(["cpu"])
    queue.start()
    call = OperationCall(OPERATION, [Row(0, 8), Row(1, 8)])
    kept = weakref.ref(call)
    gc.disable()
    try:
        assert await queue.compute(call, "somebody") == [0, 1]
        del call
        await until(lambda: kept() is None)
    finally:
        gc.enable()
    await queue.aclose()
    assert await queue.stop()


async def test_neither_does_a_call_that_failed() -> None:
    """Its error refers to the frames that it has passed, and one of them to the call."""

    def fail(rows: Sequence[Row[int]]) -> list[int]:
        raise KeyError("somebody's text")

    queue = DeviceQueue(["cpu"])
    queue.start()
    call = OperationCall(Operation("broken", fail, Budget(64)), [Row(0, 8), Row(1, 8)])
    kept = weakref.ref(call)
    gc.disable()
    try:
        with pytest.raises(ModelFailed):
            await queue.compute(call, "somebody")
        del call
        await until(lambda: queue.waiting == 0 and kept() is None, 2)
    finally:
        gc.enable()
    await queue.aclose()
    assert await queue.stop()
