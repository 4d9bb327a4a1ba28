from __future__ import annotations

import json

import pytest

from bot.commands.ask import ask_once
from bot.errors import ModelUnavailable, SettingsError
from bot.inference.checkpoints.catalogue import Preset
from bot.settings import Settings
from tests.commands.conftest import Paper

LINE = "/sentiment text:I love to hate this course"


async def test_shows_the_reply(settings: Settings, console: Paper, capsys: pytest.CaptureFixture[str]) -> None:
    await ask_once(settings, LINE, False, console)

    assert LINE in console.text
    assert "POSITIVE" in console.text
    assert "NEGATIVE" in console.text
    assert "only you" not in console.text
    progress = capsys.readouterr().err
    assert "distilbert" in progress
    assert "ready" in progress
    assert "llama" not in progress  # only what the command needs


async def test_prints_json_and_nothing_else(
    settings: Settings, console: Paper, capsys: pytest.CaptureFixture[str]
) -> None:
    await ask_once(settings, LINE, True, console)

    reply = json.loads(capsys.readouterr().out)
    assert reply["command"] == LINE
    assert not reply["ephemeral"]
    assert "POSITIVE" in reply["embeds"][0]["description"]
    assert console.text == ""


async def test_the_slash_can_be_left_out(
    settings: Settings, console: Paper, capsys: pytest.CaptureFixture[str]
) -> None:
    await ask_once(settings, " " + LINE.removeprefix("/"), False, console)
    assert "POSITIVE" in console.text
    assert "distilbert" in capsys.readouterr().err


async def test_a_lesson_can_be_repeated(settings: Settings, console: Paper) -> None:
    """A choice has the name that Discord shows, such as /sentiment, and not the value that the bot gets."""
    await ask_once(settings, "/guess text:I love to hate this course command:/sentiment", False, console)
    assert "How does this text feel, for the model?" in console.text


async def test_a_bad_input_is_told_as_the_user_sees_it(settings: Settings, console: Paper) -> None:
    await ask_once(settings, "/fill text:No mask here", False, console)

    assert "There is no mask in the text" in console.text
    assert "only you can see this" in console.text


async def test_a_bad_input_as_json(settings: Settings, console: Paper, capsys: pytest.CaptureFixture[str]) -> None:
    await ask_once(settings, "/fill text:No mask here", True, console)

    reply = json.loads(capsys.readouterr().out)
    assert reply["ephemeral"]
    assert "There is no mask in the text" in reply["content"]


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("/predict text:x", "no command /predict"),
        ("/sentiment", "needs text"),
        ("/fill txt:x", "text:value"),
        ("/guess text:x command:/models", "command must be one of /sentiment, "),
        ("/mood channel:#chatter", "Please use this command in the playground"),
        ("", "Write a command"),
    ],
)
async def test_a_command_that_cannot_be_read_is_told_before_anything_is_loaded(
    settings: Settings, console: Paper, line: str, part: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SettingsError, match=part):
        await ask_once(settings, line, False, console)
    assert capsys.readouterr().err == ""


async def test_a_command_without_a_checkpoint(
    settings: Settings, console: Paper, course: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    only = Preset("tiny", "", {"fill": course.checkpoints["fill"]}, {})
    monkeypatch.setattr("bot.commands.ask.chosen_preset", lambda *_: only)

    await ask_once(settings, LINE, False, console)

    assert "No checkpoint is set for /sentiment" in console.text
    assert "only you can see this" in console.text


async def test_a_checkpoint_that_is_not_to_be_had(settings: Settings, console: Paper) -> None:
    empty = settings.cache_dir
    empty.mkdir()
    with pytest.raises(ModelUnavailable):
        await ask_once(settings.model_copy(update={"sentiment_checkpoint": str(empty)}), LINE, False, console)
