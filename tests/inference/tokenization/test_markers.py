"""Markers: which are found, and where a space breaks them."""

from __future__ import annotations

from bot.inference.tokenization.markers import Marker, Markers, broken
from bot.text.graphemes import Span


def markers(*texts: str) -> Markers:
    return Markers(map(Marker, texts))


def test_the_longest_is_known() -> None:
    assert markers("ab", "<|end|>", "[x]").longest == 7
    assert markers().longest == 0


def test_without_markers_nothing_is_found() -> None:
    assert markers().find("a\n<s> b") == []
    assert markers().broken("a\n<s> b") == "a\n<s> b"


def test_what_has_no_two_characters_side_by_side_cannot_be_broken() -> None:
    assert markers("a b").find("a b") == []
    assert markers("a bc").find("a bc") == [Span(0, 4)]


def test_the_longest_of_several_is_found() -> None:
    assert markers("[x]", "[x]y").find("[x]y") == [Span(0, 4)]
    assert markers(*(f"a{number}" for number in range(1, 9)), "a5b").find("a5b") == [Span(0, 3)]


def test_of_many_that_differ_in_numbers_all_numbers_are_found() -> None:
    assert markers(*(f"<unused{number}>" for number in range(8))).find("<unused99>") == [Span(0, 10)]
    assert markers(*(f"<unused{number}>" for number in range(7))).find("<unused99>") == []


def test_words_are_whole() -> None:
    assert markers("USER:").find("superuser:") == []
    assert markers("USER:").find("a User:") == [Span(2, 7)]


def test_a_space_breaks_where_there_is_none_yet() -> None:
    assert markers("a bc").broken("a\nbc") == "a\nb c"
    assert markers("Assistant:").broken("Assistant: no") == "Assistant : no"
    assert broken("a<s>b</s>", ["<s>", "</s>"]) == "a< s>b< /s>"
