"""Written tokens in words: a text without spaces is not one word, and no character is divided."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest

from bot.tasks.work.written_words import written_words


@pytest.mark.parametrize(
    ("text", "words"),
    {
        " Paris is big.\n": ["Paris", "is", "big.", "⏎"],
        "猫は「魚」が好き。": ["猫", "は", "「魚」", "が", "好", "き。"],
        "Paris 東京 x": ["Paris", "東", "京", "x"],
        "Paris東": ["Paris", "東"],
        "ไปทะเล": ["ไป", "ทะ", "เล"],
        "é😀à": ["é😀à"],
    }.items(),
)
def test_words_of_tokens(load: Callable[[str], Any], text: str, words: list[str]) -> None:
    head = load("llama")  # its tokens are bytes, outside of a few English words
    written = (*head.encode_rest(text), *head.end_ids)
    found = written_words(head, written)

    assert list(chain.from_iterable(word.places for word in found)) == list(range(len(written)))
    assert not any("\N{REPLACEMENT CHARACTER}" in word.text for word in found)
    *before, end = [word.text for word in found]
    assert end == head.tokens([written[-1]])[0].text
    assert before == words


def test_bytes_of_no_character(load: Callable[[str], Any]) -> None:
    head = load("llama")
    [lead] = [one for one in range(head.vocabulary_size) if head.tokens([one])[0].text == "<E6>"]

    assert [len(word.places) for word in written_words(head, [lead] * 9)] == [9]
