"""Several requests that are answered together."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Any

import pytest

from bot.errors import (
    UNEXPECTED,
    GlassboxError,
    InvalidRequest,
    ModelFailed,
    ModelUnavailable,
    QueueFull,
    Refused,
    TooManyRequests,
)
from bot.inference.answering import Answering, AnsweringState, Loading, Stage
from bot.inference.requests import Answer, Request
from bot.inference.timers import wait_at_most
from bot.inference.together import STOPPED, Together
from tests.timers import PATIENCE, turns

RUNNING = AnsweringState(Stage.RUNNING)
LOADING = AnsweringState(Stage.LOADING, Loading("b"))


@dataclass(eq=False)
class Part(Answering[Any]):
    """A request that a test answers."""

    now: AnsweringState = RUNNING
    so_far: Any = None
    refusal: GlassboxError | None = None
    future: asyncio.Future[Answer[Any]] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    stopped: bool = False

    def __await__(self) -> Generator[Any, None, Answer[Any]]:
        return self.future.__await__()

    async def accepted(self, seconds: float) -> None:
        if self.refusal is not None:
            raise self.refusal

    def done(self) -> bool:
        return self.future.done()

    @property
    def state(self) -> AnsweringState:
        return AnsweringState(Stage.DONE) if self.done() else self.now

    @property
    def queue_position(self) -> int | None:
        return None

    async def wait(self, seconds: float) -> bool:
        return await wait_at_most(self.future, seconds, contextvars.copy_context())

    async def partial(self) -> Any:
        return self.so_far

    def stop(self) -> None:
        self.stopped = True

    def cancel(self) -> None:
        self.future.cancel()

    def answer(self, result: object, seconds: float = 1.0) -> None:
        self.future.set_result(Answer(result, f"by {result}", "cpu", "float32", seconds, waited=seconds / 2))


class Taking:
    """A backend that hands out prepared parts, or refuses."""

    def __init__(self, *parts: Part | GlassboxError) -> None:
        self.parts = list(parts)

    def submit(self, request: Any, *, person: int, background: bool = False) -> Part:
        part = self.parts.pop(0)
        if isinstance(part, GlassboxError):
            raise part
        return part


def together(*parts: Part | GlassboxError) -> Together:
    return Together.submit(
        Taking(*parts),  # type: ignore[arg-type]  # only its `submit` is used
        [Request[Any]()] * len(parts),
        person=1,
        context=contextvars.copy_context(),
    )


async def test_the_answer_holds_all_of_them() -> None:
    first, second = Part(), Part()
    both = together(first, second)
    assert not await both.wait(0)
    second.answer("b", seconds=3.0)
    first.answer("a")
    assert await both.wait(PATIENCE)
    answer = await both
    assert [one.result for one in answer.result.outcomes] == ["a", "b"]
    assert (answer.checkpoint, answer.device, answer.seconds, answer.waited) == ("by a, by b", "cpu", 3.0, 1.5)


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ModelFailed(), str(ModelFailed.SENTENCE)),
        (InvalidRequest("No."), "No."),
        (ZeroDivisionError("secret"), str(UNEXPECTED)),
    ],
)
async def test_one_that_fails_leaves_the_others(error: Exception, sentence: str) -> None:
    first, second = Part(), Part()
    both = together(first, second)
    first.future.set_exception(error)
    second.answer("b")
    outcomes = (await both).result.outcomes
    assert [(one.result, one.sentence) for one in outcomes] == [(None, sentence), ("b", None)]


async def test_if_all_fail_the_first_error_is_told() -> None:
    first, second = Part(), Part()
    both = together(first, second)
    second.future.set_exception(ModelFailed())
    first.future.set_exception(InvalidRequest("No."))
    with pytest.raises(InvalidRequest, match="No"):
        await both


async def test_one_that_is_not_available_is_told_beside_the_others() -> None:
    part = Part()
    both = together(ModelUnavailable("There is none."), part)
    part.answer("b")
    assert [one.sentence for one in (await both).result.outcomes] == ["There is none.", None]
    with pytest.raises(ModelUnavailable):
        together(ModelUnavailable("There is none."), ModelUnavailable("Nor here."))


@pytest.mark.parametrize(
    ("refusal", "said"),
    [(QueueFull(3), "Too many people"), (TooManyRequests(1), "These are 2 requests at once, and you may have 1.")],
)
async def test_a_refusal_refuses_all(refusal: Refused, said: str) -> None:
    first = Part()
    with pytest.raises(type(refusal), match=said):
        together(first, refusal)
    assert first.future.cancelled()

    first, second = Part(), Part(refusal=refusal)  # by a server elsewhere, a moment later
    both = together(first, second)
    with pytest.raises(type(refusal), match=said):
        await both.accepted(PATIENCE)
    await turns()
    assert first.future.cancelled()
    assert second.future.cancelled()


async def test_what_there_is_so_far() -> None:
    first, second = Part(LOADING), Part(LOADING)
    both = together(first, second)
    assert both.state == LOADING
    assert await both.partial() is None
    first.answer("a")
    await turns()
    assert both.state.stage is Stage.RUNNING  # what is there can be shown
    found = await both.partial()
    assert found is not None
    assert [(one.result, one.loading) for one in found.outcomes] == [("a", None), (None, Loading("b"))]
    assert both.queue_position is None
    second.now, second.so_far = AnsweringState(Stage.RUNNING), "b so f"
    found = await both.partial()
    assert found is not None
    assert found.outcomes[1].result == "b so f"
    both.cancel()


async def test_stop_ends_texts_and_gives_up_what_has_not_begun() -> None:
    running, waiting = Part(), Part(LOADING)
    both = together(running, waiting)
    await turns()
    both.stop()
    assert running.stopped
    running.answer("a so far")
    answer = await both
    assert [(one.result, one.sentence) for one in answer.result.outcomes] == [("a so far", None), (None, str(STOPPED))]
    assert both.state.stage is Stage.DONE


async def test_who_gives_up_gives_up_all() -> None:
    first, second = Part(), Part()
    both = together(first, second)
    await turns()
    both.cancel()
    await turns()
    assert first.future.cancelled()
    assert second.future.cancelled()
    with pytest.raises(asyncio.CancelledError):
        await both
