"""The labelled sentences, and how they are counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import pytest

from bot.commands.evaluate import Accuracy, measure
from bot.errors import ModelUnavailable
from bot.evaluation.labelled import Example, read_examples
from bot.inference.answering import Answering
from bot.inference.backend import Backend
from bot.inference.checkpoints.description import CheckpointDescription
from bot.inference.languages.lookup import language
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.requests import Answer, LabelScore, Request
from bot.inference.status import WorkerStatus
from bot.tasks import all_tasks
from bot.tasks.fill import FillRequest, FillResult, completed
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from bot.tasks.translate import TranslateRequest, TranslateResult
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult

ResultT = TypeVar("ResultT")

DEV, TEST = read_examples("dev"), read_examples("test")
TRANSLATIONS = ["translate to German", "translate to French", "translate to Spanish"]


class ToyBackend(Backend):
    """Answers at once, with a function of the request."""

    def __init__(self, answer: Callable[[Any], Any]) -> None:
        self._answer = answer

    def submit(self, request: Request[ResultT], *, person: int, background: bool = False) -> Answering[ResultT]:
        raise NotImplementedError

    async def run(self, request: Request[ResultT], *, person: int) -> Answer[ResultT]:
        return Answer(self._answer(request), f"toy {type(request).__name__}", "cpu", "float32", 0.1)

    def languages(self, task: str) -> LanguagePairs | None:
        raise NotImplementedError

    def status(self) -> WorkerStatus:
        raise NotImplementedError

    async def describe(self, task: str) -> CheckpointDescription:
        raise NotImplementedError


def feeling(label: str) -> SentimentResult:
    return SentimentResult((LabelScore(label, 0.9), LabelScore("OTHER", 0.1)), truncated=False)


def filled(request: FillRequest, word: str) -> FillResult:
    return completed(request, [[(word, 0.9)]], truncated=False)


def translated(text: str) -> TranslateResult:
    return TranslateResult(text, language("en"), language("de"), truncated=False)


@pytest.mark.parametrize("examples", [DEV, TEST], ids=["dev", "test"])
class TestEachHalf:
    def test_is_large_enough(self, examples: list[Example]) -> None:
        counts = Counter(example.group for example in examples)
        assert counts["sentiment"] >= 40
        assert counts["zeroshot"] >= 20
        assert counts["fill"] >= 10
        assert all(counts[group] >= 12 for group in TRANSLATIONS)
        assert sorted(counts) == sorted(["sentiment", "zeroshot", "fill", *TRANSLATIONS])

    def test_asks_the_task_that_it_names(self, examples: list[Example]) -> None:
        requests = {task.name: task.request for task in all_tasks()}
        assert all(type(example.request) is requests[example.task] for example in examples)

    def test_has_every_request_once(self, examples: list[Example]) -> None:
        assert len({example.request for example in examples}) == len(examples)

    def test_labels_are_balanced_and_possible(self, examples: list[Example]) -> None:
        found: Counter[str] = Counter()
        for example in examples:
            if isinstance(example.request, SentimentRequest):
                found.update(label for label in ("POSITIVE", "NEGATIVE") if example.is_right(feeling(label)))
            if isinstance(example.request, ZeroShotRequest):
                fitting = [label for label in example.request.labels if example.is_right(topic(label))]
                assert len(fitting) == 1
        assert found["POSITIVE"] == found["NEGATIVE"] == sum(example.group == "sentiment" for example in examples) / 2


def topic(label: str) -> ZeroShotResult:
    return ZeroShotResult((LabelScore(label, 0.9),), multi_label=False, truncated=False)


def test_halves_do_not_overlap() -> None:
    def texts(examples: list[Example]) -> set[str]:
        return {getattr(example.request, "text").casefold() for example in examples}  # noqa: B009 - of several classes

    assert not texts(DEV) & texts(TEST)


def test_without_a_half_nothing_is_read() -> None:
    assert read_examples("train") == []


class TestWhatIsRight:
    @pytest.fixture
    def german(self) -> Example:
        return next(one for one in TEST if one.group == "translate to German")

    def right(self, example: Example) -> str:
        """One of the accepted translations, without case and punctuation."""
        return min(example.accepted)

    def test_a_translation_in_any_case_and_punctuation(self, german: Example) -> None:
        text = self.right(german)
        for written in (text, text.upper(), f"¡{text.capitalize()}!", f" {text.replace(' ', ',  ')} … "):
            assert german.is_right(translated(written)), written

    def test_another_translation(self, german: Example) -> None:
        text = self.right(german)
        for written in ("", "…", text + " nicht", text[1:], text.replace(" ", "")):
            assert not german.is_right(translated(written)), written

    def test_accents_however_they_are_encoded(self) -> None:
        import unicodedata

        for example in TEST:
            if example.task == "translate":
                text = self.right(example)
                assert example.is_right(translated(unicodedata.normalize("NFD", text)))

    def test_a_word_in_any_case(self) -> None:
        example = next(one for one in TEST if one.group == "fill")
        assert isinstance(example.request, FillRequest)
        assert not example.is_right(filled(example.request, "xyzzy"))

    def test_a_label_in_any_case(self) -> None:
        example = next(one for one in TEST if one.group == "sentiment" and one.is_right(feeling("POSITIVE")))
        assert example.is_right(feeling("Positive"))
        assert not example.is_right(feeling("NEGATIVE"))


class TestMeasuring:
    async def test_counts(self) -> None:
        def answer(request: Request[Any]) -> Any:
            if isinstance(request, SentimentRequest):
                return feeling("POSITIVE")
            if isinstance(request, ZeroShotRequest):
                return topic("no such label")
            if isinstance(request, TranslateRequest):
                return translated("nothing")
            assert isinstance(request, FillRequest)
            return filled(request, "xyzzy")

        found = {one.group: one for one in await measure(ToyBackend(answer), TEST)}
        assert found["sentiment"] == Accuracy("sentiment", "toy SentimentRequest", 20, 40)
        assert found["zeroshot"] == Accuracy("zeroshot", "toy ZeroShotRequest", 0, 20)
        assert found["translate to French"] == Accuracy("translate to French", "toy TranslateRequest", 0, 12)
        assert sum(one.total for one in found.values()) == len(TEST)

    async def test_everything_right(self) -> None:
        examples = [
            Example(
                "sentiment",
                "sentiment",
                SentimentRequest(text),
                frozenset({"YES"}),
                lambda result: str(result.scores[0].label),
            )
            for text in ("I love it", "I hate it", "Great")
        ]
        assert await measure(ToyBackend(lambda request: feeling("YES")), examples) == [
            Accuracy("sentiment", "toy SentimentRequest", 3, 3)
        ]

    async def test_checkpoints_are_counted_apart(self) -> None:
        examples = [
            Example("mixed", "sentiment", SentimentRequest("I love it"), frozenset({""}), lambda result: ""),
            Example("mixed", "translate", TranslateRequest("I love it", "de"), frozenset(), lambda result: ""),
        ]
        found = await measure(ToyBackend(lambda request: None), examples)
        assert [(one.checkpoint, one.right, one.total) for one in found] == [
            ("toy SentimentRequest", 1, 1),
            ("toy TranslateRequest", 0, 1),
        ]

    async def test_nothing_to_measure(self) -> None:
        assert await measure(ToyBackend(lambda request: None), []) == []

    async def test_a_checkpoint_that_is_not_to_be_had(self) -> None:
        def answer(request: Request[Any]) -> Any:
            raise ModelUnavailable("Not there.")

        with pytest.raises(ModelUnavailable):
            await measure(ToyBackend(answer), TEST[:3])
