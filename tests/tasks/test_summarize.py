from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.errors import InvalidRequest
from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.generation.continuous_batching import Generated
from bot.inference.operations import run_task
from bot.tasks import summarize
from bot.tasks.summarization.chunks import chunks
from bot.tasks.summarization.summarizers import EXAMPLES, INSTRUCTIONS, Length, summary_prefix
from bot.tasks.summarize import TASK, SummarizeRequest, SummarizeResult, whole_sentences
from tests.support import CPU, run_crowd, run_together

LENGTH = 20
TEXTS = [
    "I love apples. We have promises to keep.",
    "Why? Nobody knows, but everybody has read it at least twice.",
    "What a terrible day: the train was late, the coffee was cold and the rain would not stop.",
    "The quick brown fox jumps over the lazy dog.",
]
LONG = " ".join(f"{text} {number} apples are sour, and lemons are sourer." for number in range(12) for text in TEXTS)
CHECKPOINTS = ["t5", "bart", "llama"]


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random models never end a text by themselves."""
    monkeypatch.setattr(summarize, "MOST_NEW_TOKENS", dict.fromkeys(["short", "medium", "long"], LENGTH))


class Reference:
    """transformers' own `generate`, one text at a time."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        auto = transformers.AutoModelForCausalLM if name == "llama" else transformers.AutoModelForSeq2SeqLM
        self.model = auto.from_pretrained(folder).eval()

    def inputs(self, text: str, length: Length = "medium") -> Any:
        if self.name == "llama":
            asked = [{"role": "user", "content": f"{INSTRUCTIONS[length]}\n\n{text}"}]
            return self.tokenizer.apply_chat_template(
                asked, add_generation_prompt=True, return_tensors="pt", return_dict=True
            )
        prefix = "summarize: " if self.name == "t5" else ""
        return self.tokenizer(prefix + text, return_tensors="pt")

    @torch.inference_mode()
    def __call__(self, text: str, most: int = LENGTH) -> str:
        inputs = self.inputs(text)
        options = {"pad_token_id": 0} if self.name == "llama" else {}
        output = self.model.generate(**inputs, max_new_tokens=most, do_sample=False, **options)
        new = output[0, inputs["input_ids"].shape[1] if self.name == "llama" else 1 :]
        decoded = self.tokenizer.decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(decoded).rstrip("\ufffd").strip()  # without half a character


@pytest.fixture(params=CHECKPOINTS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def reference(name: str, checkpoints: Mapping[str, Path]) -> Reference:
    return Reference(name, checkpoints[name])


def shown(text: str) -> str:
    return whole_sentences(text)[0]


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("The talk on climate was given on Monday by Prof. Ade", None),
        ("He is here. The talk was given on Monday by Prof. Ade", None),
        ("The talk was given on Monday. It was by Prof. Ade", "The talk was given on Monday."),
        ("It was given by J. R. R. Tolkien. He", "It was given by J. R. R. Tolkien."),
        ("It costs 3.50 euros. And", "It costs 3.50 euros."),
        ("猫が好きです。犬", "猫が好きです。"),
    ],
)
def test_an_abbreviation_ends_no_sentence(text: str, right: str | None) -> None:
    """Row J5 and its kind."""
    assert whole_sentences(text) == ((text, False) if right is None else (right, True))


def test_as_transformers_generate(name: str, reference: Reference, load: Callable[[str], Any]) -> None:
    right = [shown(reference(text)) for text in TEXTS]
    assert len(set(right)) > 1
    requests = [SummarizeRequest(text) for text in TEXTS]
    results = [run_task(TASK.start(load(name), request)) for request in requests]
    assert [result.text for result in results] == right
    assert [shown(load(name).decode_whole(result.ids).strip()) for result in results] == right
    assert [result.text for result in run_together(*(TASK.start(load(name), one) for one in requests))] == right


async def test_through_the_worker_as_transformers_generate(
    name: str, reference: Reference, make_worker: Callable[..., Any], make_preset: Callable[..., Any]
) -> None:
    right = [shown(reference(text)) for text in TEXTS]
    async with make_worker(make_preset(summarize=name)) as worker:
        results = await run_crowd(worker, [SummarizeRequest(text) for text in TEXTS] * 3)
        status = worker.status()
    assert [result.text for result in results] == right * 3
    assert status.batches < status.rows


def test_tokens_in_and_out(name: str, reference: Reference, load: Callable[[str], Any]) -> None:
    result = run_task(TASK.start(load(name), SummarizeRequest(TEXTS[2])))
    assert result.source_tokens == len(reference.tokenizer(TEXTS[2], add_special_tokens=False).input_ids)
    assert 0 < result.tokens <= LENGTH
    assert result.parts == 1
    assert result.general == (name == "llama")


def test_a_long_text_is_read_whole_in_parts(name: str, load: Callable[[str], Any]) -> None:
    head, request = load(name), SummarizeRequest(LONG * (1 if name == "t5" else 3))
    steps = TASK.start(head, request)
    step = next(steps)
    room = head.context_length
    read = " ".join(what_was_read(head, name, row) for row in step.rows)
    assert "".join(read.split()) == "".join(request.text.split())
    assert all(len(prompt_of(row)) <= room for row in step.rows)
    assert not any(getattr(row.inputs, "truncated", False) for row in step.rows)
    assert len(step.rows) > 1


def prompt_of(row: Any) -> Any:
    return row.inputs.ids if hasattr(row.inputs, "ids") else row.inputs.prompt


def what_was_read(head: Any, name: str, row: Any) -> str:
    text = head.decode(prompt_of(row))
    if name == "llama":
        return str(text.partition("\n\n")[2].rpartition("\n")[0])
    return str(text.removeprefix("summarize: ") if name == "t5" else text)


def test_the_summary_of_the_summaries(name: str, reference: Reference, load: Callable[[str], Any]) -> None:
    head = load(name)
    summarizer: Any = summarize.summarizer_of(head, SummarizeRequest("a"))
    text = LONG[: summarizer.room * 7]
    parts = chunks(text, summarizer.room, summarizer.count)
    assert len(parts) > 1
    most = min(LENGTH, summarizer.room // 3)

    result = run_task(TASK.start(head, SummarizeRequest(text)))

    again = chunks("\n".join(reference(part, most) for part in parts), summarizer.room, summarizer.count)
    while len(again) > 1:
        again = chunks("\n".join(reference(part, most) for part in again), summarizer.room, summarizer.count)
    assert result.parts == len(parts)
    assert result.text == shown(reference(again[0]))


def test_parts_do_not_wait_for_each_other(load: Callable[[str], Any]) -> None:
    first = next(TASK.start(load("t5"), SummarizeRequest(LONG)))
    assert len(first.rows) > 5


class TestEndings:
    """What a model writes, given by hand."""

    def result(self, head: Any, request: SummarizeRequest, *texts: list[str], stop: bool = False) -> SummarizeResult:
        steps = TASK.start(head, request)
        step = next(steps)
        for written in texts:
            assert len(step.rows) == len(written)
            if stop:
                step.rows[0].stop()
            try:
                step = steps.send([Generated(head.encode_rest(one), one.endswith(".")) for one in written])
            except StopIteration as end:
                found: SummarizeResult = end.value
                return found
        raise AssertionError

    def test_half_a_sentence_is_left_out(self, load: Callable[[str], Any]) -> None:
        result = self.result(load("llama"), SummarizeRequest("Apples"), ["I love apples. We have promises. And we"])
        assert (result.text, result.finished) == ("I love apples. We have promises.", True)

    def test_unless_it_is_nearly_everything(self, load: Callable[[str], Any]) -> None:
        result = self.result(load("llama"), SummarizeRequest("Apples"), ["I do. And we have promises to keep and"])
        assert (result.text, result.finished) == ("I do. And we have promises to keep and", False)

    def test_half_a_character_is_left_out(self, load: Callable[[str], Any]) -> None:
        """Row C1, for a summary."""
        head = load("llama")
        ids = head.encode_rest("Birds: 🦩 🦩")
        steps = TASK.start(head, SummarizeRequest("Apples"))
        next(steps)
        with pytest.raises(StopIteration) as end:
            steps.send([Generated(ids[:-1], False)])
        assert end.value.value.text == "Birds: 🦩"
        assert summarize.so_far(head, SummarizeRequest("Apples"), [ids[:-1]]).text == "Birds: 🦩"
        for name in ("bart", "llama"):
            writer: Any = summarize.summarizer_of(load(name) if name == "bart" else head, SummarizeRequest("a"))
            whole = load(name).tokenize("birds \ufffd 日", add_special_tokens=False)
            assert writer.read(writer.row("Apples", 40), whole[:-1]).text == "birds \ufffd"

    @pytest.mark.parametrize("end", ["。", "！", "？", ".", "!", "؟", "۔", "।", "…", "。」", '."', "．」"])
    def test_full_stops_of_other_scripts(self, end: str) -> None:
        assert whole_sentences(f"One is here{end} And") == (f"One is here{end}", True)

    def test_no_space_stands_behind_a_sentence_in_chinese_and_japanese(self) -> None:
        assert whole_sentences("今日は晴れです。明日は雨で") == ("今日は晴れです。", True)
        assert whole_sentences("値は3.5です") == ("値は3.5です", False)

    def test_round_in_circles(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        text = "I love apples. " + "They are sour and good. " * 5
        [row] = next(TASK.start(head, SummarizeRequest("Apples"))).rows
        row.progress.extend(head.encode_rest(text))
        assert row.is_complete()
        result = self.result(head, SummarizeRequest("Apples"), [text[:87]])
        assert (result.text, result.finished) == ("I love apples. They are sour and good.", True)

    def test_parts_that_go_round_in_circles_are_no_end(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        steps = TASK.start(head, SummarizeRequest(LONG))
        rows = next(steps).rows
        circle = "They are sour and good. " * 3
        for row in rows:
            row.progress.extend(head.encode_rest(circle))
        again = steps.send([Generated(head.encode_rest(circle), False) for _ in rows])
        assert len(again.rows) == 1
        assert head.decode(again.rows[0].inputs.prompt).count("They are sour") == len(rows)

    def test_stopped_among_the_parts(self, load: Callable[[str], Any]) -> None:
        request = SummarizeRequest(LONG)
        parts = len(next(TASK.start(load("llama"), request)).rows)
        assert parts > 1
        result = self.result(load("llama"), request, ["Apples are sour."] * parts, stop=True)
        assert result.text == "\n".join(["Apples are sour."] * parts)

    def test_stopped_before_the_summary_of_the_summaries(self, load: Callable[[str], Any]) -> None:
        head, request = load("llama"), SummarizeRequest(LONG)
        steps = TASK.start(head, request)
        texts = [f"We have {number} apples." for number in range(len(next(steps).rows))]
        [row] = steps.send([Generated(head.encode_rest(text), True) for text in texts]).rows
        row.stop()
        with pytest.raises(StopIteration) as end:
            steps.send([Generated((), False)])
        result = end.value.value
        assert result.text == "\n".join(texts)
        assert (result.ids, len(result.drafts)) == ((), len(texts))

    def test_nothing_is_written(self, load: Callable[[str], Any]) -> None:
        parts = len(next(TASK.start(load("llama"), SummarizeRequest(LONG))).rows)
        assert self.result(load("llama"), SummarizeRequest(LONG), [""] * parts).text == ""

    def test_summaries_that_do_not_get_shorter(self, load: Callable[[str], Any]) -> None:
        request = SummarizeRequest(LONG)
        parts = len(next(TASK.start(load("llama"), request)).rows)
        result = self.result(load("llama"), request, [LONG] * parts)
        assert result.parts == parts


class TestPrompts:
    def test_the_prefix_is_what_the_checkpoint_says(self, load: Callable[[str], Any], monkeypatch: Any) -> None:
        assert summary_prefix(load("t5")) == "summarize: "
        assert summary_prefix(load("bart")) == ""
        config = load("bart").model.config
        said = {"summarization": {"prefix": "sum: ", "num_beams": 4}, "translation": {"prefix": "no: "}}
        monkeypatch.setattr(config, "task_specific_params", said, raising=False)
        assert summary_prefix(load("bart")) == "sum: "
        monkeypatch.setattr(config, "task_specific_params", {"summarization": {"num_beams": 4}}, raising=False)
        assert summary_prefix(load("bart")) == ""

    def test_the_length_is_asked_for(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        for length in INSTRUCTIONS:
            [row] = next(TASK.start(head, SummarizeRequest("Apples", length))).rows
            assert head.decode(row.inputs.prompt).startswith(f"user: {INSTRUCTIONS[length]}\n\nApples")

    def test_examples_for_a_checkpoint_without_a_template(self, checkpoints: Mapping[str, Path]) -> None:
        head: Any = load_head(checkpoints["llama"], CPU)
        head.tokenizer.chat_template = None
        [row] = next(TASK.start(head, SummarizeRequest("Apples\nare sour."))).rows
        prompt = head.decode(row.inputs.prompt)
        assert prompt.startswith(f"Text: {EXAMPLES[0][0]}\nSummary: {EXAMPLES[0][1]}\n\n")
        assert prompt.endswith("\n\nText: Apples are sour.\nSummary:")
        assert row.inputs.stop == "\n"


def test_what_there_is_so_far(load: Callable[[str], Any]) -> None:
    head = load("llama")
    one, two = (list(head.encode_rest(text)) for text in (" I love", " apples"))
    result = summarize.so_far(head, SummarizeRequest("Apples"), [one, [], two])
    assert (result.text, result.tokens, result.parts) == ("I love\napples", len(one) + len(two), 3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"text": " "}, "The text is empty"),
        ({"text": "a" * 40_001}, "The text has 40,001 characters"),
        ({"text": "a" * 40_001, "messages": 12}, "These 12 messages have 40,001 characters.*fewer `messages`"),
        ({"text": "\n", "file": "a.txt"}, "The file is empty"),
    ],
)
def test_bad_requests(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidRequest, match=sentence):
        SummarizeRequest(**options)


def test_a_name_of_half_characters_can_be_stored() -> None:
    assert SummarizeRequest("Apples", file="a\ud800.txt").file == "a\ufffd.txt"
