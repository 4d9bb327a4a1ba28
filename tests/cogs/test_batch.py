"""`/batch`: files through the real bot, in a server, a direct message and a group, with restarts in the middle."""

from __future__ import annotations

import asyncio
import csv
import io
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
import simcord
from simcord import interactions
from simcord.backend import serializers
from sqlalchemy.exc import OperationalError

from bot.batches import rendering, service
from bot.batches.job import job_as_json, read_job
from bot.batches.progress import Progress
from bot.batches.running import BatchRun
from bot.batches.service import BUSY, ENDED, NO_COLUMN, NOT_KEPT, NOT_YOURS, SERVER_BUSY
from bot.batches.shift import Shift
from bot.errors import UNEXPECTED
from bot.inference.checkpoints.catalogue import Preset
from bot.replies.components.genuine import NOT_OFFERED
from bot.servers.settings import ServerSettings
from bot.servers.topics.access import AccessSettings, Rule, Subject
from bot.storage.batches import BatchState
from tests.cogs.conftest import GROUP_CHANNEL, OpenScene, Scene
from tests.support import device_held
from tests.timers import PATIENCE

FILE = "reviews.csv"
ROWS = b'id,text\r\n1,"I love apples, really"\r\n2,=1+1 is odd\r\n3,\r\n4,I love apples\r\n'
TWO = b"a,b\nyes,no\nno,yes\n"
MANY = b"text\n" + b"".join(b"Apple number %d.\n" % number for number in range(20))


def shown(scene: Scene, message: Any) -> Any:
    """The message as it is now."""
    return scene.env.backend.get_message(message.channel_id, message.id)


def words(scene: Scene, message: Any) -> str:
    return "\n".join(one.get("description", "") for one in shown(scene, message).embeds)


def labels(scene: Scene, message: Any) -> list[str]:
    return [one.get("label", "") for row in shown(scene, message).components for one in row["components"]]


def answered(scene: Scene, message: Any) -> list[list[str]]:
    """The cells of the file under a message."""
    [attachment] = [one for one in shown(scene, message).attachments if one["filename"].endswith(".csv")]
    content = scene.env.backend.cdn.get(attachment["url"])
    data = content if isinstance(content, bytes) else content.data
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


KEPT_ROW = '{"0":{"values":["KEPT",1.0],"error":"","counted":["KEPT"],"truncated":false}}'
"""What a process keeps of the first row."""


def give(scene: Scene, content: bytes = MANY, name: str = FILE, **options: Any) -> simcord.InteractionResult:
    """Alice gives a file; this does not wait for the bot."""
    return scene.invoke(scene.alice, "batch", file=(name, content), **({"command": "sentiment"} | options))


def give_in_group(scene: Scene) -> simcord.InteractionResult:
    """Alice gives a file in a group channel, where the bot is not; this does not wait for the bot."""
    group = scene.env.backend.create_channel(None, "friends", type=GROUP_CHANNEL)
    group.recipient_ids = [scene.alice.id, scene.bob.id]
    options = {"file": (FILE, MANY), "command": "sentiment"}
    return scene.send(scene.alice, group, scene.slash_data(scene.alice, group.id, "batch", options))


async def begun(scene: Scene, result: simcord.InteractionResult) -> Any:
    """Wait for the progress of a file; return its message."""
    await scene.until(lambda: result.response is not None and labels(scene, result.response) == ["Stop"])
    return result.response


async def left_by_a_process(scene: Scene) -> tuple[Any, Any]:
    """Give a file to a process that stops before it has answered a row; return its message, and the file's id."""
    await scene.worker.load(["sentiment"])
    async with device_held(scene.worker):
        message = await begun(scene, give(scene))
        mine = await scene.store.batches.of(scene.alice.id)
        assert mine is not None
        await scene.bot.cogs["Batch"].office.close()  # type: ignore[attr-defined]
    return message, mine.id


async def done(scene: Scene, message: Any) -> None:
    await scene.until(lambda: shown(scene, message).attachments)


async def leave(scene: Scene) -> None:
    """The process of the bot ends, and another one begins."""
    await scene.bot.cogs["Batch"].office.close()  # type: ignore[attr-defined]
    await scene.restart()


def choose(scene: Scene, who: Any, message: Any, value: str, *, offered: bool = False) -> simcord.InteractionResult:
    """Somebody chooses a column; this does not wait for the bot.

    Args:
        offered: the menu of the message has this value, wherever it is from.
    """
    backend = scene.env.backend
    stored = shown(scene, message)
    menu = stored.components[0]["components"][0]
    data = {"custom_id": menu["custom_id"], "component_type": 3, "values": [value]}
    place = {"channel_id": stored.channel_id, "guild_id": scene.guild.id, "user_id": who.id}
    record, payload = interactions.base_payload(backend, type=3, data=data, **place)
    payload["message"] = deepcopy(dict(serializers.message_payload(backend, stored)))
    if offered:
        payload["message"]["components"][0]["components"][0]["options"].append({"label": "x", "value": value})
    record.source_message_id = stored.id
    backend.emit("INTERACTION_CREATE", payload)
    return simcord.InteractionResult(scene.env, record)


async def told(scene: Scene, result: simcord.InteractionResult) -> str:
    """The sentence that one person reads."""
    await scene.until(lambda: result.response is not None or result.followups)
    [message] = result.followups or [result.response]
    assert message.ephemeral
    return str(message.content)


async def test_a_file_comes_back_with_its_answers(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        for place in ("server", "direct message", "group"):
            result = await scene.ask(place, "batch", file=(FILE, ROWS), command="zeroshot", labels="fruit, sport")
            assert result.response is not None
            header, *rows = answered(scene, result.response)
            assert header == ["id", "text", "label", "probability", "p(fruit)", "p(sport)", "error"]
            assert [row[:2] for row in rows] == [
                ["1", "I love apples, really"], ["2", "'=1+1 is odd"], ["3", ""], ["4", "I love apples"],
            ]  # fmt: skip
            assert [row[2] in ("fruit", "sport") for row in rows] == [True, True, False, True]
            assert float(rows[0][3]) == max(float(rows[0][4]), float(rows[0][5]))
            assert "The text is empty" in rows[2][-1]
            assert "**3** of 4 rows answered" in words(scene, result.response)
            assert not labels(scene, result.response)
            [chart, file] = result.response.attachments
            assert (chart.filename, file.filename) == (rendering.CHART, "reviews-answered.csv")
            assert await scene.store.batches.of(scene.alice.id) is None
        assert not scene.worker.status().requests


@pytest.mark.parametrize(
    ("command", "options", "added"),
    [
        ("sentiment", {}, ["sentiment", "probability"]),
        ("entities", {}, ["entities", "number of entities"]),
        ("fill", {}, ["word", "probability", "completed"]),
        ("similarity", {"reference": "I love pears"}, ["similarity"]),
        ("similarity", {"second_column": "Other"}, ["similarity"]),
        ("translate", {"to": "fr", "from": "en"}, ["translation", "from"]),
    ],
)
async def test_each_command(
    open_scene: OpenScene, command: str, options: dict[str, str], added: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    content = b"text,other\nI love ___ apples.,I love pears.\nNo,\n"
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "batch", file=(FILE, content), command=command, **options)
        assert not scene.env.errors, scene.env.errors
        header, first, _ = answered(scene, result.response)
        assert header == ["text", "other", *added, "error"]
        assert first[-1] == ""
        assert all(first[2:-1]) or command == "entities"
    assert "I love" not in caplog.text


async def test_by_the_checkpoint_that_was_chosen(open_scene: OpenScene, make_preset: Any) -> None:
    async with open_scene(make_preset(sentiment="distilbert", generate="llama")) as scene:
        await scene.worker.load(["generate"])  # now its files say what it can do
        options = {"file": (FILE, MANY), "command": "sentiment"}
        usual = await scene.alice.slash(scene.channel, "batch", **options)
        other = await scene.alice.slash(scene.channel, "batch", **options, checkpoint="llama")
        unknown = await scene.alice.slash(scene.channel, "batch", **options, checkpoint="klingon")

        assert "by tiny-llama" in words(scene, other.response)
        assert "by tiny" not in words(scene, usual.response)
        assert answered(scene, usual.response) != answered(scene, other.response)
        assert "I have no checkpoint of this name" in scene.refusal(unknown)
        assert await scene.store.batches.of(scene.alice.id) is None


async def test_the_column_is_asked_for_and_only_its_person_answers(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "batch", file=(FILE, TWO), command="sentiment")
        message = result.response
        assert "Which column" in words(scene, message)
        await leave(scene)
        assert await told(scene, choose(scene, scene.bob, message, "0")) == str(NOT_YOURS)
        for forged in ("2", "-1", "x", "²"):
            assert await told(scene, choose(scene, scene.alice, message, forged)) == str(NOT_OFFERED)
            # In the menu of the message itself, as if the bot had put it there.
            assert await told(scene, choose(scene, scene.alice, message, forged, offered=True)) == str(NO_COLUMN)
        choose(scene, scene.alice, message, "1")
        await done(scene, message)
        assert "column b" in words(scene, message)
        # The same menu once more, from a client that still shows it.
        shown(scene, message).components = [
            {"type": 1, "components": [{"type": 3, "custom_id": "glassbox-batch-column:gone", "options": []}]}
        ]
        assert await told(scene, choose(scene, scene.alice, message, "1")) == str(ENDED)
        scene.env.errors.clear()

        result = await scene.alice.slash(scene.channel, "batch", file=(FILE, TWO), command="sentiment")
        await scene.alice.click(result.response, label="Cancel")
        assert "deleted the file" in words(scene, result.response)
        assert await scene.store.batches.of(scene.alice.id) is None


async def test_what_a_server_forbids_is_forbidden_for_files_too(open_scene: OpenScene) -> None:
    def forbidding(*features: str) -> Callable[[ServerSettings], ServerSettings]:
        rules = tuple(
            Rule(feature=feature, subject=Subject.MEMBER, id=scene.alice.id, allow=False) for feature in features
        )
        return lambda settings: settings.model_copy(update={"access": AccessSettings(rules=rules)})

    async with open_scene() as scene:
        await scene.bot.servers.change(scene.guild.id, forbidding("entities"))
        result = await scene.alice.slash(scene.channel, "batch", file=(FILE, TWO), command="entities")
        assert "entities" in await told(scene, result)
        result = await scene.alice.slash(scene.channel, "batch", file=(FILE, TWO), command="sentiment")
        await scene.bot.servers.change(scene.guild.id, forbidding("batch"))
        assert "batch" in await told(scene, choose(scene, scene.alice, result.response, "0"))
        # What is hers she may take back all the same.
        scene.press(scene.alice, result.response, "Cancel")
        await scene.until(lambda: "deleted the file" in words(scene, result.response))
        again = await scene.alice.slash(scene.channel, "batch", file=(FILE, TWO), command="sentiment")
        assert "batch" in await told(scene, again)
        direct = await scene.alice.user.slash("batch", file=(FILE, ROWS), command="sentiment")
        assert answered(scene, direct.response)
        scene.env.errors.clear()


async def test_it_goes_on_where_it_was_after_a_restart(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        message, mine = await left_by_a_process(scene)
        await scene.store.batches.keep(mine, 0, KEPT_ROW)  # is not asked again
        await scene.restart()
        await done(scene, message)
        _, *rows = answered(scene, message)
        assert len(rows) == 20
        assert rows[0][1:] == ["KEPT", "1.0000", ""]
        assert all(row[-1] == "" for row in rows)


@pytest.mark.parametrize("answered_before", [True, False])
async def test_it_does_not_go_on_where_its_person_may_not_ask_any_more(
    open_scene: OpenScene, answered_before: bool
) -> None:
    """What was answered before is given back, with the reason."""
    async with open_scene() as scene:
        message, mine = await left_by_a_process(scene)
        if answered_before:
            await scene.store.batches.keep(mine, 0, KEPT_ROW)
        rule = Rule(feature="sentiment", subject=Subject.ROLE, id=scene.guild.create_role("Guests").id, allow=False)
        rules = AccessSettings(rules=(rule,))
        await scene.bot.servers.change(scene.guild.id, lambda now: now.model_copy(update={"access": rules}))
        scene.env.backend.add_member_role(scene.guild.id, scene.alice.id, rule.id)
        scene.env.inject_error("GET", "/guilds/*/members/*", status=403, code=50013)  # first, nobody knows
        await scene.restart()
        await scene.until(lambda: "/sentiment is switched off here for your roles" in words(scene, message))
        if answered_before:
            _, *rows = answered(scene, message)
            assert [row[-1] for row in rows] == ["", *["This row was not reached before the end."] * 19]
        assert not shown(scene, message).components
        await scene.until(lambda: not scene.bot.cogs["Batch"].office._tasks)  # type: ignore[attr-defined]
        assert await scene.store.batches.of(scene.alice.id) is None


async def test_stop_gives_back_what_there_is(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await scene.worker.load(["sentiment"])
        async with device_held(scene.worker):
            message = await begun(scene, give(scene))
            assert "**0** of 20 rows" in words(scene, message)
            assert await told(scene, scene.press(scene.bob, message, "Stop")) == str(NOT_YOURS)
            again = give(scene)
            assert await told(scene, again) == str(BUSY)
            await scene.until(lambda: scene.worker.status().rows_waiting == 20)
            pressed = scene.press(scene.alice, message, "Stop")
            await done(scene, message)
            await scene.until(lambda: pressed.acknowledged)
            await scene.until(lambda: not scene.worker.status().requests)
        assert "20 rows were not reached" in words(scene, message)
        assert {row[-1] for row in answered(scene, message)[1:]} == {"This row was not reached before the end."}
        scene.env.errors.clear()


async def test_a_deleted_message_or_a_deleted_file_gives_it_up(open_scene: OpenScene) -> None:
    async with open_scene() as scene:
        await scene.worker.load(["sentiment"])
        for way in ("message", "file"):
            async with device_held(scene.worker):
                message = await begun(scene, give(scene))
                mine = await scene.store.batches.of(scene.alice.id)
                assert mine is not None
                if way == "message":
                    scene.env.backend.delete_message(message.channel_id, message.id)
                else:
                    await scene.store.batches.remove(mine.id)
                await scene.until(lambda: not scene.bot.cogs["Batch"].office._tasks)  # type: ignore[attr-defined]
            assert await scene.store.batches.of(scene.alice.id) is None
            await scene.until(lambda: not scene.worker.status().requests)


@pytest.mark.parametrize("place", ["server", "group"])
async def test_after_fifteen_minutes_it_goes_on_in_a_message(open_scene: OpenScene, place: str) -> None:
    async with open_scene() as scene:
        await scene.worker.load(["sentiment"])
        async with device_held(scene.worker):
            result = give(scene) if place == "server" else give_in_group(scene)
            message = await begun(scene, result)
            await scene.bot.cogs["Batch"].office.close()  # type: ignore[attr-defined]
            mine = await scene.store.batches.of(scene.alice.id)
            assert mine is not None
            job = read_job(mine.content)
            assert job is not None
            late = replace(job, place=replace(job.place, until=0.0))
            await scene.store.batches.change(mine.id, BatchState.RUNNING, job_as_json(late))
        await scene.restart()
        await scene.until(lambda: "another message" in words(scene, message))
        place_of = scene.channel.id if place == "server" else None
        await scene.until(lambda: _newest(scene, place_of, message))
        new = _newest(scene, place_of, message)
        assert "**20** of 20 rows answered" in new.embeds[0]["description"]
        assert not new.components


def _newest(scene: Scene, channel: int | None, before: Any) -> Any:
    """The file in a message of the bot's own, in a channel or a direct message."""
    backend = scene.env.backend
    found = [
        one
        for messages in backend.messages.values()
        for one in messages.values()
        if one.id != before.id and one.attachments and (channel is None or one.channel_id == channel)
    ]
    return found[-1] if found else None


async def test_where_only_the_response_can_be_edited_it_asks_before_it_takes_longer(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.batches.shift.EDIT_SECONDS", 0.01)
    async with open_scene() as scene:
        await scene.worker.load(["sentiment"])
        async with device_held(scene.worker):
            with monkeypatch.context() as patch:
                patch.setattr(BatchRun, "progress", property(lambda run: Progress(20, 1, 0, 0.01, 3_600.0)))
                result = give(scene, private=True)
                await scene.until(
                    lambda: result.response is not None and labels(scene, result.response) == ["Start", "Cancel"]
                )
                assert result.response.ephemeral
                said = words(scene, result.response)
                assert "20 rows: this takes about 60 minutes" in said
                assert str(rendering.LONGER) in said
                await scene.until(lambda: not scene.worker.status().requests)
            scene.press(scene.alice, result.response, "Start")
            await scene.until(lambda: labels(scene, result.response) == ["Stop"])
        await done(scene, result.response)
        assert "**20** of 20 rows answered" in words(scene, result.response)


async def test_what_is_answered_while_it_asks_is_not_asked_again(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch, asked: list[Any]
) -> None:
    monkeypatch.setattr("bot.batches.shift.EDIT_SECONDS", 0.01)
    ask = Shift._ask

    async def ask_slowly(shift: Shift) -> None:
        await ask(shift)
        gate.set()
        while not shift.run.is_done:
            await asyncio.to_thread(threading.Event().wait, 0.01)  # simcord holds timers back

    gate = threading.Event()
    async with open_scene() as scene:
        await scene.worker.load(["sentiment"])
        with monkeypatch.context() as patch:
            patch.setattr(BatchRun, "progress", property(lambda run: Progress(20, 1, 0, 0.01, 3_600.0)))
            patch.setattr(Shift, "_ask", ask_slowly)
            for runner in scene.worker._queue._runners:
                runner.thread.submit(gate.wait, PATIENCE)
            result = give(scene, private=True)
            office = scene.bot.cogs["Batch"].office  # type: ignore[attr-defined]
            await scene.until(
                lambda: result.response is not None and labels(scene, result.response) == ["Start", "Cancel"]
            )
            await scene.until(lambda: not office._tasks)
        before = len(asked)
        scene.press(scene.alice, result.response, "Start")
        await done(scene, result.response)
        assert "**20** of 20 rows answered" in words(scene, result.response)
        assert len(asked) == before


async def test_what_cannot_be_answered_is_said_at_once_and_nothing_is_kept(
    open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[tuple[str, bytes, dict[str, Any], str]] = [
        ("a.xlsx", ROWS, {}, "I read CSV"),
        ("a.csv", b"", {}, "empty"),
        ("a.csv", ROWS, {"command": "zeroshot"}, "needs `labels`"),
        ("a.csv", ROWS, {"command": "zeroshot", "labels": "one"}, "2 to 20"),
        ("a.csv", ROWS, {"command": "translate"}, "needs `to`"),
        ("a.csv", ROWS, {"command": "translate", "to": "qqqq"}, "qqqq"),
        ("a.csv", ROWS, {"command": "similarity"}, "second_column"),
        ("a.csv", ROWS, {"command": "fill", "top_k": 11}, "top_k"),
    ]
    read: list[tuple[str, bytes, dict[str, Any], str]] = [
        ("a.csv", b"PK\x03\x04\0\0", {}, "as text"),
        ("a.csv", ROWS, {"column": "*mood*"}, "no column “mood”"),
        ("a.csv", ROWS, {"command": "similarity", "second_column": "text"}, "two different"),
        ("a.jsonl", b"[1]\n", {}, "no JSON object"),
    ]
    async with open_scene() as scene:
        for name, content, options, part in refused:
            given = {"command": "sentiment"} | options
            result = await scene.alice.slash(scene.channel, "batch", file=(name, content), **given)
            assert not result.deferred
            assert part in await told(scene, result)
        for name, content, options, part in read:
            given = {"command": "sentiment"} | options
            result = await scene.alice.slash(scene.channel, "batch", file=(name, content), **given)
            assert result.response is None
            assert part in await told(scene, result)
        assert not await scene.store.batches.begun()

        for person in range(service.MOST_IN_A_SERVER):
            assert await scene.store.batches.add(person, scene.guild.id, "{}", b"text\n")
        result = await scene.alice.slash(scene.channel, "batch", file=(FILE, ROWS), command="sentiment")
        assert await told(scene, result) == str(SERVER_BUSY)

        async def fail(*arguments: object) -> None:
            raise OperationalError("SELECT secret", {}, Exception())

        monkeypatch.setattr(scene.store.batches, "of", fail)
        result = await scene.alice.slash(scene.channel, "batch", file=(FILE, ROWS), command="sentiment")
        assert await told(scene, result) == str(NOT_KEPT)
        assert len(scene.env.errors) == len(refused) + len(read) + 2


async def test_an_error_that_nobody_expected_is_told(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr("bot.batches.shift.write_table", fail)
    async with open_scene() as scene:
        result = await scene.alice.slash(scene.channel, "batch", file=(FILE, ROWS), command="sentiment")
        await scene.until(lambda: result.response is not None and str(UNEXPECTED) in words(scene, result.response))
        assert not labels(scene, result.response)
        await scene.until(lambda: not scene.bot.cogs["Batch"].office._tasks)  # type: ignore[attr-defined]
        assert await scene.store.batches.of(scene.alice.id) is None


async def test_without_a_checkpoint(open_scene: OpenScene, course: Preset) -> None:
    others = {task: spec for task, spec in course.checkpoints.items() if task != "sentiment"}
    async with open_scene(replace(course, checkpoints=others)) as scene:
        result = await scene.alice.slash(scene.channel, "batch", file=(FILE, ROWS), command="sentiment")
        assert "No checkpoint is set for /sentiment" in scene.refusal(result)


async def test_a_failing_database_costs_no_answer(open_scene: OpenScene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_scene() as scene:
        await scene.worker.load(["sentiment"])

        async def fail(*arguments: object) -> None:
            raise OperationalError("INSERT secret", {}, Exception())

        monkeypatch.setattr(scene.store.batches, "keep", fail)
        result = await scene.alice.slash(scene.channel, "batch", file=(FILE, MANY), command="sentiment")
        assert len(answered(scene, result.response)) == 21
