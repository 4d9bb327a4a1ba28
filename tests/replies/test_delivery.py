"""Delivery on its own: what depends on time, which a simulated Discord does not let pass while somebody waits."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import pytest

from bot.errors import DeadlinePassed, InvalidRequest, QueueFull
from bot.inference.answering import Answering, AnsweringState, Loading, Stage
from bot.inference.requests import Answer, LabelScore
from bot.pictures.studio import Studio
from bot.replies import pending
from bot.replies.delivery import ACCEPTANCE_SECONDS, LONGEST_SENTENCE, WITHDRAWN, Delivery, ResponseKind, tell
from bot.replies.results.generate import preview
from bot.replies.results.generate import render as render_text
from bot.replies.results.sentiment import render
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from tests.clock import Clock

ANSWER = Answer(SentimentResult((LabelScore("POSITIVE", 1),), truncated=False), "tiny", "cpu", "float32", 0.01)
Ask = Callable[..., asyncio.Task[Any]]
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
DEFERRED = discord.InteractionResponseType.deferred_channel_message


def written(words: int, *, finished: bool = False) -> GenerateResult:
    text = "".join(f" {word}" for word in WORDS[:words])
    return GenerateResult("Count:", (Continuation(text, words, finished),), None, truncated=False)


class StubWriting:
    """Tells no other process about texts."""

    def begin(self, identity: str, text: Any) -> None: ...

    def end(self, identity: str) -> None: ...


class StubStore:
    """Keeps nothing, and gives ids."""

    def __init__(self) -> None:
        self._ids = itertools.count()
        self.processes = SimpleNamespace(writing=StubWriting())

    async def keep(self, request: Any, *, person: int, guild_id: int | None = None) -> str:
        return f"id{next(self._ids)}"


class StubBackend:
    """Answers when it is told to.

    Attributes:
        loading: how far the checkpoint is; None if it is loaded.
        answer: what is answered, or with which error.
        words: how many are written so far, for `partial`.
        obedient: whether it ends an answer that is stopped.
        accepts_after: how many seconds it takes to accept a request, or to refuse it.
        refusal: with which error it refuses; None to accept.
    """

    def __init__(self) -> None:
        self.loading: Loading | None = Loading("tiny", fetching=True, fraction=0.0)
        self.may_answer = asyncio.Event()
        self.given_up = False
        self.answer: Answer[Any] | Exception = ANSWER
        self.words = 0
        self.stopped = 0
        self.obedient = True
        self.broken = False
        self.accepts_after = 0.0
        self.refusal: Exception | None = None

    def submit(self, request: Any, *, person: int, background: bool = False) -> Answering[Any]:
        return StubAnswering(self)


class StubAnswering(Answering[Any]):
    def __init__(self, backend: StubBackend) -> None:
        self._backend = backend
        self._asked = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._answer())

    def __await__(self) -> Any:
        return self._task.__await__()

    async def accepted(self, seconds: float) -> None:
        left = self._asked + self._backend.accepts_after - asyncio.get_running_loop().time()
        if left > 0:
            await asyncio.sleep(min(left, seconds))
        if self._backend.refusal is not None and left <= seconds:
            raise self._backend.refusal

    def done(self) -> bool:
        return self._task.done()

    @property
    def state(self) -> AnsweringState:
        loading = self._backend.loading
        return AnsweringState(Stage.RUNNING if loading is None else Stage.LOADING, loading)

    @property
    def queue_position(self) -> None:
        return None

    async def wait(self, seconds: float) -> bool:
        await asyncio.wait((self._task,), timeout=seconds)
        return self.done()

    async def partial(self) -> Any:
        if self._backend.broken:
            raise RuntimeError
        return written(self._backend.words) if self._backend.words else None

    def stop(self) -> None:
        self._backend.stopped += 1
        if self._backend.obedient:
            self._backend.may_answer.set()

    def cancel(self) -> None:
        self._task.cancel()

    async def _answer(self) -> Any:
        backend = self._backend
        try:
            if backend.refusal is not None:
                await asyncio.sleep(backend.accepts_after)
                raise backend.refusal
            await backend.may_answer.wait()
        except asyncio.CancelledError:
            backend.given_up = True
            raise
        if isinstance(backend.answer, Exception):
            raise backend.answer
        return backend.answer


class StubInteraction:
    """Keeps what it is edited to, and what is said.

    Attributes:
        said: first responses, follow-ups and deletions, in order.
        deferred: when it was deferred, by the loop's clock.
        error: with which edits fail.
        failures: how often.
        errors: of the calls that come next, by their names.
    """

    def __init__(self, age: float = 0.0) -> None:
        self.user = SimpleNamespace(id=1)
        self.guild_id = None
        self.type = discord.InteractionType.application_command
        self.extras: dict[Any, Any] = {}
        self.created_at = discord.utils.utcnow() - timedelta(seconds=age)
        self.response = SimpleNamespace(defer=self._defer, send_message=self._respond, type=None)
        self.followup = SimpleNamespace(send=self._follow_up)
        self.edits: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.said: list[tuple[str, str]] = []
        self.deferred: list[float] = []
        self.error: Exception | None = None
        self.failures = 1_000_000
        self.errors: dict[str, list[Exception]] = {}

    async def _defer(self, *, thinking: bool, ephemeral: bool) -> None:
        await self._call("defer")
        self.deferred.append(asyncio.get_running_loop().time())
        self.response.type = DEFERRED if thinking else discord.InteractionResponseType.deferred_message_update

    async def _respond(self, sentence: str, **options: Any) -> None:
        await self._call("send_message")
        assert options["ephemeral"]
        self.said.append(("response", sentence))

    async def _follow_up(self, sentence: str, **options: Any) -> None:
        await self._call("send")
        assert options["ephemeral"]
        self.said.append(("follow-up", sentence))

    async def delete_original_response(self) -> None:
        await self._call("delete")
        self.said.append(("deleted", ""))

    async def edit_original_response(self, **what: Any) -> None:
        self.times.append(asyncio.get_running_loop().time())
        await self._call("edit")
        if self.error is not None and self.failures:
            self.failures -= 1
            raise self.error
        self.edits.append(what)

    async def _call(self, name: str) -> None:
        if errors := self.errors.get(name):
            raise errors.pop(0)

    @property
    def contents(self) -> list[str | None]:
        return [edit["content"] for edit in self.edits]

    @property
    def descriptions(self) -> list[str]:
        return [edit["embed"].description for edit in self.edits]

    @property
    def buttons(self) -> list[list[str]]:
        return [[item.item.label for item in edit["view"].children] for edit in self.edits]


def refusal(status: int, code: int = 0, text: str = "refused", wait: str = "") -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="", headers={"Retry-After": wait})
    kinds = {404: discord.NotFound, 403: discord.Forbidden}
    kind = kinds.get(status, discord.DiscordServerError if status >= 500 else discord.HTTPException)
    return kind(response, text if text.startswith("<") else {"code": code, "message": text})


GONE = refusal(404, 10008)
MALFORMED = [
    KeyError("retry_after"),
    TypeError("string indices must be integers"),
    AttributeError("'list' object has no attribute 'get'"),
    json.JSONDecodeError("no", "<html>", 0),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"),
    RuntimeError("Unreachable code in HTTP handling."),
]
"""What discord.py raises where an answer is not as Discord documents it."""
TROUBLE = [
    refusal(429),
    refusal(429, text="<html>Slow down</html>"),
    refusal(403, text="<!doctype html>error code: 1015"),
    refusal(500),
    refusal(502, text="<html>Bad gateway</html>"),
    discord.RateLimited(3600.0),
    aiohttp.ServerDisconnectedError(),
    OSError("connection lost"),
    *MALFORMED,
]


def kinds(errors: list[Any]) -> list[str]:
    return [f"{type(one).__name__} {getattr(one, 'status', '')}" for one in errors]


@pytest.fixture(autouse=True)
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def studio() -> Iterator[Studio]:
    studio = Studio()
    yield studio
    studio.close()


@pytest.fixture
def answering(studio: Studio) -> Ask:
    def answering(interaction: Any, backend: Any, kind: ResponseKind = ResponseKind.PUBLIC) -> asyncio.Task[Any]:
        store: Any = StubStore()
        delivery = Delivery(backend, store, studio)
        return asyncio.create_task(delivery.answer(interaction, SentimentRequest("good"), render, kind=kind))

    return answering


async def test_the_notice_follows_the_checkpoint_and_is_edited_only_when_it_changes(answering: Ask) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)

    await asyncio.sleep(5)
    assert interaction.contents == ["Downloading tiny: 0 %. Your answer follows here by itself."]
    backend.loading = Loading("tiny", fetching=True, fraction=0.5)
    await asyncio.sleep(5)
    assert interaction.contents[1:] == ["Downloading tiny: 50 %. Your answer follows here by itself."]
    backend.loading = None
    await asyncio.sleep(5)
    backend.may_answer.set()
    await task

    assert len(interaction.edits) == 3
    assert interaction.edits[-1]["content"] is None
    assert interaction.edits[-1]["embed"].title == "POSITIVE"


async def test_without_a_wait_there_is_no_notice(answering: Ask) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    backend.loading = None
    backend.may_answer.set()

    await answering(interaction, backend)

    assert interaction.contents == [None]


async def test_every_edit_forbids_mentions(answering: Ask) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)
    await asyncio.sleep(1)
    backend.may_answer.set()
    await task

    assert len(interaction.edits) == 2
    for edit in interaction.edits:
        assert edit["allowed_mentions"].to_dict() == discord.AllowedMentions.none().to_dict()


@pytest.mark.parametrize("after", [0.0, 1.0, ACCEPTANCE_SECONDS])
async def test_a_refusal_that_comes_soon_is_seen_by_nobody_else(answering: Ask, after: float) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    backend.accepts_after, backend.refusal = after, QueueFull(30)

    with pytest.raises(QueueFull) as raised:
        await answering(interaction, backend)
    assert (interaction.deferred, interaction.edits, interaction.said) == ([], [], [])
    assert asyncio.get_running_loop().time() == after
    await tell(interaction, raised.value.sentence)  # type: ignore[arg-type]

    assert interaction.said == [("response", QueueFull(30).sentence)]
    assert (interaction.deferred, interaction.edits) == ([], [])


async def test_a_request_that_is_accepted_at_once_is_deferred_at_once(answering: Ask) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    backend.may_answer.set()

    await answering(interaction, backend)

    assert interaction.deferred == [0.0]


async def test_a_slow_acceptance_does_not_delay_the_deferral(answering: Ask) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    backend.accepts_after = 20.0
    task = answering(interaction, backend)

    await asyncio.sleep(ACCEPTANCE_SECONDS + 0.1)
    assert interaction.deferred == [ACCEPTANCE_SECONDS]
    assert not backend.given_up
    await asyncio.sleep(20)
    backend.may_answer.set()

    assert await task is ANSWER
    assert interaction.contents[-1] is None
    assert interaction.said == []


async def test_a_refusal_that_comes_late_takes_the_public_response_back(answering: Ask) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    backend.loading = None
    backend.accepts_after, backend.refusal = 2.0, QueueFull(30)

    with pytest.raises(QueueFull) as raised:
        await answering(interaction, backend)
    assert interaction.deferred == [ACCEPTANCE_SECONDS]
    await tell(interaction, raised.value.sentence)  # type: ignore[arg-type]

    assert interaction.contents == [str(WITHDRAWN)]
    assert interaction.said == [("deleted", ""), ("follow-up", QueueFull(30).sentence)]


async def test_a_caller_who_is_cancelled_before_the_acceptance_gives_the_request_up(answering: Ask) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    backend.accepts_after = 20.0
    task = answering(interaction, backend)
    await asyncio.sleep(1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)

    assert backend.given_up
    assert interaction.deferred == []


async def test_a_deleted_message_gives_the_request_up(answering: Ask) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)
    await asyncio.sleep(1)
    interaction.error = GONE
    backend.loading = Loading("tiny", fetching=True, fraction=0.7)

    assert await task is None
    await asyncio.sleep(0)

    assert backend.given_up


async def test_a_cancelled_caller_gives_the_request_up(answering: Ask) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    task = answering(interaction, backend)
    await asyncio.sleep(1)

    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.sleep(0)

    assert backend.given_up


@pytest.mark.parametrize("error", TROUBLE, ids=kinds(TROUBLE))
async def test_trouble_costs_a_notice_and_not_the_answer(answering: Ask, error: Exception) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    interaction.error, interaction.failures = error, 1
    task = answering(interaction, backend)
    await asyncio.sleep(1)
    backend.may_answer.set()
    await task

    assert interaction.contents == [None]


async def test_an_edit_on_the_way_that_hangs_holds_nothing_up(answering: Ask) -> None:
    backend, interaction = StubBackend(), StubInteraction()
    edit = interaction.edit_original_response

    async def hang(**what: Any) -> None:
        await (asyncio.Event().wait() if what["content"] else edit(**what))

    interaction.edit_original_response = hang  # type: ignore[method-assign]
    task = answering(interaction, backend)
    await asyncio.sleep(1)
    backend.may_answer.set()
    await task

    assert interaction.contents == [None]
    assert interaction.times == [pending.EDIT_TIMEOUT]


class TestAcknowledging:
    """Item 20: the deferral that Discord took, and whose receipt was lost."""

    @pytest.fixture
    def backend(self) -> StubBackend:
        backend = StubBackend()
        backend.loading = None
        backend.may_answer.set()
        return backend

    @pytest.mark.parametrize("error", [error for error in TROUBLE if error not in MALFORMED], ids=str)
    async def test_the_second_try_is_refused_as_one_too_many(
        self, backend: StubBackend, answering: Ask, error: Exception
    ) -> None:
        interaction = StubInteraction()
        interaction.errors["defer"] = [error, refusal(400, 40060)]

        assert await answering(interaction, backend) is ANSWER

        assert interaction.contents == [None]
        await tell(interaction, "Sorry.")  # type: ignore[arg-type]
        assert interaction.said == [("deleted", ""), ("follow-up", "Sorry.")]

    @pytest.mark.parametrize(
        "error", [aiohttp.ServerDisconnectedError(), *MALFORMED], ids=kinds([OSError(), *MALFORMED])
    )
    async def test_no_receipt_at_all(self, backend: StubBackend, answering: Ask, error: Exception) -> None:
        interaction = StubInteraction()
        interaction.errors["defer"] = [error] * 10

        assert await answering(interaction, backend) is ANSWER
        assert interaction.contents == [None]
        assert interaction.times[0] < 3

    async def test_a_receipt_that_does_not_come(self, backend: StubBackend, answering: Ask, clock: Clock) -> None:
        interaction = StubInteraction()
        interaction.errors["defer"] = [refusal(400, 40060)]
        defer = interaction.response.defer

        async def hang_once(**options: Any) -> None:
            interaction.response.defer = defer
            await asyncio.Event().wait()

        interaction.response.defer = hang_once
        assert await answering(interaction, backend) is ANSWER
        assert clock.now < 4

    async def test_the_first_try_is_refused_as_one_too_many(self, backend: StubBackend, answering: Ask) -> None:
        """Another process with the same token has it, and answers."""
        interaction = StubInteraction()
        interaction.errors["defer"] = [refusal(400, 40060)]

        assert await answering(interaction, backend) is None
        assert not interaction.edits

    async def test_a_receipt_that_cannot_be_read(self, backend: StubBackend, answering: Ask) -> None:
        interaction = StubInteraction()
        interaction.errors["defer"] = [TypeError(), discord.InteractionResponded(interaction)]  # type: ignore[arg-type]

        assert await answering(interaction, backend) is ANSWER

    async def test_an_interaction_that_is_gone_is_given_up(self, backend: StubBackend, answering: Ask) -> None:
        interaction = StubInteraction()
        interaction.errors["defer"] = [OSError(), refusal(404, 10062)]

        assert await answering(interaction, backend) is None
        assert not interaction.edits

    async def test_what_discord_refuses_is_an_error(self, backend: StubBackend, answering: Ask) -> None:
        interaction = StubInteraction()
        interaction.errors["defer"] = [refusal(400, 50035)]

        with pytest.raises(discord.HTTPException):
            await answering(interaction, backend)
        assert not interaction.edits


class TestTelling:
    async def test_a_sentence_whose_receipt_was_lost_is_told_once(self) -> None:
        interaction = StubInteraction()
        interaction.errors["send_message"] = [OSError(), refusal(400, 40060)]

        await tell(interaction, "Sorry.")  # type: ignore[arg-type]
        assert not interaction.said  # by Discord's word, it was told

    @pytest.mark.parametrize("error", TROUBLE, ids=kinds(TROUBLE))
    async def test_a_withdrawal_that_fails_still_deletes(self, error: Exception) -> None:
        interaction = StubInteraction()
        interaction.response.type = DEFERRED
        interaction.errors = {"edit": [error], "delete": [error], "send": [error]}

        await tell(interaction, "Sorry.")  # type: ignore[arg-type]
        assert interaction.said == [("deleted", ""), ("follow-up", "Sorry.")]

    async def test_what_cannot_be_edited_is_deleted(self) -> None:
        interaction = StubInteraction()
        interaction.response.type = DEFERRED
        interaction.error = refusal(400)

        await tell(interaction, "Sorry.")  # type: ignore[arg-type]
        assert interaction.said == [("deleted", ""), ("follow-up", "Sorry.")]

    async def test_what_cannot_be_deleted_is_withdrawn_in_words(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("INFO")
        interaction = StubInteraction()
        interaction.response.type = DEFERRED
        interaction.errors = {"delete": [refusal(400)]}

        await tell(interaction, "Sorry.")  # type: ignore[arg-type]
        assert interaction.contents == [str(WITHDRAWN)]
        assert interaction.said == [("follow-up", "Sorry.")]
        assert "could not be withdrawn" in caplog.text

    async def test_one_who_cannot_be_reached_is_left_alone(self) -> None:
        interaction = StubInteraction()
        interaction.response.type = DEFERRED
        interaction.errors = {name: [refusal(401, 50027)] * 10 for name in ("edit", "delete", "send")}

        await tell(interaction, "Sorry.")  # type: ignore[arg-type]
        assert not interaction.said

    async def test_a_sentence_that_is_too_long_is_cut_and_not_refused(self) -> None:
        interaction = StubInteraction()

        await tell(interaction, "Sorry 😀. " * 1_000)  # type: ignore[arg-type]
        [(_, told)] = interaction.said
        assert LONGEST_SENTENCE - 30 < len(told.encode("utf-16-le")) // 2 <= LONGEST_SENTENCE
        assert told.endswith("…")


class TestPageOfAMessage:
    """Item 25: the message with the menu that was used."""

    async def test_a_notice_is_taken_back_where_the_answer_fails(self, answering: Ask) -> None:
        backend, interaction = StubBackend(), StubInteraction()
        interaction.type = discord.InteractionType.component
        task = answering(interaction, backend, ResponseKind.EDIT)
        await asyncio.sleep(1)
        backend.answer = InvalidRequest("There is no such page.")
        backend.may_answer.set()

        with pytest.raises(InvalidRequest):
            await task
        assert interaction.contents == ["Downloading tiny: 0 %. Your answer follows here by itself.", None]
        assert set(interaction.edits[-1]) == {"content", "allowed_mentions"}  # the page stays

    @pytest.mark.parametrize("error", TROUBLE, ids=kinds(TROUBLE))
    async def test_also_when_that_has_to_be_tried_again(self, answering: Ask, error: Exception) -> None:
        backend, interaction = StubBackend(), StubInteraction()
        task = answering(interaction, backend, ResponseKind.EDIT)
        await asyncio.sleep(1)
        backend.answer = InvalidRequest("There is no such page.")
        interaction.errors["edit"] = [error]
        backend.may_answer.set()

        with pytest.raises(InvalidRequest):
            await task
        assert interaction.contents[-1] is None

    async def test_and_where_the_turn_is_given_up(self, answering: Ask) -> None:
        backend, interaction = StubBackend(), StubInteraction()
        task = answering(interaction, backend, ResponseKind.EDIT)
        await asyncio.sleep(1)

        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert interaction.contents[-1] is None

    async def test_without_a_notice_nothing_is_edited(self, answering: Ask) -> None:
        backend, interaction = StubBackend(), StubInteraction()
        backend.loading = None
        backend.answer = InvalidRequest("There is no such page.")
        backend.may_answer.set()

        with pytest.raises(InvalidRequest):
            await answering(interaction, backend, ResponseKind.EDIT)
        assert not interaction.edits


class TestTime:
    """Item 19: an interaction lives for 15 minutes from its creation, and not from its turn."""

    async def test_what_somebody_has_waited_counts(self, answering: Ask, clock: Clock) -> None:
        backend, interaction = StubBackend(), StubInteraction(age=600)
        backend.loading = None
        task = answering(interaction, backend)
        await asyncio.sleep(pending.LAST_SECONDS - 600 - 1)
        assert not task.done()

        assert await task is ANSWER
        assert clock.now == pytest.approx(pending.LAST_SECONDS - 600, abs=0.5)
        assert backend.stopped == 1

    async def test_it_is_measured_once(self, answering: Ask, clock: Clock) -> None:
        backend, interaction = StubBackend(), StubInteraction()
        backend.loading = None
        pending.seconds_left(interaction)  # type: ignore[arg-type]
        await asyncio.sleep(500)

        assert await answering(interaction, backend) is ANSWER
        assert clock.now == pytest.approx(pending.LAST_SECONDS, abs=0.5)

    @pytest.mark.parametrize("age", [-3600, 15 * 60, 10_000_000])
    async def test_a_machine_whose_time_of_day_is_wrong(self, age: float) -> None:
        interaction: Any = StubInteraction(age)
        assert pending.seconds_left(interaction) == pending.LAST_SECONDS


class TestStreaming:
    @pytest.fixture
    def backend(self) -> StubBackend:
        backend = StubBackend()
        backend.loading = None
        backend.answer = Answer(written(10, finished=True), "tiny", "cpu", "float32", 0.01)
        return backend

    @pytest.fixture
    def interaction(self) -> StubInteraction:
        return StubInteraction()

    @pytest.fixture
    def answering(self, studio: Studio) -> Ask:
        def answering(interaction: Any, backend: Any) -> asyncio.Task[Any]:
            store: Any = StubStore()
            delivery = Delivery(backend, store, studio)
            return asyncio.create_task(delivery.answer(interaction, GenerateRequest("Count:"), render_text, preview))

        return answering

    async def test_the_newest_text_at_every_turn(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask
    ) -> None:
        task = answering(interaction, backend)
        for words in range(1, 11):
            backend.words = words
            await asyncio.sleep(0.6)
        backend.may_answer.set()
        await task

        *partial, last = interaction.descriptions
        assert len(partial) == 4
        assert all(text.startswith("**Count:** one") and text.endswith("▌") for text in partial)
        assert len(set(partial)) == len(partial)
        assert last == "**Count:** one two three four five six seven eight nine ten"
        assert interaction.buttons == [*([["Stop"]] * len(partial)), ["Regenerate", "Show the work"]]

    async def test_no_more_edits_than_discord_allows(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask
    ) -> None:
        task = answering(interaction, backend)
        for words in range(1, 11):
            backend.words = words
            await asyncio.sleep(0.9)
        backend.may_answer.set()
        await task

        *partial, _ = interaction.times
        assert len(partial) >= 5
        assert all(later - earlier >= pending.EDIT_SECONDS for earlier, later in pairwise(partial))
        assert all(sum(0 <= one - start <= 5 for one in interaction.times) <= 5 for start in partial)

    async def test_a_quick_answer_is_shown_once_and_at_once(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask
    ) -> None:
        backend.words = 3
        task = answering(interaction, backend)
        await asyncio.sleep(0.7)
        backend.may_answer.set()
        await task

        assert interaction.times == [0.7]  # it does not wait for its turn

    async def test_what_stands_still_is_not_edited(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask
    ) -> None:
        task = answering(interaction, backend)
        await asyncio.sleep(3)
        assert not interaction.edits
        backend.words = 1
        await asyncio.sleep(5)
        assert len(interaction.edits) == 1
        backend.may_answer.set()
        await task

    @pytest.mark.parametrize("error", [refusal(400), *TROUBLE], ids=kinds([refusal(400), *TROUBLE]))
    async def test_a_lost_edit_costs_nothing_else(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask, error: Exception
    ) -> None:
        interaction.error, interaction.failures = error, 1
        backend.words = 1
        task = answering(interaction, backend)
        await asyncio.sleep(2)
        assert not interaction.failures
        backend.words = 2
        await asyncio.sleep(2)
        backend.may_answer.set()
        await task

        assert interaction.descriptions[0] == "**Count:** one two▌"
        assert interaction.descriptions[-1].endswith("nine ten")

    @pytest.mark.parametrize("error", TROUBLE, ids=kinds(TROUBLE))
    async def test_the_last_edit_is_tried_again(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask, error: Exception
    ) -> None:
        interaction.error, interaction.failures = error, pending.TRIES - 1
        backend.may_answer.set()

        await answering(interaction, backend)

        assert [text[-3:] for text in interaction.descriptions] == ["ten"]
        assert interaction.times == [0, 2, 6, 14, 30]

    async def test_not_before_discord_wants_it(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask
    ) -> None:
        waits = ["9", "nan", "-5", "soon", "1e9"]
        interaction.errors["edit"] = [refusal(429, wait=wait) for wait in waits[: pending.TRIES - 1]]
        backend.may_answer.set()

        await answering(interaction, backend)
        assert interaction.times == [0, 9, 13, 21, 37]

    async def test_a_try_that_hangs_is_given_up_for_another(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask
    ) -> None:
        edit = interaction.edit_original_response
        hung: list[Any] = []

        async def hang_once(**what: Any) -> None:
            if not hung:
                hung.append(what)
                await asyncio.sleep(3600)  # as long as a rate limit asks discord.py to wait
            await edit(**what)

        interaction.edit_original_response = hang_once  # type: ignore[method-assign]
        backend.may_answer.set()

        await answering(interaction, backend)
        assert interaction.times == [17]

    @pytest.mark.parametrize(("status", "tries"), [(500, pending.TRIES), (400, 1)])
    async def test_the_last_edit_is_not_tried_for_ever(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask, status: int, tries: int
    ) -> None:
        interaction.error = refusal(status)
        backend.may_answer.set()

        with pytest.raises(discord.HTTPException):
            await answering(interaction, backend)
        assert len(interaction.times) == tries

    async def test_a_deleted_message_gives_the_request_up(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask
    ) -> None:
        task = answering(interaction, backend)
        backend.words = 1
        await asyncio.sleep(2)
        interaction.error = GONE
        backend.words = 2

        assert await task is None
        await asyncio.sleep(0)

        assert backend.given_up

    async def test_a_preview_that_fails_costs_only_itself(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask, caplog: pytest.LogCaptureFixture
    ) -> None:
        backend.broken = True
        task = answering(interaction, backend)
        await asyncio.sleep(2)
        backend.may_answer.set()
        await task

        assert len(interaction.edits) == 1
        assert "cannot be shown before it is complete: RuntimeError" in caplog.text

    async def test_it_ends_before_discord_forgets_the_interaction(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask, clock: Clock
    ) -> None:
        backend.words = 4
        backend.answer = Answer(written(5), "tiny", "cpu", "float32", 0.01)

        await answering(interaction, backend)

        assert backend.stopped == 1
        assert clock.now == pytest.approx(pending.LAST_SECONDS, abs=0.5)
        assert interaction.descriptions == ["**Count:** one two three four▌", "**Count:** one two three four five…"]
        assert interaction.buttons[-1] == ["Regenerate", "Continue", "Show the work"]

    async def test_what_cannot_be_ended_by_then_is_given_up(
        self, backend: StubBackend, interaction: StubInteraction, answering: Ask, clock: Clock
    ) -> None:
        backend.obedient = False

        with pytest.raises(DeadlinePassed):
            await answering(interaction, backend)
        await asyncio.sleep(0)

        assert backend.given_up
        assert clock.now == pytest.approx(pending.LAST_SECONDS + pending.ENDING_SECONDS, abs=0.5)
