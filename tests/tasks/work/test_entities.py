from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from bot.inference.compute.device import Device
from bot.inference.operations import run_task
from bot.tasks.entities import EntitiesRequest
from bot.tasks.names.kinds import _LEANING, ANCHORS, KINDS, MOST_NAMES, QUESTIONS
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.explanations import TASK
from bot.tasks.work.request import WorkRequest
from tests.support import run_crowd
from tests.tasks.test_prompted import Reference
from tests.tasks.work.page_objects import (
    Architecture,
    Decision,
    HiddenStates,
    LabelledTokens,
    LabelledWords,
    Prepared,
    Questions,
    Spans,
    TokenLogits,
    Tokens,
    WeighedLabels,
    WeighedNames,
    kinds_of,
)
from tests.tasks.work.support import answered_and_opened, equations, piece_of
from tests.tiny import NER_LABELS, SHORT_CONTEXT, TEXTS

EXACT = 1e-5
HEADS = ("bert_ner", "roberta_ner")
NAMED = "My name is Sylvain. Later Sylvain met Anna Lee's dog in Berlin."
AWKWARD = ["@everyone met Anna ```in``` Oslo", "أنا سلفان من برلين", "Anna 👩\u200d👧 in 東京!", "a"]

Opened = Callable[..., Any]


class Tagger:
    """transformers, run directly."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForTokenClassification.from_pretrained(folder).eval()

    @torch.inference_mode()
    def __call__(self, text: str) -> Any:
        return self.model(**self.tokenizer(text, truncation=True, return_tensors="pt"), output_hidden_states=True)


@pytest.fixture(scope="module")
def directly(checkpoints: Mapping[str, Path]) -> Mapping[str, Tagger]:
    return {name: Tagger(checkpoints[name]) for name in HEADS}


@pytest.fixture
def opened(make_worker: Callable[..., Any], make_preset: Callable[..., Any]) -> Opened:
    async def opened(name: str, text: str, **options: Any) -> tuple[Any, Explanation]:
        async with make_worker(make_preset(entities=name), **options) as worker:
            return await answered_and_opened(worker, EntitiesRequest(text))

    return opened


def entities_of(text: str, result: Any) -> list[tuple[str, str, float]]:
    return [(text[one.start : one.end], one.label, one.probability) for one in result.entities]


def said(span: Any) -> tuple[str, str, float]:
    return span.text, span.label, span.probability


@pytest.mark.parametrize("name", HEADS)
async def test_the_numbers_of_the_answer(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], directly: Mapping[str, Tagger], name: str
) -> None:
    async with make_worker(make_preset(entities=name)) as worker:
        for text in [*TEXTS, *AWKWARD]:
            request = EntitiesRequest(text)
            result, work = await answered_and_opened(worker, request)
            right = directly[name](request.text)
            tokens = piece_of(work, LabelledTokens)
            assert tokens.labels == NER_LABELS
            assert np.array([row.logits for row in tokens.rows]) == pytest.approx(right.logits[0].numpy(), abs=EXACT)
            shares = right.logits[0].softmax(dim=-1).numpy()
            assert [row.probability for row in tokens.rows] == pytest.approx(shares.max(axis=-1), abs=EXACT)
            for row in tokens.rows:
                assert row.label in (None, NER_LABELS[int(np.argmax(row.logits))])
            states = piece_of(work, HiddenStates)
            assert states.shape == tuple(right.hidden_states[-1].shape)
            spans = piece_of(work, Spans)
            assert [said(one) for one in spans.rows] == entities_of(request.text, result)
            longest = max((one.parts for one in spans.rows), default=1)
            assert bool(spans.means) == (longest > 1)
            for *terms, mean in spans.means:
                assert longest > 3 or mean == pytest.approx(np.mean(terms))


@pytest.mark.parametrize("name", HEADS)
async def test_the_path_of_a_request(opened: Opened, directly: Mapping[str, Tagger], name: str) -> None:
    text = TEXTS[3]
    result, work = await opened(name, f"  {text} ")
    assert result.entities
    assert kinds_of(work) == [
        *("Prepared", "Tokens", "Architecture", "HiddenStates"),
        *("TokenLogits", "LabelledTokens", "LabelledWords", "Spans", "Decision"),
    ]
    assert piece_of(work, Prepared).texts == (text,)
    read = piece_of(work, Tokens)
    ids = directly[name].tokenizer(text)["input_ids"]
    assert [[token.id for token in row] for row in read.rows] == [ids]
    assert (read.shape, read.truncated, read.note) == ((1, len(ids)), False, "")
    tokens = piece_of(work, LabelledTokens).rows
    assert tuple(row.token for row in tokens) == read.rows[0]
    assert [row.label is None for row in tokens] == [True, *[False] * (len(ids) - 2), True]
    example = piece_of(work, TokenLogits)
    first = tokens[example.place]
    assert piece_of(work, Spans).rows[0].text.lower().startswith(first.token.text.lower())
    assert example.token == first.token
    assert dict(zip(example.labels, example.logits, strict=True)) == dict(zip(NER_LABELS, first.logits, strict=True))
    assert max(example.probabilities) == first.probability
    best = result.entities[0]
    said = f"{text[best.start : best.end]} is {best.label} ({best.probability:.4f})"
    assert said in piece_of(work, Decision).sentence


async def test_words_of_several_tokens(opened: Opened) -> None:
    text = "Nobody knows Brooklyn."
    _, work = await opened("bert_ner", text)
    words = piece_of(work, LabelledWords)
    assert words.marked
    tokens = [row for row in piece_of(work, LabelledTokens).rows if row.label is not None]
    for word, text_of_it in zip(words.rows, ["nobody", "knows", "brooklyn", "."], strict=True):
        assert "".join(token.text for token in word.tokens) == text_of_it
        first, tokens = tokens[0], tokens[len(word.tokens) :]
        assert (word.label, word.probability) == (first.label, first.probability)
    assert not tokens
    assert len(words.rows[2].tokens) > 1
    found = piece_of(work, Spans)
    assert found.outside == sum(word.label == "O" for word in words.rows)


async def test_each_token_for_itself(opened: Opened) -> None:
    _, work = await opened("roberta_ner", "Nobody knows Brooklyn.")
    words = piece_of(work, LabelledWords)
    assert not words.marked
    assert {len(word.tokens) for word in words.rows} == {1}


@pytest.mark.parametrize("name", HEADS)
async def test_a_truncated_text(opened: Opened, directly: Mapping[str, Tagger], name: str) -> None:
    text = "I love apples. " * 200
    result, work = await opened(name, text)
    read = piece_of(work, Tokens)
    assert result.truncated
    assert (read.shape, read.truncated) == ((1, SHORT_CONTEXT), True)
    assert read.note == "This model reads 128 tokens at most, so the end of the text was left out."
    logits = [row.logits for row in piece_of(work, LabelledTokens).rows]
    assert np.array(logits) == pytest.approx(directly[name](text).logits[0].numpy(), abs=EXACT)


def test_a_text_without_entities(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    head = load("bert_ner")
    monkeypatch.setattr(head, "labels", ("O",) * len(NER_LABELS))
    work = run_task(TASK.start(head, WorkRequest.of(EntitiesRequest("Nobody knows Brooklyn."))))
    words = piece_of(work, LabelledWords).rows
    spans = piece_of(work, Spans)
    assert (spans.rows, spans.outside) == ([], 4)
    least = min(words, key=lambda word: word.probability)
    assert piece_of(work, TokenLogits).token.id == least.tokens[0].id
    assert piece_of(work, Decision).sentence.endswith("so the answer has no names.")


async def test_equal_shapes_give_equal_numbers(opened: Opened) -> None:
    for text in TEXTS[:3]:
        result, work = await opened("bert_ner", text, device=Device("cpu", "bfloat16"))
        assert [said(one) for one in piece_of(work, Spans).rows] == entities_of(text, result)


async def test_an_answer_from_a_shared_batch(make_worker: Callable[..., Any]) -> None:
    requests = [EntitiesRequest(text) for text in TEXTS]
    async with make_worker() as worker:
        results = await run_crowd(worker, requests)
        works = await run_crowd(worker, [WorkRequest.of(request) for request in requests])
    for request, result, work in zip(requests, results, works, strict=True):
        right = entities_of(request.text, result)
        found = [said(one) for one in piece_of(work, Spans).rows]
        assert [one[:2] for one in found] == [one[:2] for one in right]
        assert [one[2] for one in found] == pytest.approx([one[2] for one in right], abs=EXACT)


@pytest.fixture(scope="module")
def reference(checkpoints: Mapping[str, Path]) -> Reference:
    return Reference(checkpoints["llama"])


def shared(reference: Reference, sentence: str, name: str) -> torch.Tensor:
    """Log-shares of the answers to the questions about a name, (questions, kinds)."""
    asked = [
        [sum(reference.each(question.prompt.format(text=sentence, name=name), word)) for word in question.words]
        for question in QUESTIONS
    ]
    return torch.tensor(asked, dtype=torch.float64).log_softmax(dim=-1)


class TestPrompted:
    async def test_the_numbers_of_the_answer(self, opened: Opened, reference: Reference) -> None:
        result, work = await opened("llama", NAMED)
        leaning = torch.stack([shared(reference, *anchor) for anchor in ANCHORS]).mean(dim=0)
        sentences = ["My name is Sylvain.", *["Later Sylvain met Anna Lee's dog in Berlin."] * 2]
        names = piece_of(work, WeighedNames)
        assert (names.kinds, names.outside, names.truncated) == (KINDS, "O", False)
        assert [(row.name, row.places) for row in names.rows] == [("Sylvain", 2), ("Anna Lee", 1), ("Berlin", 1)]
        for row, sentence in zip(names.rows, sentences, strict=True):
            scores = (shared(reference, sentence, row.name) - leaning).sum(dim=0)
            assert row.scores == pytest.approx(scores.tolist(), abs=1e-3)
            assert row.probabilities == pytest.approx(scores.softmax(dim=0).tolist(), abs=1e-4)
        found = {row.name: (KINDS[int(np.argmax(row.probabilities))], max(row.probabilities)) for row in names.rows}
        answered = {NAMED[one.start : one.end]: (one.label, one.probability) for one in result.entities}
        assert answered == {name: said for name, said in found.items() if said[0] != "O"}
        assert all(f"{name} is {said[0]} ({said[1]:.4f})" in decision(work) for name, said in answered.items())

    async def test_the_example(self, opened: Opened, reference: Reference) -> None:
        _, work = await opened("llama", NAMED)
        asked = piece_of(work, Questions)
        row = next(row for row in piece_of(work, WeighedNames).rows if row.name == asked.about)
        assert KINDS[int(np.argmax(row.probabilities))] != "O"
        prompts = piece_of(work, Prepared).texts
        assert len(prompts) == len(asked.rows) == len(QUESTIONS)
        for prompt, question, given in zip(prompts, QUESTIONS, asked.rows, strict=True):
            assert [one.text for one in given] == [word.strip() for word in question.words]
            right = [sum(reference.each(prompt, word)) for word in question.words]
            assert [one.log_probability for one in given] == pytest.approx(right, abs=1e-3)
            assert [one.share for one in given] == pytest.approx(
                torch.tensor(right, dtype=torch.float64).softmax(dim=0).tolist(), abs=1e-4
            )
        weighed = piece_of(work, WeighedLabels)
        assert tuple(one.label for one in weighed.rows) == KINDS
        assert tuple(one.score for one in weighed.rows) == row.scores
        assert tuple(one.probability for one in weighed.rows) == row.probabilities
        for place, one in enumerate(weighed.rows):
            assert one.log_probability == pytest.approx(sum(np.log(question[place].share) for question in asked.rows))
            assert one.log_probability - one.baseline == pytest.approx(one.score)

    async def test_the_formula_can_be_worked_out(self, opened: Opened) -> None:
        _, work = await opened("llama", NAMED)
        weighed = piece_of(work, WeighedLabels)
        worked_out = equations(weighed.how)
        assert len(worked_out) == 3  # the sum over the questions, the difference, the softmax
        for value, written in worked_out:
            assert value == pytest.approx(written, abs=1e-3)
        assert worked_out[-1][1] == pytest.approx(max(one.probability for one in weighed.rows), abs=1e-4)

    async def test_the_path_of_a_request(self, opened: Opened, reference: Reference) -> None:
        _, work = await opened("llama", NAMED)
        assert kinds_of(work) == [
            *("Prepared", "Tokens", "Architecture", "HiddenStates"),
            *("Questions", "WeighedLabels", "WeighedNames", "Decision"),
        ]
        read = piece_of(work, Tokens)
        assert read.names[:3] == ("Sylvain, question 1", "Sylvain, question 2", "Anna Lee, question 1")
        assert read.shape == (6, max(map(len, read.rows)))
        assert "padded on the left" in read.note
        prepared = piece_of(work, Prepared)
        states = piece_of(work, HiddenStates)
        place = read.names.index(states.row)
        assert [token.id for token in read.rows[place]] == reference.ids(prepared.texts[0])
        assert states.shape == (1, len(read.rows[place]), 32)
        assert prepared.how.endswith("3 in all were asked about: Sylvain, Anna Lee, Berlin.")
        assert piece_of(work, Architecture).family == "decoder"

    async def test_nothing_to_ask(self, opened: Opened) -> None:
        result, work = await opened("llama", "nothing here. It rains, and on Monday too")
        assert result.entities == ()
        assert kinds_of(work) == ["Prepared", "Decision"]
        assert "The model was not asked" in decision(work)

    def test_nobody_is_a_name(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        with head.calibrations.replaced(_LEANING, np.array([[0.0, 0.0, 0.0, -1e3]] * 2)):
            work = run_task(TASK.start(head, WorkRequest.of(EntitiesRequest(NAMED))))
        assert piece_of(work, Questions).about == "Sylvain"
        assert decision(work).endswith("so the answer has no names.")

    async def test_very_many_names(self, opened: Opened) -> None:
        text = " and ".join(f"Anna{chr(97 + index // 26)}{chr(97 + index % 26)}" for index in range(MOST_NAMES + 5))
        result, work = await opened("llama", text)
        names = piece_of(work, WeighedNames)
        assert result.truncated
        assert names.truncated
        assert len(names.rows) == MOST_NAMES
        assert piece_of(work, Tokens).shape[0] == MOST_NAMES * len(QUESTIONS)


def decision(work: Explanation) -> str:
    return piece_of(work, Decision).sentence
