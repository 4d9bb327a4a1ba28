"""Tokenized texts of encoders, whether they come from the library's tokenizer or from its backend."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests import tiny

TEXTS = ["", "I love this course.", "日本語 ünïcode 🙂", "[MASK] <mask> [SEP] </s>", " ".join(tiny.CORPUS * 20)]
ENCODERS = ("distilbert", "roberta", "bart_mnli", "bert_ner", "bert_squad", "minilm")


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("pair", [None, "", "This text is about food."])
def test_rows_are_what_the_library_reads(load: Callable[[str], Any], name: str, pair: str | None) -> None:
    head = load(name)
    types = "token_type_ids" in head.tokenizer.model_input_names
    for text in TEXTS:
        head.tokenize(text)  # leaves the tokenizer without truncation
        row = head.encode(text, pair)
        expected = head.tokenizer(
            text,
            pair,
            truncation=True if pair is None else "only_first",
            max_length=head.context_length,
            return_token_type_ids=types,
            split_special_tokens=True,
        )
        assert list(row.inputs.ids) == expected["input_ids"]
        assert row.inputs.type_ids == (tuple(expected["token_type_ids"]) if types else None)
        assert row.inputs.truncated == (text == TEXTS[-1])
        assert row.tokens == len(row.inputs.ids) <= head.context_length


def test_a_tokenizer_that_does_more_is_asked_itself(
    load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    head = load("distilbert")

    class Lowering(type(head.tokenizer)):  # type: ignore[misc]
        def _encode_plus(self, text: str, *arguments: Any, **options: Any) -> Any:
            return super()._encode_plus(f"so {text}", *arguments, **options)

    expected = head.encode("so it is good").inputs
    monkeypatch.setattr(head.tokenizer, "__class__", Lowering)
    assert head.encode("it is good").inputs == expected
