from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import transformers

from bot.errors import InvalidRequest
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.operations import run_task
from bot.tasks.entities import TASK, EntitiesRequest, EntitiesResult
from bot.tasks.names.kinds import ANCHORS, KINDS, MOST_NAMES, QUESTIONS
from tests.support import CPU, run_crowd, run_together
from tests.tasks.test_prompted import Bounded, Reference
from tests.tiny import TEXTS

REQUESTS = [EntitiesRequest(text) for text in TEXTS]
STRATEGIES = {"bert_ner": "first", "roberta_ner": "simple"}
NAMED = "My name is Sylvain. Later Sylvain met Anna Lee's dog in Berlin."

Known = list[tuple[int, int, str, float]]


@pytest.fixture(scope="module")
def expected(checkpoints: Mapping[str, Path]) -> Mapping[str, list[Known]]:
    """What transformers' own pipeline finds, by checkpoint."""
    found = {}
    for name, strategy in STRATEGIES.items():
        pipe = transformers.pipeline(
            "token-classification", model=str(checkpoints[name]), aggregation_strategy=strategy, device="cpu"
        )
        found[name] = [[known(request.text, one) for one in pipe(request.text)] for request in REQUESTS]
    return found


def known(text: str, one: Any) -> tuple[int, int, str, float]:
    """Byte-level tokenizers count the space around a word; it is no part of the entity."""
    name = text[one["start"] : one["end"]]
    start = one["start"] + len(name) - len(name.lstrip())
    return start, start + len(name.strip()), one["entity_group"], float(one["score"])


def close(results: list[EntitiesResult], expected: list[Known]) -> bool:
    found = [one for result in results for one in result.entities]
    right = [one for some in expected for one in some]
    same = [(one.start, one.end, one.label) for one in found] == [one[:3] for one in right]
    return same and [one.probability for one in found] == pytest.approx([one[3] for one in right], abs=1e-5)


@pytest.mark.parametrize("name", STRATEGIES)
class TestAsThePipeline:
    def test_alone(self, name: str, load: Callable[[str], Any], expected: Mapping[str, list[Known]]) -> None:
        head = load(name)
        assert head.marks_words is (STRATEGIES[name] == "first")
        assert sum(map(len, expected[name])) > 30
        assert {"LOC", "ORG"} <= {one[2] for some in expected[name] for one in some}
        assert close([run_task(TASK.start(head, request)) for request in REQUESTS], expected[name])

    def test_together(self, name: str, load: Callable[[str], Any], expected: Mapping[str, list[Known]]) -> None:
        assert close(run_together(*(TASK.start(load(name), request) for request in REQUESTS)), expected[name])

    async def test_through_the_worker(
        self, name: str, make_worker: Any, make_preset: Any, expected: Mapping[str, list[Known]]
    ) -> None:
        async with make_worker(make_preset(entities=name)) as worker:
            results = await run_crowd(worker, REQUESTS * 2)
            status = worker.status()
        assert close(results, expected[name] * 2)
        assert status.batches < status.rows


def test_bfloat16_is_read(checkpoints: Mapping[str, Path]) -> None:
    head = load_head(checkpoints["bert_ner"], Device("cpu", "bfloat16"))
    for result in run_together(*(TASK.start(head, request) for request in REQUESTS)):
        assert all(0 < one.probability <= 1 for one in result.entities)


def test_says_what_it_did_not_read(load: Callable[[str], Any]) -> None:
    request = EntitiesRequest("I love apples. " * 200)
    result = run_task(TASK.start(load("bert_ner"), request))
    assert result.truncated
    assert max(one.end for one in result.entities) < len(request.text) / 2
    assert not run_task(TASK.start(load("bert_ner"), REQUESTS[0])).truncated


def test_a_text_without_words() -> None:
    with pytest.raises(InvalidRequest, match="no words"):
        EntitiesRequest("😀")


class TestPrompted:
    def test_as_written_out(self, load: Callable[[str], Any], checkpoints: Mapping[str, Path]) -> None:
        import torch

        reference = Reference(checkpoints["llama"])

        def answers(sentence: str, name: str) -> torch.Tensor:
            asked = []
            for question in QUESTIONS:
                prompt = question.prompt.format(text=sentence, name=name)
                scores = [sum(reference.each(prompt, word)) for word in question.words]
                asked.append(torch.tensor(scores, dtype=torch.float64).log_softmax(dim=0))
            return torch.stack(asked)

        leaning = torch.stack([answers(*anchor) for anchor in ANCHORS]).mean(dim=0)
        right = {}
        for name, sentence in {
            "Sylvain": "My name is Sylvain.",
            "Anna Lee": "Later Sylvain met Anna Lee's dog in Berlin.",
            "Berlin": "Later Sylvain met Anna Lee's dog in Berlin.",
        }.items():
            shared = (answers(sentence, name) - leaning).sum(dim=0).softmax(dim=0)
            right[name] = (KINDS[int(shared.argmax())], float(shared.max()))
        assert {"PER", "LOC", "ORG"} & {kind for kind, _ in right.values()}

        result = run_task(TASK.start(load("llama"), EntitiesRequest(NAMED)))

        assert result.guessed
        right = {name: said for name, said in right.items() if said[0] != "O"}
        assert {NAMED[one.start : one.end]: one.label for one in result.entities} == {
            name: label for name, (label, _) in right.items()
        }
        for one in result.entities:
            assert one.probability == pytest.approx(right[NAMED[one.start : one.end]][1], abs=1e-4)

    def test_every_place_of_a_name_is_found(self, load: Callable[[str], Any]) -> None:
        result = run_task(TASK.start(load("llama"), EntitiesRequest("Anna and Tom and Anna, and Tom: Anna!")))
        names = [one.start for one in result.entities]
        assert names == sorted(names)
        assert {names.count(place) for place in names} == {1}
        by_label = {one.label for one in result.entities if one.start in (0, 17, 32)}
        assert len(by_label) <= 1  # the same name is the same everywhere

    def test_in_shared_batches(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        requests = [EntitiesRequest(text) for text in (NAMED, "Paris is large.", "Tom saw Anna in Oslo. " * 8)]
        alone = [run_task(TASK.start(head, request)) for request in requests]
        for one, other in zip(alone, run_together(*(TASK.start(head, request) for request in requests)), strict=True):
            assert [entity.start for entity in one.entities] == [entity.start for entity in other.entities]
            assert [entity.probability for entity in one.entities] == pytest.approx(
                [entity.probability for entity in other.entities], abs=1e-4
            )

    def test_no_row_exceeds_the_context(self, tmp_path: Path) -> None:
        from tests import tiny

        tiny.llama(tmp_path / "short", context=550, vocabulary=tiny.LETTERS)
        head = load_head(tmp_path / "short", CPU)
        bounded = Bounded(head.model, head.tokenizer, CPU)
        for text in (NAMED, f"{'語' * 900} Anna {'語' * 900}", "Ab" * 39 + " rains", "Anna " * 500):
            assert run_task(TASK.start(bounded, EntitiesRequest(text))).guessed

    def test_nothing_to_ask(self, load: Callable[[str], Any]) -> None:
        result = run_task(TASK.start(load("llama"), EntitiesRequest("nothing here. It rains, and on Monday too")))
        assert result == EntitiesResult((), truncated=False, guessed=True)

    def test_very_many_names(self, load: Callable[[str], Any]) -> None:
        text = " and ".join(f"Anna{chr(97 + index // 26)}{chr(97 + index % 26)}" for index in range(MOST_NAMES + 5))
        result = run_task(TASK.start(load("llama"), EntitiesRequest(text)))
        assert result.truncated
        assert len(result.entities) <= MOST_NAMES
