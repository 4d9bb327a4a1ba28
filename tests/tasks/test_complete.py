from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.errors import InvalidRequest
from bot.inference.heads.causal_lm import CausalLM
from bot.inference.operations import run_task
from bot.tasks import complete
from bot.tasks.complete import MOST_CHARACTERS, TASK, CompleteRequest, CompleteResult
from tests.support import run_crowd, run_together

CODES = ["def fibonacci(n):", "SELECT name FROM", "class Stack:\n    def push(self, item):", "x = [i for i in"]
LENGTH = 24


def greedy(code: str, **options: Any) -> CompleteRequest:
    return CompleteRequest(code, max_new_tokens=LENGTH, temperature=0, **{"language": "text", **options})


@pytest.fixture(scope="module")
def expected(checkpoints: Mapping[str, Path]) -> list[str]:
    """What transformers' `generate` writes."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints["llama"])
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoints["llama"]).eval()
    texts = []
    for code in CODES:
        inputs = tokenizer(code, return_tensors="pt")
        with torch.inference_mode():
            output = model.generate(**inputs, max_new_tokens=LENGTH, do_sample=False, pad_token_id=0)
        texts.append(
            tokenizer.decode(output[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True).rstrip("\ufffd")
        )
    return texts


def test_alone_as_transformers_generate(load: Callable[[str], Any], expected: list[str]) -> None:
    assert len(set(expected)) == len(CODES)
    results = [run_task(TASK.start(load("llama"), greedy(code))) for code in CODES]
    assert [result.text for result in results] == expected
    assert [load("llama").decode_whole(result.ids) for result in results] == expected


def test_together_as_transformers_generate(load: Callable[[str], Any], expected: list[str]) -> None:
    results = run_together(*(TASK.start(load("llama"), greedy(code)) for code in CODES))
    assert [result.text for result in results] == expected


async def test_through_the_worker_as_transformers_generate(
    make_worker: Callable[..., Any], make_preset: Callable[..., Any], expected: list[str]
) -> None:
    async with make_worker(make_preset(complete="llama")) as worker:
        results = await run_crowd(worker, [greedy(code) for code in CODES] * 3)
        status = worker.status()
    assert [result.text for result in results] == expected * 3
    assert status.batches < status.rows


class Scripted:
    """A model's place is taken by a text that is written token by token."""

    def __init__(self, load: Callable[[str], Any], text: str) -> None:
        self.head: CausalLM = load("llama")
        self.ids = self.head.encode_rest(text)

    def complete(self, request: CompleteRequest) -> CompleteResult:
        """What comes of it, and how much of the text was written."""
        steps = TASK.start(self.head, request)
        [row] = next(steps).rows
        for token in self.ids:
            row.progress.append(token)
            if row.is_complete():
                break
        try:
            steps.send([complete_output(row.progress)])
        except StopIteration as end:
            result: CompleteResult = end.value
            return result
        raise AssertionError


def complete_output(ids: list[int]) -> Any:
    from bot.inference.heads.generation.continuous_batching import Generated

    return Generated(tuple(ids), False)


def test_stops_when_a_definition_is_complete(load: Callable[[str], Any]) -> None:
    text = "\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"
    script = Scripted(load, text)

    result = script.complete(CompleteRequest("def add(a, b):"))

    assert result.text == "\n    return a + b"
    assert result.finished
    assert result.tokens < len(script.ids) - 5


def test_goes_on_where_there_are_no_blocks(load: Callable[[str], Any]) -> None:
    script = Scripted(load, " users\n  WHERE a\nORDER BY b")
    result = script.complete(CompleteRequest("SELECT a FROM"))
    assert result.text == " users\n  WHERE a\nORDER BY b"
    assert not result.finished


def test_stops_at_a_fence_that_nobody_has_opened(load: Callable[[str], Any]) -> None:
    result = Scripted(load, "\ny = 2\n```\n\nThis is it.").complete(CompleteRequest("x = 1", "py"))
    assert result.text == "\ny = 2"
    assert result.finished


def test_stops_at_any_special_token(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # Chat models end a message with one token and a text with another.
    script = Scripted(load, " 1")
    monkeypatch.setattr(script, "ids", (*script.ids, script.head.tokenizer.eos_token_id, *script.ids))
    result = script.complete(CompleteRequest("x =", "py"))
    assert (result.text, result.finished) == (" 1", True)


def test_what_there_is_so_far(load: Callable[[str], Any]) -> None:
    head = load("llama")
    ids = list(head.encode_rest(" 1\n\n\ndef b():"))
    result = complete.so_far(head, CompleteRequest("def a():\n    x ="), [ids])
    assert result.text == " 1"
    assert result.tokens == len(ids)
    assert not result.finished


def test_code_longer_than_the_context_loses_its_start(load: Callable[[str], Any]) -> None:
    head = load("llama")
    code = "x = 1\n" * 900 + "y ="
    assert len(head.encode(code)) > head.context_length
    result = run_task(TASK.start(head, greedy(code)))
    assert result.truncated
    kept = head.encode(code)[-(head.context_length - LENGTH) :]
    assert result.text == run_task(TASK.start(head, greedy(head.decode(kept)))).text


class TestHalfACharacter:
    """Row C1, for code: it ends in the middle of a character, and goes on there."""

    REQUEST = CompleteRequest("s = '🦩", "py")

    @pytest.mark.parametrize("missing", [1, 2, 3])
    def test_its_bytes_are_not_lost(self, load: Callable[[str], Any], missing: int) -> None:
        script = Scripted(load, " bird 🦩")
        whole, head = script.ids, script.head
        script.ids = whole[:-missing]

        half = script.complete(self.REQUEST)
        assert (half.text, half.ids, half.finished) == (" bird ", whole[:-missing], False)

        request = self.REQUEST.continued(half.text, half.tail)
        assert request.code == "s = '🦩 bird"
        prompt = complete.read_prompt(head, request)
        assert prompt.ids == (*head.encode(request.code), *request.tail)
        script.ids = whole[-missing:]
        assert script.complete(request).text == " 🦩"
        assert complete.so_far(head, request, [whole[-missing:-1]]).text == " "

    def test_before_a_rule_ends_the_code(self, load: Callable[[str], Any]) -> None:
        script = Scripted(load, "\n    return '🦩")
        script.ids = (*script.ids[:-1], *script.head.encode_rest("\n\n\ndef b():\n"))
        result = script.complete(CompleteRequest("def a():"))
        assert (result.text, result.finished) == ("\n    return '", True)

    def test_a_whole_one_stays(self, load: Callable[[str], Any]) -> None:
        for text in (" = '\ufffd", "\n    return '\ufffd\n\n\ndef b():\n"):
            result = Scripted(load, text).complete(CompleteRequest("def a():", "py"))
            assert result.text.endswith("'\ufffd")
            assert CompleteRequest("def a():").continued(result.text, result.tail).code.endswith("'\ufffd")


class TestRequest:
    def test_white_space_at_the_end_is_the_models_business(self) -> None:
        assert CompleteRequest("\n\n    def a():\n        \n").code == "    def a():"

    def test_invisible_characters_and_line_breaks(self) -> None:
        assert CompleteRequest("a\u202e = 1\r\n\tb\x00 =").code == "a = 1\n\tb ="

    def test_a_fence_is_taken_away_and_names_the_language(self) -> None:
        request = CompleteRequest("```rust\nfn main() {\n```")
        assert (request.code, request.language) == ("fn main() {", "rs")
        assert CompleteRequest("```\nx <- 1\n```").language == "r"
        assert CompleteRequest("```what\ndef a():\n```").language == "py"
        assert CompleteRequest("```rust\nfn main() {\n```", "Go").language == "go"

    def test_a_fence_within_stays(self) -> None:
        assert CompleteRequest("# Doc\n```py\nx = 1\n```\nand").code.count("```") == 2

    def test_is_the_same_after_a_round_trip(self) -> None:
        request = CompleteRequest("def a():", "Python")
        assert replace(request) == request
        assert request.code_language.name == "Python"

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ({"code": " \n\t"}, "There is no code"),
            ({"code": "\u200b"}, "There is no code"),
            ({"code": "x" * (MOST_CHARACTERS + 1)}, "6,001 characters"),
            ({"max_new_tokens": 0}, "max_new_tokens"),
            ({"max_new_tokens": 513}, "max_new_tokens"),
            ({"temperature": -0.1}, "temperature"),
            ({"temperature": float("nan")}, "temperature"),
            ({"language": "Klingon"}, "no programming language called “Klingon”"),
        ],
    )
    def test_bad_requests(self, options: dict[str, Any], sentence: str) -> None:
        with pytest.raises(InvalidRequest, match=sentence):
            CompleteRequest(**{"code": "x = 1", **options})


class TestContinued:
    def test_the_code_and_what_followed_it(self) -> None:
        request = CompleteRequest("x =", "Python", temperature=0.7)
        assert request.continued(" 1\n\ufffd") == CompleteRequest("x = 1", "py", temperature=0.7)

    def test_what_is_too_long_loses_whole_lines(self) -> None:
        code = CompleteRequest("first = 1").continued("\nx = 12345" * 700).code
        assert len(code) <= MOST_CHARACTERS
        assert set(code.split("\n")) == {"x = 12345"}

    def test_one_long_line(self) -> None:
        assert len(CompleteRequest("a").continued("b" * 7_000).code) == MOST_CHARACTERS
