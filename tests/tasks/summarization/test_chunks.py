from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.summarization.chunks import chunks

ROOM = 12


def words(text: str) -> int:
    """Every word is a token, and every fourth letter of a long one."""
    return sum(-(-len(word) // 4) for word in text.split())


def test_what_fits_stays_whole() -> None:
    assert chunks("One two.\nThree four.", ROOM, words) == ["One two.\nThree four."]


def test_between_lines_before_sentences_before_words() -> None:
    lines = "a b c d e f g h.\ni j k l m n o p.\nq r s t u v w x."
    assert chunks(lines, ROOM, words) == lines.split("\n")
    sentences = "a b c d e f g h. i j k l m n o p! q r s t u v w x?"
    assert chunks(sentences, ROOM, words) == ["a b c d e f g h.", "i j k l m n o p!", "q r s t u v w x?"]
    assert chunks("a " * 30, ROOM, words) == ["a " * 9 + "a"] * 3


def test_parts_are_about_equal() -> None:
    parts = chunks("\n".join(["a b c"] * 9), 24, words)
    assert [words(part) for part in parts] == [15, 12]


def test_a_word_that_is_longer_than_a_part() -> None:
    parts = chunks("x" * 400, ROOM, words)
    assert "".join(parts) == "x" * 400
    assert all(words(part) <= ROOM for part in parts)


@given(st.text("ab .\n!。é", max_size=400) | st.text(max_size=200), st.integers(1, 40))
def test_nothing_is_lost_and_everything_fits(text: str, room: int) -> None:
    parts = chunks(text, room, words)
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(words(part) <= room for part in parts)


@pytest.mark.parametrize("room", [1, 2, 3])
def test_pieces_that_take_more_room_together_than_alone(room: int) -> None:
    def odd(text: str) -> int:
        return len(text.split()) + len(text.split()) // 4

    parts = chunks("a b c d e f g h i j k l m", room, odd)
    assert " ".join(parts) == "a b c d e f g h i j k l m"
    assert all(odd(part) <= room for part in parts)
