from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.commands.evaluate import evaluate_preset
from bot.errors import ModelUnavailable
from bot.evaluation.labelled import Example, read_examples
from bot.settings import Settings
from tests.commands.conftest import Paper

GROUPS = {
    "sentiment": "tiny-distilbert",
    "zeroshot": "tiny-bart_mnli",
    "fill": "tiny-roberta",
    "translate to German": "tiny-t5",
}


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two examples of each group."""

    def read_few(half: str) -> list[Example]:
        groups = dict.fromkeys(example.group for example in read_examples(half))
        examples = read_examples(half)
        return [one for group in groups for one in [one for one in examples if one.group == group][:2]]

    monkeypatch.setattr("bot.commands.evaluate.read_examples", read_few)


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("half", ["test", "dev"])
async def test_prints_a_table(settings: Settings, console: Paper, half: str) -> None:
    await evaluate_preset(settings, False, console, half)

    for group in GROUPS:
        [line] = [line for line in console.text.splitlines() if f" {group} " in line]
        assert " of 2 " in line
    assert "right" in console.text


@pytest.mark.usefixtures("few")
async def test_leaves_out_what_a_checkpoint_cannot_do(
    settings: Settings, console: Paper, capsys: pytest.CaptureFixture[str]
) -> None:
    await evaluate_preset(settings, False, console, "test")  # a T5 knows German, French and Romanian

    assert "Left out, because the checkpoint cannot do it: translate to Spanish." in capsys.readouterr().err
    assert "Spanish" not in console.text


@pytest.mark.usefixtures("few")
async def test_prints_json_and_nothing_else(
    settings: Settings, console: Paper, capsys: pytest.CaptureFixture[str]
) -> None:
    await evaluate_preset(settings, True, console, "test")

    found = {one["group"]: one for one in json.loads(capsys.readouterr().out)}
    assert set(GROUPS) <= set(found)
    for one in found.values():
        assert 0 <= one["right"] <= one["total"] == 2
        assert one["checkpoint"]
    assert console.text == ""


@pytest.mark.usefixtures("few")
async def test_a_small_queue_is_no_hindrance(settings: Settings, console: Paper) -> None:
    few = settings.model_copy(update={"queue_size": 1, "requests_per_person": 1})
    await evaluate_preset(few, False, console, "test")
    assert " of 2 " in console.text


async def test_a_checkpoint_that_is_not_to_be_had(settings: Settings, console: Paper, tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable):
        await evaluate_preset(
            settings.model_copy(update={"translate_checkpoint": str(tmp_path)}), False, console, "test"
        )
