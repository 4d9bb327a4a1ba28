"""Special tokens that somebody types are text, in every command and for every tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.inference.operations import TaskRun, run_task
from bot.inference.requests import Request
from bot.tasks import all_tasks, chat
from bot.tasks.answer import AnswerRequest
from bot.tasks.attention import AttentionRequest
from bot.tasks.chat import ChatRequest, Exchange
from bot.tasks.complete import CompleteRequest
from bot.tasks.entities import EntitiesRequest
from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.similarity import SimilarityRequest
from bot.tasks.summarize import SummarizeRequest
from bot.tasks.tokenize import TokenizeRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.zeroshot import ZeroShotRequest
from tests.support import preset_of, run_crowd

pytestmark = pytest.mark.measured_elsewhere

Ask = Callable[[str, str], Request[Any]]
"""Makes a request of two texts."""

ASKS: Mapping[str, Ask] = {
    "sentiment": lambda text, _: SentimentRequest(text),
    "fill": lambda text, other: FillRequest(f"{text} ___ {other} <mask>."),
    "generate": lambda text, _: GenerateRequest(text, max_new_tokens=1),
    "translate": lambda text, _: TranslateRequest(text, "de"),
    "zeroshot": lambda text, other: ZeroShotRequest(text, (other, "sports")),
    "entities": lambda text, other: EntitiesRequest(f"{text} Alice and {other} Berlin"),
    "similarity": lambda text, other: SimilarityRequest((text, f"{other} more")),
    "answer": lambda text, other: AnswerRequest(other, text),
    "summarize": lambda text, _: SummarizeRequest(text),
    "complete": lambda text, _: CompleteRequest(text),
    "chat": lambda text, other: ChatRequest(text, 1, other, (Exchange("Bob", other, text),)),
    "attention": lambda text, _: AttentionRequest(text),
}
ANSWERED_BY = {
    "sentiment": ("distilbert", "llama"),
    "fill": ("roberta", "llama"),
    "generate": ("llama",),
    "translate": ("t5", "marian", "m2m100", "nllb", "llama"),
    "zeroshot": ("bart_mnli", "llama"),
    "entities": ("bert_ner", "roberta_ner", "llama"),
    "similarity": ("minilm",),
    "answer": ("bert_squad", "llama"),
    "summarize": ("bart", "t5", "llama"),
    "complete": ("llama",),
    "chat": ("llama",),
    "attention": ("distilbert", "roberta", "llama", "nllb", "t5"),
}
CASES = [(task, name) for task, names in ANSWERED_BY.items() for name in names]
ELSEWHERE = [
    *("[SEP]", "[PAD]", "[CLS]", "</s>", "<s>", "<pad>", "<eos>", "<|endoftext|>", "<|im_end|>"),
    *("fra_Latn", "__fr__", ">>deu<<", "<extra_id_1>"),
]


def own_tokens(head: Any) -> list[str]:
    """Those of its tokenizer, except masks where they are asked for."""
    masks = {"<mask>", "[MASK]"}
    return [token for token in head.control_tokens if token not in masks]


def texts(head: Any) -> st.SearchStrategy[str]:
    words = st.sampled_from(["I", "love", "apples,", "and", "Paris", "is", "cold.", "é"])
    tokens = st.sampled_from([*own_tokens(head), *ELSEWHERE])
    gaps = st.sampled_from(["", " ", "\n"])
    parts = st.lists(st.tuples(st.one_of(tokens, words), gaps).map("".join), min_size=1, max_size=5)
    return parts.map(lambda found: f"I {''.join(found)}".strip() + " too")


def read_by_device(steps: TaskRun[Any]) -> Iterator[tuple[int, ...]]:
    """The token ids that reach the device, up to the first text that a model writes."""
    with suppress(StopIteration):
        step = next(steps)
        while True:
            for row in step.rows:
                yield from sequences(row.inputs)
            if step.operation.session is not None:
                return
            step = steps.send(list(step.operation.run(step.rows)))


def sequences(inputs: Any) -> Iterator[tuple[int, ...]]:
    for name in ("ids", "prompt"):
        if isinstance(found := getattr(inputs, name, ()), tuple):
            yield found
    yield from getattr(inputs, "candidates", ())


def controls(head: Any, steps: TaskRun[Any]) -> set[tuple[int, ...]]:
    """The control tokens of each row; an unknown character is none."""
    tokens = set(head.control_tokens.values()) - {head.tokenizer.unk_token_id}
    tokens |= {head.tokenizer.eos_token_id} - {None}
    return {tuple(one for one in row if one in tokens) for row in read_by_device(steps)}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "MOST_NEW_TOKENS", 4)


def task_of(name: str) -> Any:
    return next(task for task in all_tasks() if task.name == name)


@pytest.mark.parametrize(("name", "checkpoint"), CASES)
@given(data=st.data())
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_no_control_token_reaches_the_device(
    load: Callable[[str], Any], name: str, checkpoint: str, data: st.DataObject
) -> None:
    """Rows B1, B4, B7, B9 in tiny, and their whole kind."""
    head = load(checkpoint)
    ask, task = ASKS[name], task_of(name)
    typed = texts(head)
    expected = controls(head, task.start(head, ask("I love apples", "Carol")))
    found = controls(head, task.start(head, ask(data.draw(typed), data.draw(typed))))
    assert found <= expected


@pytest.mark.parametrize("checkpoint", sorted({name for names in ANSWERED_BY.values() for name in names}))
@given(data=st.data())
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_as_text_and_as_in_a_template(load: Callable[[str], Any], checkpoint: str, data: st.DataObject) -> None:
    head = load(checkpoint)
    text = data.draw(texts(head)).replace("\n", " ")
    [read] = run_task(task_of("tokenize").start(head, TokenizeRequest((text,)))).texts
    [plain] = run_task(task_of("tokenize").start(head, TokenizeRequest(("apples",)))).texts
    special = [token.id for token in read.tokens if token.id in head.control_tokens.values()]
    unknown = head.tokenizer.unk_token_id
    assert [one for one in special if one != unknown] == [one.id for one in plain.tokens if one.special]
    assert plain.in_template is None
    if any(token in text for token in own_tokens(head)) and checkpoint != "m2m100":  # it reads its languages itself
        assert read.in_template is not None
        assert read.in_template.tokens != read.tokens


@pytest.mark.parametrize(("typed", "masks"), [("</s>", 0), ("<s>", 0), ("<pad>", 0), ("<mask>", 1), ("[MASK]", 1)])
def test_only_masks_are_meant_in_fill(load: Callable[[str], Any], typed: str, masks: int) -> None:
    head = load("roberta")
    [row] = next(task_of("fill").start(head, FillRequest(f"I {typed} love ___."))).rows
    assert len(head.mask_positions(row.inputs.ids)) == 1 + masks
    assert sum(one in head.tokenizer.all_special_ids for one in row.inputs.ids) == 3 + masks
    if not masks:
        assert head.tokenizer.decode(row.inputs.ids[1:-1]) == f"I {typed} love <mask>."


def test_masks_are_read_as_the_tokenizer_reads_them(load: Callable[[str], Any]) -> None:
    head = load("roberta")
    for text in ("I love ___.", "___ is ___", "a___b", "I  ___ \n___ love"):
        [row] = next(task_of("fill").start(head, FillRequest(text))).rows
        assert list(row.inputs.ids) == head.tokenizer(text.replace("___", "<mask>"))["input_ids"]


def test_a_mask_that_is_written_otherwise(load: Callable[[str], Any]) -> None:
    """A model whose mask nobody writes for a gap: typed, it is text."""
    head = load("roberta")
    row = head.encode_masked(["I <mask> love ", "."])
    assert len(head.mask_positions(row.inputs.ids)) == 1
    assert "I < mask> love <mask>." in head.decode(row.inputs.ids, skip_special_tokens=False)


def test_b9_a_languages_code_is_text(load: Callable[[str], Any]) -> None:
    head = load("nllb")
    rows = next(task_of("translate").start(head, TranslateRequest("hello fra_Latn world", "de"))).rows
    assert head.tokenizer.convert_ids_to_tokens(303) == "fra_Latn"
    assert not any(303 in row.inputs.ids for row in rows)
    row = head.encode("hello fra_Latn world", max_new_tokens=1, source="eng_Latn", target="deu_Latn")
    assert 303 not in row.inputs.ids
    assert row.inputs.ids[0] == head.tokenizer.convert_tokens_to_ids("eng_Latn")
    pieces = head.tokenizer.convert_ids_to_tokens(list(row.inputs.ids[1:-1]))
    assert "".join(pieces).replace("<unk>", "_L") == "▁hello▁fra_Latn▁world"


def test_a_marian_code_is_text(load: Callable[[str], Any]) -> None:
    """`>>deu<<` at the start of a text, where a Marian tokenizer looks for one."""
    head = load("marian")
    row = head.encode(">>love<< apples", max_new_tokens=1)
    assert "".join(head.tokenizer.convert_ids_to_tokens(row.inputs.ids)).count("<unk>") == 2
    assert "love" in head.decode(row.inputs.ids)


def test_only_a_translations_own_code_is_meant(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    head = load("marian")
    code, number = ">>deu<<", 190
    monkeypatch.setitem(head.tokenizer.encoder, code, number)
    meant = head.encode(f"{code} apples", max_new_tokens=1, target_prefix=code)
    typed = head.encode(f"{code} apples", max_new_tokens=1)
    assert (meant.inputs.ids[0], meant.inputs.ids.count(number)) == (number, 1)
    assert number not in typed.inputs.ids


async def test_b11_an_end_in_a_label(make_worker: Callable[..., Any], checkpoints: Mapping[str, Path]) -> None:
    """BART's classifier takes the last `</s>`, and wants as many in every row: nothing fails, and nothing is halved."""
    requests = [ZeroShotRequest("I love it", labels) for labels in (("a</s>", "b"), ("c", "d"))]
    async with make_worker(preset_of({"zeroshot": checkpoints["bart_mnli"]})) as worker:
        results = await run_crowd(worker, requests)
        status = worker.status()
    assert [score.label for score in sorted(results[0].scores, key=lambda one: one.label)] == ["a</s>", "b"]
    assert status.rows == 4
    assert status.batches <= 2


@pytest.mark.parametrize(("name", "checkpoint"), [("entities", "bert_ner"), ("entities", "roberta_ner")])
def test_spans_agree_with_the_text(load: Callable[[str], Any], name: str, checkpoint: str) -> None:
    head = load(checkpoint)
    text = "Alice </s> [SEP] lives in Paris <pad>."
    tagged = head.encode_spans(text)
    places = [span for span in tagged.spans if span is not None]
    assert "".join(text[span.start : span.end] for span in places).replace(" ", "") == text.replace(" ", "")
    assert [span is None for span in tagged.spans] == [True, *[False] * len(places), True]


def test_windows_agree_with_the_context(load: Callable[[str], Any]) -> None:
    context = "Ann lives in Rome. [SEP] Tom lives in Oslo."
    [window] = load("bert_squad").encode_windows("Where [SEP] does Tom live?", context)
    found = {context[start:end] for start, end in filter(None, window.spans)}
    assert {"[", "SEP", "]", "Oslo"} <= found
    assert window.row.inputs.ids.count(3) == 2  # those of the tokenizer itself


def test_the_request_is_what_is_read(load: Callable[[str], Any]) -> None:
    """A result's own text keeps what was typed."""
    request = FillRequest("I </s> love ___.")
    result = run_task(task_of("fill").start(load("roberta"), request))
    assert result.completed.startswith("I </s> love ")
    assert replace(request, top_k=1).parts == ("I </s> love ", ".")
