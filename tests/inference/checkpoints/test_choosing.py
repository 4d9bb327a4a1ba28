"""Requests that name the checkpoint that answers them, in the worker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.checkpoints.catalogue import CheckpointSpec, Extra, FolderSource, Preset
from bot.inference.checkpoints.memory_limit import MemoryLimits
from bot.inference.status import Phase
from bot.inference.worker import InferenceWorker
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.tokenize import TokenizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.request import WorkRequest
from tests.support import with_extras

OpenWorker = Callable[..., AbstractAsyncContextManager[InferenceWorker]]

FILL = FillRequest("I love [MASK].")
SENTIMENT = SentimentRequest("I love apples")


@pytest.fixture
def preset(make_preset: Any, checkpoints: Mapping[str, Path]) -> Preset:
    """Three tasks, and three checkpoints to choose from, of which one can do two of them."""
    own = make_preset(sentiment="distilbert", fill="roberta", generate="llama", translate="t5")
    return with_extras(own, checkpoints["bert"], checkpoints["gpt2"], checkpoints["marian"])


def chosen(request: Any, name: str) -> Any:
    return replace(request, checkpoint=name)


async def test_the_named_one_answers_and_its_answers_are_its_own(make_worker: OpenWorker, preset: Preset) -> None:
    async with make_worker(preset) as worker:
        await worker._fetch_choices()
        usual = await worker.run(FILL, person=1)
        other = await worker.run(chosen(FILL, "tiny-bert"), person=1)
        again = await worker.run(chosen(FILL, "tiny-bert"), person=2)

        assert (usual.checkpoint, other.checkpoint) == ("tiny-roberta", "tiny-bert")
        assert usual.result != other.result
        assert (again.result, again.waited) == (other.result, 0.0)  # remembered, for this checkpoint

        work = await worker.run(WorkRequest.of(chosen(FILL, "tiny-bert")), person=1)
        assert work.checkpoint == "tiny-bert"
        tokens = await worker.run(TokenizeRequest(("a b",), checkpoint="tiny-gpt2"), person=1)
        assert tokens.checkpoint == "tiny-gpt2"


async def test_to_choose_the_usual_one_is_to_choose_none(make_worker: OpenWorker, preset: Preset) -> None:
    async with make_worker(preset) as worker:
        first = await worker.run(FILL, person=1)
        rows = worker.status().rows
        again = await worker.run(chosen(FILL, "tiny-roberta"), person=2)
        assert again.result == first.result
        assert worker.status().rows == rows


async def test_is_fetched_ahead_and_loaded_when_it_is_chosen_once_for_all_tasks(
    make_worker: OpenWorker, preset: Preset
) -> None:
    async with make_worker(preset) as worker:
        assert worker.status().checkpoints[-2].offered == ()  # nobody has looked at its files

        await worker.preload()
        known = {one.name: one for one in worker.status().checkpoints}
        assert known["tiny-gpt2"].phase is Phase.WAITING
        assert known["tiny-gpt2"].tasks == ()
        assert set(known["tiny-gpt2"].offered) >= {"sentiment", "fill", "generate"}
        assert known["tiny-bert"].offered == ("fill",)
        assert known["tiny-llama"].offered[0] == "generate"
        assert "sentiment" in known["tiny-llama"].offered

        answers = await asyncio.gather(
            worker.run(chosen(SENTIMENT, "tiny-gpt2"), person=1),
            worker.run(chosen(FILL, "tiny-gpt2"), person=2),
            worker.run(chosen(GenerateRequest("I love", max_new_tokens=3), "tiny-gpt2"), person=3),
        )
        assert {answer.checkpoint for answer in answers} == {"tiny-gpt2"}
        [gpt2] = [one for one in worker._pool.checkpoints if one.state.spec.name == "tiny-gpt2"]
        assert gpt2.loaded is not None
        assert worker.status().checkpoints[-2].bytes == gpt2.loaded.bytes.total()


async def test_one_that_is_not_offered_is_refused_with_those_that_are(make_worker: OpenWorker, preset: Preset) -> None:
    async with make_worker(preset) as worker:
        await worker._fetch_choices()
        for name in ("tiny-bert", "nothing", "fill"):
            with pytest.raises(InvalidRequest) as refused:
                worker.submit(chosen(SENTIMENT, name), person=1)
            assert refused.value.sentence == (
                f"No checkpoint called “{name}” can be chosen for /sentiment here. "
                "There are tiny-distilbert and tiny-gpt2."
            )
        assert worker.status().requests == 0


async def test_makes_room_and_comes_back_with_its_calibrations(make_worker: OpenWorker, preset: Preset) -> None:
    async with make_worker(preset, room=MemoryLimits({"cpu": 1})) as worker:
        await worker._fetch_choices()
        first = await worker.run(chosen(SENTIMENT, "tiny-gpt2"), person=1)
        await worker.run(FILL, person=1)
        phases = {one.name: one.phase for one in worker.status().checkpoints}
        assert (phases["tiny-gpt2"], phases["tiny-roberta"]) == (Phase.EVICTED, Phase.READY)

        again = await worker.run(chosen(SentimentRequest("I love lemons"), "tiny-gpt2"), person=1)
        assert again.checkpoint == first.checkpoint
        assert len(worker._answerer._calibrations._done) == 1


async def test_languages_and_descriptions_are_those_of_the_checkpoint(make_worker: OpenWorker, preset: Preset) -> None:
    async with make_worker(preset) as worker:
        await worker._fetch_choices()
        answer = await worker.run(chosen(TranslateRequest("I love apples.", "de"), "tiny-marian"), person=1)
        assert answer.checkpoint == "tiny-marian"
        pairs = worker.languages("tiny-marian")
        assert pairs is not None
        assert dict(pairs.targets) == {"en": frozenset({"de"})}
        assert worker.languages("tiny-bert") is None

        found = await worker.describe("tiny-marian")
        assert (found.status.name, found.status.tasks, found.status.offered) == ("tiny-marian", (), ("translate",))
        with pytest.raises(ModelUnavailable):
            await worker.describe("nothing")


async def test_one_that_cannot_be_fetched_keeps_nobody_from_the_others(
    make_worker: OpenWorker, preset: Preset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = Extra(CheckpointSpec("broken", FolderSource(tmp_path / "nowhere")), ("fill",))
    async with make_worker(replace(preset, extras=(broken, *preset.extras))) as worker:
        with caplog.at_level(logging.ERROR):
            await worker.preload()
        assert "broken cannot be chosen" in caplog.text
        with pytest.raises(ModelUnavailable):
            await worker.run(chosen(FILL, "broken"), person=1)
        assert (await worker.run(chosen(FILL, "tiny-bert"), person=1)).checkpoint == "tiny-bert"
