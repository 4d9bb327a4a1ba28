"""Tokens as people can read them, of each kind of tokenizer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.inference.tokens import joined

KINDS = ["distilbert", "roberta", "llama", "t5", "bart_mnli", "marian", "m2m100", "nllb"]


@pytest.mark.parametrize("name", KINDS)
def test_plain_words(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    tokens = head.tokens(head.tokenize("I love apples and lemons"))
    words = [token for token in tokens if not token.special]
    assert joined(words).lower() == "i love apples and lemons"
    assert sum(token.starts_word for token in words) == 5
    assert [token.id for token in tokens] == head.tokenize("I love apples and lemons")


def test_special_tokens_are_marked(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    tokens = head.tokens(head.tokenize("I love"))
    assert [token.text for token in tokens if token.special] == ["[CLS]", "[SEP]"]


def test_parts_of_characters_are_readable(load: Callable[[str], Any]) -> None:
    head = load("roberta")
    tokens = head.tokens(head.tokenize("語", add_special_tokens=False))
    assert "".join(token.text for token in tokens) == "<E8><AA><9E>"


@pytest.mark.parametrize("name", ["roberta", "llama"])
def test_a_line_break_continues_no_word_and_neither_does_what_follows_it(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    tokens = head.tokens(head.tokenize("love\nlove", add_special_tokens=False))
    [place] = [place for place, token in enumerate(tokens) if "\n" in token.text]
    assert place >= 1
    assert tokens[place].starts_word
    assert tokens[place + 1].starts_word
    assert not all(token.starts_word for token in head.tokens(head.tokenize("lovelove", add_special_tokens=False)))


def test_ids_beyond_the_vocabulary(load: Callable[[str], Any]) -> None:
    [token] = load("roberta").tokens([10**6])
    assert token.text == "<1000000>"


@pytest.mark.parametrize("name", ["roberta", "llama"])
@given(text=st.text(max_size=40))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text(name: str, load: Callable[[str], Any], text: str) -> None:
    head = load(name)
    ids = head.tokenize(text)
    assert [token.id for token in head.tokens(ids)] == ids
    for token in head.tokens(ids):
        token.text.encode("utf-8")
