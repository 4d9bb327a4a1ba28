"""The work of `/answer`, by a question-answering head and by a causal language model."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from bot.errors import InvalidRequest
from bot.inference.compute.device import Device
from bot.inference.heads.generation.continuous_batching import Generated
from bot.inference.operations import Operation, run_task
from bot.replies.work.offer import work_of
from bot.tasks.answer import ANSWER_TOKENS, TASK, AnswerRequest, AnswerResult
from bot.tasks.prompts.question_answering import NEUTRAL, NO_ANSWER, OWN_GAIN, PROMPT, QUOTED_GAIN
from bot.tasks.work.answer import SPANS
from bot.tasks.work.answer_written import explain_writing
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.explanations import EXPLANATIONS
from bot.tasks.work.request import WorkRequest
from tests.support import run_crowd
from tests.tasks.test_prompted import Reference
from tests.tasks.work.page_objects import (
    Architecture,
    Borders,
    Decision,
    HiddenStates,
    Prepared,
    Quotation,
    SpanCandidates,
    Tokens,
    WeighedAnswer,
    WindowAnswers,
    Written,
    in_english,
    kinds_of,
)
from tests.tasks.work.support import equations, medians, piece_of, pieces_of
from tests.tiny import SHORT_CONTEXT, TEXTS

EXACT = 1e-6
SHORT = AnswerRequest("What is sour?", "I love apples. Apples are sour, and lemons are sourer.")
LONG = AnswerRequest("Who wrote this book?", " ".join(TEXTS[:7]) * 3)
ODD = [
    AnswerRequest("Où est la gare?", "Ça va 😀😀 👩\u200d👧. تفاح حامض، والليمون أحمض. @everyone ```code``` **b**"),
    AnswerRequest("Why?", "a"),
    AnswerRequest("What is sour?", "天気がいいから散歩しましょう"),
]


def asked(request: AnswerRequest, result: AnswerResult) -> WorkRequest:
    """The request of the button under an answer."""
    found = work_of(request, result)
    assert found is not None
    return found


def opened(head: Any, request: AnswerRequest) -> tuple[AnswerResult, Explanation]:
    """An answer, and its work as the button asks for it."""
    result = run_task(TASK.start(head, request))
    return result, in_english(
        run_task(EXPLANATIONS["answer"][head.kind](head, request, asked(request, result).written))
    )


class Directly:
    """transformers' model and tokenizer, without a task or a head."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForQuestionAnswering.from_pretrained(folder).eval()

    @torch.inference_mode()
    def __call__(self, request: AnswerRequest) -> list[Any]:
        """The encoding of each window, and the model's output for it."""
        encoded = self.tokenizer(
            request.question,
            request.context,
            truncation="only_second",
            max_length=SHORT_CONTEXT,
            stride=SHORT_CONTEXT // 2,
            return_overflowing_tokens=True,
            return_token_type_ids=True,
        )
        found = []
        for index, encoding in enumerate(encoded.encodings):
            inputs = {key: torch.tensor([encoded[key][index]]) for key in self.tokenizer.model_input_names}
            found.append((encoding, self.model(**inputs, output_hidden_states=True)))
        return found


@pytest.fixture(scope="module")
def directly(checkpoints: Mapping[str, Path]) -> Directly:
    return Directly(checkpoints["bert_squad"])


@pytest.fixture
def squad(load: Callable[[str], Any]) -> Any:
    return load("bert_squad")


class TestByPointing:
    @pytest.mark.parametrize("request_", [SHORT, LONG, *ODD], ids=["short", "long", "odd", "one letter", "one word"])
    def test_the_numbers_of_the_answer(self, squad: Any, directly: Directly, request_: AnswerRequest) -> None:
        result, work = opened(squad, request_)
        windows = directly(request_)
        names = [f"window {place}" for place in range(1, len(windows) + 1)] if len(windows) > 1 else [""]
        start, end = pieces_of(work, Borders)
        encoding, output = windows[names.index(start.window)]

        assert (start.side, end.side, end.window) == ("Start", "End", start.window)
        allowed = [place for place, one in enumerate(encoding.sequence_ids) if place == 0 or one == 1]
        for piece, logits in ((start, output.start_logits[0]), (end, output.end_logits[0])):
            assert [one.place for one in piece.tokens] == allowed
            assert [one.token.id for one in piece.tokens] == [encoding.ids[place] for place in allowed]
            assert [one.logit for one in piece.tokens] == pytest.approx(logits[allowed].tolist(), abs=EXACT)
            right = logits[allowed].double().softmax(dim=0).tolist()
            assert [one.probability for one in piece.tokens] == pytest.approx(right, abs=EXACT)
            assert piece.masked == len(encoding.ids) - len(allowed)

        spans = piece_of(work, SpanCandidates)
        best = spans.candidates[0]
        assert best.probability == pytest.approx(result.probability, abs=EXACT)
        assert best.text == result.text
        assert start.chosen is not None
        assert end.chosen is not None
        assert (start.chosen.place, end.chosen.place) == (best.first, best.last)
        assert spans.best == [[start.chosen.probability, end.chosen.probability, best.probability]]
        assert math.prod(spans.best[0][:2]) == pytest.approx(best.probability)
        assert spans.absent[:2] == [start.tokens[0].probability, end.tokens[0].probability]

        decision = piece_of(work, Decision)
        right_label = "not in the text" if result.is_absent else result.text
        right_share = result.absent if result.is_absent else result.probability
        assert decision.label == right_label
        assert decision.probability == pytest.approx(right_share, abs=EXACT)

    def test_the_likeliest_spans_of_all(self, squad: Any, directly: Directly) -> None:
        _, work = opened(squad, SHORT)
        start, end = pieces_of(work, Borders)
        pairs = [
            (first.probability * last.probability, first.place, last.place)
            for first in start.tokens[1:]
            for last in end.tokens[1:]
            if first.place <= last.place < first.place + ANSWER_TOKENS
        ]
        found = piece_of(work, SpanCandidates).candidates
        assert len(found) == SPANS
        assert [(one.probability, one.first, one.last) for one in found] == sorted(pairs, reverse=True)[:SPANS]

    def test_the_characters_of_the_answer(self, squad: Any) -> None:
        result, work = opened(squad, SHORT)
        assert result.span is not None
        spans = piece_of(work, SpanCandidates)
        assert f"the characters {result.span.start} to {result.span.end - 1} of the context" in spans.how
        assert f"“{result.text}”" in spans.how
        assert f"okens {spans.candidates[0].first} to {spans.candidates[0].last} stand" in spans.how
        for one in spans.candidates:
            assert one.text in SHORT.context

    def test_the_path_of_a_request(self, squad: Any, directly: Directly) -> None:
        _, work = opened(squad, SHORT)
        assert kinds_of(work) == [
            "Prepared",
            "Tokens",
            "Architecture",
            "HiddenStates",
            "Borders",
            "Borders",
            "SpanCandidates",
            "Decision",
        ]
        prepared = piece_of(work, Prepared)
        assert prepared.texts == (SHORT.question, SHORT.context)
        assert prepared.how == "The model reads the question and the context as a pair."
        [(encoding, output)] = directly(SHORT)
        tokens = piece_of(work, Tokens)
        assert [[one.id for one in row] for row in tokens.rows] == [encoding.ids]
        assert (tokens.names, tokens.shape, tokens.truncated) == ((), (1, len(encoding.ids)), False)
        assert piece_of(work, Architecture).family == "encoder"
        states = piece_of(work, HiddenStates)
        norms = medians(output.hidden_states)
        assert states.norms == pytest.approx(norms, rel=EXACT)
        assert (states.shape, states.row) == (tuple(output.hidden_states[-1].shape), "")

    def test_how_the_model_is_told_which_text_is_which(self, squad: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        question, context = (
            len(squad.tokenize(text, add_special_tokens=False)) for text in (SHORT.question, SHORT.context)
        )
        first = question + 2
        said = f"The context's tokens are {first} to {first + context - 1}."
        windows = squad.encode_windows

        def noted(kinds: tuple[int, ...] | None) -> str:
            def encode(*texts: str) -> Any:
                [window] = windows(*texts)
                inputs = replace(window.row.inputs, type_ids=kinds)
                window.row.inputs = inputs
                return [window]

            monkeypatch.setattr(squad, "encode_windows", encode)
            return str(piece_of(opened(squad, SHORT)[1], Tokens).note)

        whole = first + context + 1
        told = noted((0,) * first + (1,) * (whole - first))
        kinds = f"0 for the tokens 0 to {first - 1}, 1 for the tokens {first} to {whole - 1}"
        assert told == f"{said} The token types tell the model so: {kinds}."
        assert noted((0,) * whole).startswith(f"{said} All token types are 0: ")
        assert noted(None).startswith(f"{said} This model knows no token types: ")

    def test_windows_of_a_long_context(self, squad: Any, directly: Directly) -> None:
        result, work = opened(squad, LONG)
        windows = directly(LONG)
        assert len(windows) > 3
        assert kinds_of(work)[-3:] == ["SpanCandidates", "WindowAnswers", "Decision"]
        assert f"it is read in {len(windows)} windows" in piece_of(work, Prepared).how
        tokens = piece_of(work, Tokens)
        assert [[one.id for one in row] for row in tokens.rows] == [encoding.ids for encoding, _ in windows]
        assert tokens.shape == (len(windows), SHORT_CONTEXT)
        found = piece_of(work, WindowAnswers)
        assert [one.name for one in found.rows] == list(tokens.names)
        assert result.probability == pytest.approx(max(one.probability for one in found.rows), abs=EXACT)
        assert result.absent == pytest.approx(min(one.absent for one in found.rows), abs=EXACT)
        best = max(found.rows, key=lambda one: one.probability)
        assert best.text == result.text
        assert {piece_of(work, HiddenStates).row, *(one.window for one in pieces_of(work, Borders))} == {best.name}
        assert f"is that of {best.name}, with" in found.how
        for row, (encoding, output) in zip(found.rows, windows, strict=True):
            allowed = [place for place, one in enumerate(encoding.sequence_ids) if place == 0 or one == 1]
            logits = [one[0, allowed].double() for one in (output.start_logits, output.end_logits)]
            assert row.absent == pytest.approx(math.prod(float(one.softmax(dim=0)[0]) for one in logits), abs=EXACT)
            assert row.text in LONG.context

    def test_not_in_the_text(self, squad: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def sure(rows: Any) -> list[Any]:
            logits = np.zeros((2, len(rows[0].inputs.ids)), dtype=np.float32)
            logits[:, 0] = 8
            return [logits for _ in rows]

        monkeypatch.setattr(squad, "locate", Operation("locate", sure, squad.locate.budget))
        result, work = opened(squad, SHORT)
        assert result.is_absent
        decision = piece_of(work, Decision)
        assert (decision.label, decision.probability) == ("not in the text", result.absent)
        assert "so the answer is “not in the text”." in decision.sentence
        assert piece_of(work, SpanCandidates).absent[2] == result.absent

    def test_no_span_has_a_probability(self, squad: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        def certain(rows: Any) -> list[Any]:
            logits = np.full((2, len(rows[0].inputs.ids)), -2_000, dtype=np.float32)
            logits[:, 0] = 2_000
            return [logits for _ in rows]

        monkeypatch.setattr(squad, "locate", Operation("locate", certain, squad.locate.budget))
        result, work = opened(squad, SHORT)
        assert (result.text, result.probability, result.absent) == ("", 0.0, 1.0)
        assert [one.chosen for one in pieces_of(work, Borders)] == [None, None]
        assert piece_of(work, SpanCandidates).candidates == []
        assert piece_of(work, SpanCandidates).how.endswith("Here no span has a probability.")
        assert piece_of(work, Decision).label == "not in the text"

    async def test_an_answer_from_a_shared_batch(self, make_worker: Callable[..., Any]) -> None:
        requests = [SHORT, LONG, *ODD]
        async with make_worker() as worker:
            results = await run_crowd(worker, requests)
            assert worker.status().batches < worker.status().rows
            works = await run_crowd(worker, [asked(*pair) for pair in zip(requests, results, strict=True)])
        for result, work in zip(results, works, strict=True):
            best = piece_of(work, SpanCandidates).candidates[0]
            assert best.text == result.text
            assert best.probability == pytest.approx(result.probability, abs=EXACT)

    async def test_equal_shapes_give_equal_numbers(self, make_worker: Callable[..., Any]) -> None:
        async with make_worker(device=Device("cpu", "bfloat16")) as worker:
            for request in (SHORT, *ODD):
                result = (await worker.run(request, person=1)).result
                work = (await worker.run(asked(request, result), person=2)).result
                assert piece_of(work, SpanCandidates).candidates[0].probability == result.probability
                assert piece_of(work, SpanCandidates).absent[2] == result.absent


class TestByWriting:
    REQUEST = AnswerRequest("What does Marta play?", "Marta moved from Porto to Vienna. She plays the cello.")

    @pytest.fixture
    def llama(self, load: Callable[[str], Any]) -> Any:
        return load("llama")

    @pytest.fixture
    def writing(self, llama: Any, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
        """The head, which writes a given line, and weighs as it does."""

        def write(line: str, end: int | None = None) -> Any:
            def run(rows: Any) -> list[Generated]:
                return [Generated(llama.encode_rest(line), finished=True, end=end) for _ in rows]

            monkeypatch.setattr(llama, "generate", Operation("generate", run, llama.generate.budget))
            return llama

        return write

    @pytest.mark.parametrize(("line", "quote"), [(" the Cello.\n", "the cello"), (" a violin.\n", "")])
    def test_the_numbers_of_the_answer(
        self, line: str, quote: str, writing: Callable[..., Any], checkpoints: Mapping[str, Path]
    ) -> None:
        result, work = opened(writing(line), self.REQUEST)
        weighed = piece_of(work, WeighedAnswer)
        reference = Reference(checkpoints["llama"])
        for context, column in ((self.REQUEST.context, "after"), (NEUTRAL, "usual")):
            prompt = PROMPT.format(context=context, question=self.REQUEST.question)
            right = reference.each(prompt, f" {result.text}")
            assert [getattr(one, column) for one in weighed.tokens] == pytest.approx(right, abs=1e-4)
        assert weighed.neutral == NEUTRAL
        needed = QUOTED_GAIN if quote else OWN_GAIN
        gain = sum(one.gain for one in weighed.tokens)
        assert 1 / (1 + math.exp(needed - gain)) == pytest.approx(result.probability, abs=1e-4)
        worked_out = equations(weighed.how)
        assert len(worked_out) == 2
        for value, shown in worked_out:
            assert value == pytest.approx(shown, abs=2e-3)
        assert worked_out[-1][1] == pytest.approx(result.probability, abs=1e-3)
        assert f"here it is {needed:g}." in weighed.how
        found = piece_of(work, Quotation)
        assert (found.line, found.answer, found.quote) == (line.strip(), result.text, quote)
        decision = pieces_of(work, Decision)[-1]
        label = "not in the text" if result.is_absent else result.text
        assert decision.label == label
        assert decision.probability == pytest.approx(max(result.probability, result.absent), abs=EXACT)

    def test_the_path_of_a_request(self, llama: Any) -> None:
        result, work = opened(llama, self.REQUEST)
        assert kinds_of(work) == [
            "Prepared",
            "Tokens",
            "Architecture",
            "HiddenStates",
            "Written",
            "Distribution",
            "Quotation",
            "WeighedAnswer",
            "Decision",
            "Decision",
        ]
        prompt = PROMPT.format(context=self.REQUEST.context, question=self.REQUEST.question)
        assert piece_of(work, Prepared).texts == (prompt,)
        assert [[one.id for one in row] for row in piece_of(work, Tokens).rows] == [list(llama.encode(prompt))]
        written = piece_of(work, Written)
        assert tuple(one.token.id for one in written.tokens) == result.ids
        assert written.temperature == 0
        assert result.text
        assert piece_of(work, Quotation).answer == result.text

    @pytest.mark.parametrize("line", [f" {NO_ANSWER}\n", " Not in the text.\n"])
    def test_the_model_says_that_there_is_no_answer(self, line: str, writing: Callable[..., Any]) -> None:
        result, work = opened(writing(line), self.REQUEST)
        assert result.is_absent
        assert kinds_of(work)[-3:] == ["Quotation", "Decision", "Decision"]
        assert "WeighedAnswer" not in kinds_of(work)
        decision = pieces_of(work, Decision)[-1]
        assert (decision.label, decision.probability) == ("not in the text", 1.0)
        assert decision.sentence.startswith(f"The model wrote “{line.strip().removesuffix('.')}”")
        assert piece_of(work, Quotation).quote == ""

    def test_the_model_writes_nothing(self, writing: Callable[..., Any], llama: Any) -> None:
        [end] = llama.end_ids
        result, work = opened(writing("", end), self.REQUEST)
        assert result.ids == (end,)
        assert pieces_of(work, Decision)[-1].sentence.startswith("The model wrote nothing, so")
        assert piece_of(work, Quotation).how == "The model wrote nothing that could be looked for."
        assert piece_of(work, Written).ended

    @pytest.mark.parametrize(("line", "ended"), [(" the cello\n", True), (" the cello and", False)])
    def test_a_line_break_ends_an_answer(self, line: str, ended: bool, writing: Callable[..., Any]) -> None:
        assert piece_of(opened(writing(line), self.REQUEST)[1], Written).ended == ended

    def test_only_a_part_is_quoted(self, writing: Callable[..., Any]) -> None:
        _, work = opened(writing(" the large Vienna. She plays\n"), self.REQUEST)
        found = piece_of(work, Quotation)
        assert found.quote == "Vienna. She plays"
        assert "60% of the answer's letters" in found.how

    def test_what_was_written_is_not_written_again(self, llama: Any, writing: Callable[..., Any]) -> None:
        result = run_task(TASK.start(llama, self.REQUEST))
        work = run_task(explain_writing(writing(" something else\n"), self.REQUEST, (result.ids,)))
        assert piece_of(work, Quotation).answer == result.text

    def test_without_an_answer_it_is_written_first(self, llama: Any) -> None:
        assert in_english(run_task(explain_writing(llama, self.REQUEST))) == opened(llama, self.REQUEST)[1]

    @pytest.mark.parametrize("written", [((100_000,),), ((10**30,),), ((5,) * 1_000,)])
    def test_what_this_checkpoint_cannot_have_written(self, llama: Any, written: Any) -> None:
        with pytest.raises(InvalidRequest, match="is not the one that wrote this answer"):
            run_task(explain_writing(llama, self.REQUEST, written))

    def test_a_long_context_is_cut(self, llama: Any) -> None:
        result, work = opened(llama, AnswerRequest("What is sour?", "Apples are sour. " * 600))
        assert result.truncated
        tokens = piece_of(work, Tokens)
        assert tokens.truncated
        assert "so the end of the context was left out" in tokens.note
        assert tokens.shape[1] <= llama.context_length
        [prompt] = piece_of(work, Prepared).texts
        assert len(prompt) < 3_000

    async def test_through_the_worker(self, make_worker: Callable[..., Any], make_preset: Callable[..., Any]) -> None:
        requests = [replace(request, question="What is sour?") for request in (self.REQUEST, SHORT, *ODD)]
        async with make_worker(make_preset(answer="llama")) as worker:
            results = await run_crowd(worker, requests)
            works = await run_crowd(worker, [asked(*pair) for pair in zip(requests, results, strict=True)])
        for result, work in zip(results, works, strict=True):
            assert tuple(one.token.id for one in piece_of(work, Written).tokens) == result.ids
            if pieces_of(work, WeighedAnswer):
                shown = pieces_of(work, Decision)[-1].probability
                assert shown == pytest.approx(max(result.probability, result.absent), abs=1e-4)
