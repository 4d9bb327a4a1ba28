from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
import transformers

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.generation.continuous_batching import Generated
from bot.inference.operations import Operation, Row, run_task
from bot.tasks.answer import TASK, AnswerRequest, AnswerResult
from bot.tasks.prompts.question_answering import NEUTRAL, NO_ANSWER, OWN_GAIN, PROMPT, QUOTED_GAIN, clean_answer
from bot.text.graphemes import Span
from bot.text.quotes import find_quote
from tests.support import CPU, run_crowd, run_together
from tests.tasks.test_prompted import Bounded, Reference
from tests.tiny import SHORT_CONTEXT, TEXTS

LONG = " ".join(TEXTS[:7]) * 3
REQUESTS = [
    AnswerRequest(question, context)
    for context in (*TEXTS, LONG)
    for question in (
        "Who wrote this book?",
        "What is sour?",
        "Où est la gare?",
        "Who wrote the music, and who the book that nobody knows?",
    )
]


class FormerPipeline:
    """What `pipeline("question-answering", handle_impossible_answer=True)` computed, before transformers 5."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder).eval()

    def __call__(self, request: AnswerRequest) -> tuple[Span, float, float]:
        encoded = self.tokenizer(
            request.question,
            request.context,
            truncation="only_second",
            max_length=SHORT_CONTEXT,
            stride=SHORT_CONTEXT // 2,
            return_overflowing_tokens=True,
            return_token_type_ids=True,
        )
        answers = []
        least = 1.0
        for index, encoding in enumerate(encoded.encodings):
            start, end = self.logits({key: encoded[key][index] for key in self.tokenizer.model_input_names})
            allowed = np.array([sequence == 1 for sequence in encoding.sequence_ids])
            allowed[0] = True
            start, end = (self.softmax(np.where(allowed, one, -10000.0)) for one in (start, end))
            least = min(least, float(start[0] * end[0]))
            start[0] = end[0] = 0.0
            together = np.tril(np.triu(np.outer(start, end)), 15 - 1)
            first, last = np.unravel_index(int(together.argmax()), together.shape)
            begins = encoding.word_to_chars(encoding.token_to_word(int(first)), sequence_index=1)[0]
            ends = encoding.word_to_chars(encoding.token_to_word(int(last)), sequence_index=1)[1]
            answers.append((float(together[first, last]), Span(begins, ends)))
        probability, span = max(answers, key=lambda one: one[0])
        return span, probability, least

    @torch.inference_mode()
    def logits(self, inputs: dict[str, Any]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        output = self.model(**{key: torch.tensor([value]) for key, value in inputs.items()})
        return output.start_logits[0].double().numpy(), output.end_logits[0].double().numpy()

    @staticmethod
    def softmax(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        powers = np.exp(values - values.max())
        probabilities: npt.NDArray[np.float64] = powers / powers.sum()
        return probabilities


@pytest.fixture(scope="module")
def expected(checkpoints: Mapping[str, Path]) -> list[tuple[Span, float, float]]:
    pipe = FormerPipeline(checkpoints["bert_squad"])
    return [pipe(request) for request in REQUESTS]


def assert_close(results: list[AnswerResult], expected: list[tuple[Span, float, float]]) -> None:
    for result, (span, probability, absent) in zip(results, expected, strict=True):
        assert result.span == span
        assert result.probability == pytest.approx(probability, abs=1e-5)
        assert result.absent == pytest.approx(absent, abs=1e-5)
        assert not result.guessed
        assert not result.truncated


class TestAsTheFormerPipeline:
    def test_alone(self, load: Callable[[str], Any], expected: list[Any]) -> None:
        head = load("bert_squad")
        assert max(len(head.encode_windows(one.question, one.context)) for one in REQUESTS) > 3
        assert {result > absent for _, result, absent in expected} == {True, False}
        results = [run_task(TASK.start(head, request)) for request in REQUESTS]
        assert_close(results, expected)
        for request, result in zip(REQUESTS, results, strict=True):
            assert result.span is not None
            assert result.text == request.context[result.span.start : result.span.end] != ""

    def test_together(self, load: Callable[[str], Any], expected: list[Any]) -> None:
        assert_close(run_together(*(TASK.start(load("bert_squad"), request) for request in REQUESTS)), expected)

    async def test_through_the_worker(self, make_worker: Any, expected: list[Any]) -> None:
        async with make_worker() as worker:
            assert_close(await run_crowd(worker, REQUESTS * 2), expected * 2)
            assert worker.status().batches < worker.status().rows


def test_windows_cover_the_context_and_nothing_of_the_question(load: Callable[[str], Any]) -> None:
    head = load("bert_squad")
    windows = head.encode_windows("Who wrote this book?", LONG)
    covered: set[int] = set()
    for window in windows:
        assert window.row.tokens <= head.context_length
        assert window.spans[0] is None
        covered |= {character for place in window.spans if place is not None for character in range(*place)}
    assert {index for index, character in enumerate(LONG) if not character.isspace()} <= covered


def test_a_question_that_leaves_no_room(load: Callable[[str], Any]) -> None:
    with pytest.raises(InvalidRequest, match="shorter one"):
        run_task(TASK.start(load("bert_squad"), AnswerRequest("why? " * 60, "Because.")))


@pytest.mark.parametrize(
    ("question", "context", "sentence"),
    [
        ("", "a", "The question is empty"),
        ("?!", "a", "no words in the question"),
        ("a" * 301, "a", "300 at most"),
        ("a", " ", "The context is empty"),
        ("a", "b" * 20_001, "20,000 at most"),
    ],
)
def test_bad_requests(question: str, context: str, sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        AnswerRequest(question, context)


CONTEXT = "Marta moved from Porto to Vienna in 2015. She plays the cello, in a small orchestra."


@pytest.mark.parametrize(
    ("answer", "quote"),
    [
        ("Vienna", "Vienna"),
        ("the CELLO", "the cello"),
        ("she plays the cello in a small orchestra", "She plays the cello, in a small orchestra"),
        ("because of the cello", None),
        ("in the small orchestra", "small orchestra"),
        ("2015", "2015"),
        ("20", None),
        ("art", None),
        ("Lisbon", None),
        ("1999, in 2015 years", None),
        ("", None),
        ("(.*", None),
    ],
)
def test_quotes(answer: str, quote: str | None) -> None:
    span = find_quote(CONTEXT, answer)
    assert (None if span is None else CONTEXT[span.start : span.end]) == quote


@pytest.mark.parametrize(
    ("context", "answer", "question", "span"),
    [
        ("It was -5 degrees", "-5 degrees", "", Span(7, 17)),
        ("The ticket costs $12.50", "$12.50", "", Span(17, 23)),
        ("40% last year", "40%", "", Span(0, 3)),
        ("田中さんは東京に住んでいます。", "東京", "", Span(5, 7)),
        ("Bob writes C. Ann writes C++ every day.", "C++", "Which language does Ann write?", Span(25, 28)),
        (
            "In 1990 Ann was born. The shop opened in 1985 and closed in 1990.",
            "in 1990",
            "When did the shop close?",
            Span(57, 64),
        ),
    ],
)
def test_quotes_as_reported(context: str, answer: str, question: str, span: Span) -> None:
    """F5, F6, F2, F1. More of each kind is in test_quotes.py."""
    assert find_quote(context, answer, question) == span


def test_answers_are_tidied() -> None:
    assert clean_answer(" in the U.S.") == "in the U.S."
    assert clean_answer("「東京」。") == clean_answer("「東京」") == "東京"
    assert clean_answer(' "at  nine."\ufffd') == 'at nine."'.removesuffix('."')
    assert clean_answer(" . ") == ""


class TestPrompted:
    @pytest.fixture
    def written(self, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
        """A head that writes a given line, and weighs as it does."""
        head = load("llama")

        def write(line: str) -> Any:
            def run(rows: Sequence[Row[Any]]) -> list[Generated]:
                assert all(row.inputs.stop == "\n" for row in rows)
                return [Generated(head.encode_rest(line), finished=True) for _ in rows]

            monkeypatch.setattr(head, "generate", Operation("generate", run, head.generate.budget))
            return head

        return write

    @pytest.mark.parametrize(("line", "quote"), [(" cello\nQuestion", "cello"), (" a violin.\n", None)])
    def test_as_written_out(
        self, line: str, quote: str | None, written: Callable[[str], Any], checkpoints: Mapping[str, Path]
    ) -> None:
        request = AnswerRequest("What does Marta play?", CONTEXT)
        reference = Reference(checkpoints["llama"])
        text = line.split("\n")[0].strip(" .")
        after, usual = (
            sum(reference.each(PROMPT.format(context=context, question=request.question), f" {text}"))
            for context in (CONTEXT, NEUTRAL)
        )
        even = OWN_GAIN if quote is None else QUOTED_GAIN
        right = 1 / (1 + np.exp(even - (after - usual)))

        result = run_task(TASK.start(written(line), request))

        assert result.guessed
        assert result.text == text
        assert (None if result.span is None else CONTEXT[result.span.start : result.span.end]) == quote
        assert result.probability == pytest.approx(right, abs=1e-4)
        assert result.absent == pytest.approx(1 - right, abs=1e-4)

    @pytest.mark.parametrize(
        ("line", "question", "context", "before"),
        [
            (
                " in 1990\n",
                "When did the shop close?",
                "In 1990 Ann was born. The shop opened in 1985 and closed in 1990.",
                "closed ",
            ),
            (" C++\n", "Which language does Ann write?", "Bob writes C. Ann writes C++ every day.", "Ann writes "),
            (
                " to Jordan\n",
                "Where did the team travel?",
                "Jordan scored twice in the final. Later the team travelled to Jordan by bus.",
                "travelled ",
            ),
            (
                " 東京\n",
                "田中さんはどこに住んでいますか。",
                "東京は大きい。田中さんは東京に住んでいます。",
                "田中さんは",
            ),
        ],
    )
    def test_of_several_places_the_one_that_was_asked_for(
        self, line: str, question: str, context: str, before: str, written: Callable[[str], Any]
    ) -> None:
        """F1, F2, F6, F8."""
        result = run_task(TASK.start(written(line), AnswerRequest(question, context)))
        assert result.span is not None
        assert context[: result.span.start].endswith(before)
        assert context[result.span.start : result.span.end] == line.strip()

    @pytest.mark.parametrize("line", [f" {NO_ANSWER}\n", " Not in the text.", "", '  "" \n'])
    def test_no_answer(self, line: str, written: Callable[[str], Any]) -> None:
        result = run_task(TASK.start(written(line), AnswerRequest("What does Marta play?", CONTEXT)))
        assert result.is_absent
        assert (result.text, result.span, result.absent) == ("", None, 1.0)

    def test_the_model_itself_writes(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        requests = [AnswerRequest("What is sour?", text) for text in TEXTS]
        results = [run_task(TASK.start(head, request)) for request in requests]
        for result, other in zip(
            results, run_together(*(TASK.start(head, request) for request in requests)), strict=True
        ):
            assert result.text == other.text
            assert result.probability == pytest.approx(other.probability, abs=1e-4)
            assert result.probability + result.absent == pytest.approx(1)

    def test_a_long_context_is_cut(self, load: Callable[[str], Any]) -> None:
        result = run_task(TASK.start(load("llama"), AnswerRequest("What is sour?", "Apples are sour. " * 600)))
        assert result.truncated

    @pytest.mark.parametrize("question", ["What is sour?", "\u8a9e" * 300])
    def test_no_row_exceeds_the_context(self, tmp_path: Path, question: str) -> None:
        from tests import tiny

        tiny.llama(tmp_path / "short", context=1_500, vocabulary=tiny.LETTERS)
        head = load_head(tmp_path / "short", CPU)
        bounded = Bounded(head.model, head.tokenizer, CPU)
        for context in ("Apples are sour.", "Apples are sour. " * 300, "\u8a9e " * 3_000):
            try:
                run_task(TASK.start(bounded, AnswerRequest(question, context)))
            except ModelUnavailable:
                assert len(question) == 300

    def test_a_context_too_short_for_the_prompt(self, tmp_path: Path) -> None:
        from tests import tiny

        tiny.llama(tmp_path / "short", context=SHORT_CONTEXT)
        with pytest.raises(ModelUnavailable, match="128 tokens at most"):
            run_task(TASK.start(load_head(tmp_path / "short", CPU), AnswerRequest("What is sour?", "Apples")))
