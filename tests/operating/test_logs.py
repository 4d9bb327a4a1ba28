"""The log of requests: one line for each, their ids on every thread, and nothing that people have written."""

from __future__ import annotations

import asyncio
import io
import json
import logging
from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from bot.errors import ModelFailed
from bot.inference.operations import Row
from bot.inference.scheduling.recovery import RecoveringSession
from bot.log_formats import JsonLines, PlainText, formatter
from bot.logs import Discreet
from bot.operating.watch import Watch
from bot.request_ids import accepted_id, request_id, working_for
from bot.tasks.sentiment import SentimentRequest
from tests.cogs.conftest import OpenScene, Scene
from tests.cogs.test_commands import COMMANDS
from tests.inference.toys import ToyRequest, ToyShop
from tests.operating.conftest import Operator
from tests.operating.test_interactions import BROKEN

MARK = "swordfish"


class Lines:
    """What a process writes with `LOG_FORMAT=json`, at any level."""

    def __init__(self) -> None:
        self.handler = logging.StreamHandler(io.StringIO())
        self.handler.setFormatter(JsonLines())

    @property
    def text(self) -> str:
        return str(self.handler.stream.getvalue())

    @property
    def all(self) -> list[dict[str, Any]]:
        """Every line is one JSON object."""
        return [json.loads(line) for line in self.text.splitlines()]

    def of(self, logger: str) -> list[dict[str, Any]]:
        return [line for line in self.all if line["logger"] == logger]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[Lines]:
    lines, root = Lines(), logging.getLogger()
    monkeypatch.setattr(logging, "_logRecordFactory", Discreet)
    monkeypatch.setattr(root, "level", logging.DEBUG)
    root.manager._clear_cache()  # type: ignore[attr-defined]
    root.addHandler(lines.handler)
    yield lines
    root.removeHandler(lines.handler)


ENDS = "bot.operating.interaction_log"


class TestInteractions:
    async def test_one_line_for_each(self, open_scene: OpenScene, watch: Watch, lines: Lines) -> None:
        async with open_scene(watch=watch) as scene:
            await scene.alice.slash(scene.channel, "sentiment", text="I love apples")
            await scene.bob.slash(scene.channel, "fill", text="no mask here")
            scene.env.errors.clear()
            answered, invalid = lines.of(ENDS)
            assert answered["event"].startswith("/sentiment was answered in ")
            assert answered["level"] == "INFO"
            assert answered["command"] == "sentiment"
            assert answered["outcome"] == "answered"
            assert answered["checkpoint"] == "tiny-distilbert"
            assert min(answered["milliseconds"], answered["queue_milliseconds"]) >= 0
            assert answered["person"] == watch.pseudonym(scene.alice.id)
            assert int(answered["request_id"])
            assert invalid["event"] == "/fill was not answered: InvalidRequest"
            assert (invalid["outcome"], invalid["reason"]) == ("invalid", "invalid_request")
            assert invalid["person"] == watch.pseudonym(scene.bob.id)
            assert invalid["request_id"] != answered["request_id"]

    async def test_the_line_of_a_batch_on_the_device_thread_names_the_request(
        self, open_scene: OpenScene, watch: Watch, lines: Lines
    ) -> None:
        async with open_scene(tasks=[BROKEN], watch=watch) as scene:
            scene.failure(await scene.alice.slash(scene.channel, "sentiment", text=MARK))
        [failed] = lines.of("bot.inference.scheduling.isolation")
        [ended] = lines.of(ENDS)
        assert failed["event"].startswith("broken failed: RuntimeError at test_interactions.py:")
        assert failed["request_id"] == ended["request_id"]

    async def test_no_text_and_no_id_of_anybody(
        self, open_scene: OpenScene, watch: Watch, operator: Operator, lines: Lines
    ) -> None:
        """Every command with a marked text, its buttons, and what people may not do."""
        async with open_scene(watch=watch) as scene:
            for command, options in COMMANDS.items():
                marked = {name: f"{value} {MARK}" if is_text(name) else value for name, value in options.items()}
                result = await scene.alice.slash(scene.channel, command, **marked)
                if result.response is not None and command != "inspect":
                    await press_first(scene, result.response)
            await scene.alice.slash(scene.channel, "translate", text="hello", to=MARK)
            await scene.alice.slash(scene.channel, "models", checkpoint=MARK)
            await scene.alice.autocomplete(scene.channel, "translate", "to", MARK)
            scene.env.errors.clear()
            told = lines.text + (await operator.scrape()).text
            assert len(lines.of(ENDS)) >= 2 * len(COMMANDS)
            people = [scene.alice, scene.bob, scene.guild, scene.channel]
            for secret in (MARK, "alice", *(str(one.id) for one in people)):
                assert secret not in told.replace("simcord", "")


def is_text(option: str) -> bool:
    return option in {"text", "prompt", "question", "context", "code", "message", "texts", "first"}


async def press_first(scene: Scene, message: Any) -> None:
    """Press a button under an answer, if there is one."""
    labels = [one["label"] for row in message.components for one in row["components"] if one.get("label")]
    if labels:
        await scene.alice.click(message, label=labels[0])


class TestThreads:
    @pytest.fixture
    def shop(self, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> ToyShop:
        shop = ToyShop(tmp_path)
        monkeypatch.setattr("bot.inference.checkpoints.pool.fetch", lambda spec, cache, report: cache)
        monkeypatch.setattr("bot.inference.checkpoints.pool.load_head", shop.load_head)
        return shop

    async def test_only_the_culprit_of_a_batch_is_named(self, shop: ToyShop, lines: Lines) -> None:
        def fault(values: list[int]) -> None:
            if 13 in values:
                raise RuntimeError(MARK)

        shop.head.fault = fault
        async with shop.open() as worker:
            await worker.load(["toy"])
            async with shop.hold(worker):
                asked = []
                for value in (11, 12, 13, 14):
                    with working_for([f"request-{value}"]):
                        asked.append(worker.submit(ToyRequest(value), person=value))
                while worker.status().rows_waiting < 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.001)
            outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert [isinstance(one, ModelFailed) for one in outcomes] == [False, False, True, False]
        [failed] = lines.of("bot.inference.scheduling.isolation")
        assert failed["request_id"] == "request-13"
        assert [11, 12, 13, 14] in shop.head.batches

    async def test_what_fails_on_a_preparation_thread(self, shop: ToyShop, lines: Lines) -> None:
        def leave() -> None:
            raise SystemExit

        async with shop.open() as worker:
            with working_for(["request-1"]):
                asked = worker.submit(ToyRequest(1, prepare=leave), person=1)
            with pytest.raises(ModelFailed):
                await asked
            await worker.run(ToyRequest(2, prepare=lambda: logging.getLogger("bot.toy").info("here")), person=2)
        [failed] = lines.of("bot.inference.answerer")
        assert failed["request_id"] == "request-1"
        assert "request_id" not in lines.of("bot.toy")[0]  # the thread has forgotten the earlier one

    def test_a_decode_step_names_all_its_requests(self, lines: Lines) -> None:
        class Broken:
            joinable = True

            def __len__(self) -> int:
                return 1

            def join(self, rows: Sequence[Row[Any]]) -> None:
                raise RuntimeError(MARK)

            def leave(self) -> list[Any]:
                return []

            def step(self) -> None: ...

        rows = [Row(None, 1) for _ in range(3)]
        for row, name in zip(rows, ("one", "two", "two"), strict=True):
            row.wait(name, 0.0)
        RecoveringSession("generate", Broken).decode_step(rows)
        [told] = lines.of("bot.inference.scheduling.recovery")
        assert told["request_id"] == "one,two"
        assert MARK not in lines.text


class TestFormats:
    def test_a_line_outside_of_requests(self, lines: Lines) -> None:
        logging.getLogger("bot.part").warning("%d rows", 3, extra={"fields": {"rows": 3}})
        [line] = lines.of("bot.part")
        assert line.pop("time").endswith("+00:00")
        assert line == {"level": "WARNING", "logger": "bot.part", "event": "3 rows", "rows": 3}

    def test_nothing_that_a_library_adds_is_written(self, lines: Lines) -> None:
        extra = {"fields": {"path": MARK}, "request_id": MARK, "command": MARK, "person": MARK, "remote": MARK}
        logging.getLogger("library.access").info("a request", extra=extra)
        [line] = lines.of("library.access")
        assert line.keys() == {"time", "level", "logger", "event"}
        assert MARK not in lines.text

    def test_a_message_of_several_lines_is_one_line(self, lines: Lines) -> None:
        logging.getLogger("bot.part").info("one\ntwo “three”")
        assert lines.of("bot.part")[0]["event"] == "one\ntwo “three”"

    def test_an_error_is_told_by_its_kind_and_line(self, lines: Lines) -> None:
        try:
            raise RuntimeError(MARK)
        except RuntimeError:
            logging.getLogger("bot.part").exception("it failed")
        [line] = lines.of("bot.part")
        assert line["event"].startswith("it failed: RuntimeError at test_logs.py:")
        assert MARK not in lines.text

    def test_plain_text_has_the_id_at_its_end(self) -> None:
        with working_for(["5000"]):
            record = Discreet("bot.part", logging.INFO, "file.py", 1, "it works", (), None)
        assert PlainText().format(record).endswith(" INFO bot.part: it works [5000]")
        record = Discreet("bot.part", logging.INFO, "file.py", 1, "it works", (), None)
        assert PlainText().format(record).endswith(" INFO bot.part: it works")

    def test_the_setting(self) -> None:
        assert isinstance(formatter("json"), JsonLines)
        assert isinstance(formatter("text"), PlainText)


class TestIds:
    @pytest.mark.parametrize("sent", ["5000", "a-b_c.D", "x" * 64])
    def test_a_callers_is_kept(self, sent: str) -> None:
        assert accepted_id(sent) == sent

    @pytest.mark.parametrize("sent", [None, "", "two words", "new\nline", "x" * 65, "é"])
    def test_what_does_not_belong_in_a_log_is_replaced(self, sent: str | None) -> None:
        assert accepted_id(sent) not in {sent, accepted_id(sent)}

    def test_are_as_before_afterwards(self) -> None:
        with working_for(["1", "", "2", "1"]):
            assert request_id.get() == "1,2"
        assert request_id.get() == ""

    async def test_a_row_knows_its_request(self, make_worker: Any) -> None:
        async with make_worker() as worker:
            with working_for(["5000"]):
                answering = worker.submit(SentimentRequest("I love it"), person=1)
            answer = await answering
            assert answer.waited >= 0
            assert (await worker.run(SentimentRequest("I love it"), person=2)).waited == 0.0  # remembered


def test_a_row_waits_until_a_device_takes_it() -> None:
    row = Row(1, 1)
    row.wait("5000", -1_000_000.0)
    row.run_on(0)
    assert row.waited > 1_000_000.0
