from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.heads.generation.sampling import Sampling
from bot.tasks.prompts.writing import (
    LONGEST_LOOP,
    SHORTEST_LOOP,
    EndingRow,
    ReadPrompt,
    circling,
    was_stopped,
    without_circles,
)

SENTENCE = "The old man looks at the sea. "


class TestCircling:
    def test_said_for_the_third_time(self) -> None:
        assert circling("Well. " + SENTENCE * 2) == 0
        assert circling("Well. " + SENTENCE * 2 + SENTENCE[:-3]) == 0
        assert circling("Well. " + SENTENCE * 3) == 2 * len(SENTENCE)
        assert circling("Well. " + SENTENCE * 3 + "And") == 0

    def test_wherever_a_round_begins(self) -> None:
        text = "Well. " + SENTENCE * 3 + SENTENCE[:7]
        assert without_circles(text) == ("Well. " + SENTENCE + SENTENCE[:7], True)
        assert without_circles("Well. " + SENTENCE * 3) == ("Well. " + SENTENCE.strip(), True)
        assert without_circles(SENTENCE * 2) == (SENTENCE * 2, False)

    def test_rounds_that_are_too_short_or_too_long(self) -> None:
        assert circling("ha" * 9) == 0
        assert circling("ha" * (3 * SHORTEST_LOOP // 2)) == 2 * SHORTEST_LOOP
        long = "".join(map(str, range(200)))[: LONGEST_LOOP + 1]
        assert circling(long * 3) == 0
        assert circling(long[1:] * 3) == 2 * LONGEST_LOOP

    @pytest.mark.parametrize(
        "line",
        [
            "|----------------------|----------------------|----------------------|",  # row J1
            "|:---:|:---:|:---:|" * 6,
            "-" * 200,
            "- " * 100,
            "=" * 80 + "\n" + "=" * 80 + "\n" + "=" * 80,
            "┌──────────┬──────────┐" * 8,
            "═" * 90,
            "Contents" + " ." * 60,
            " " * 200,
            "\n" * 200,
            "| | | |\n" * 30,
            "a" * 100,
            "🎉" * 100,
        ],
    )
    def test_layout_is_no_circle(self, line: str) -> None:
        for end in range(len(line) + 1):
            assert circling("Here is the table:\n| Name | Age | City |\n" + line[:end]) == 0

    @given(st.text(alphabet="-=_|+:*.~#·•─│┼═ \n\t", min_size=1, max_size=40), st.integers(1, 100))
    def test_no_layout_whatsoever(self, unit: str, times: int) -> None:
        assert circling(unit * times) == 0

    def test_a_circle_with_a_line_in_it(self) -> None:
        table = "| Name |\n|------------------------------|\n"
        assert circling(table * 3) == 2 * len(table)

    def test_a_line_that_is_said_three_times(self) -> None:
        """Row J4: songs and drills lose their text, as intended."""
        assert without_circles("1. Yes, of course it is.\n" * 3) == ("1. Yes, of course it is.", True)

    @pytest.mark.parametrize("stop", "。！？،؟।」")
    def test_what_closes_a_sentence_stays_with_it(self, stop: str) -> None:
        circle = "今日はとてもいい天気ですから散歩に行きます"
        assert without_circles(f"「{(stop + circle) * 3}")[0] == f"「{stop}{circle}{stop}"

    @given(st.text(max_size=30), st.text(min_size=SHORTEST_LOOP, max_size=60).map("ab".__add__))
    def test_what_is_left_says_everything_once(self, before: str, circle: str) -> None:
        text = before + circle * 3
        assert 0 < circling(text) <= 2 * len(circle)


def row_of(head: Any, ends: Callable[[Sequence[int]], bool]) -> EndingRow:
    return EndingRow(head.generation(head.encode("Once"), 9, sampling=Sampling.likeliest()), ends)


def is_stopped(row: EndingRow) -> bool:
    """As a function, because a type checker believes that an attribute stays what it was."""
    return row.stopped


class TestEndingRow:
    def test_ends_by_its_rule(self, load: Callable[[str], Any]) -> None:
        row = row_of(load("llama"), lambda ids: ids[-1] == 7)
        assert not is_stopped(row)
        row.progress += [5, 6]
        assert not is_stopped(row)
        row.progress.append(7)
        assert is_stopped(row)
        assert not was_stopped(row)
        row.progress.clear()  # it begins again after a failure
        assert not is_stopped(row)

    def test_is_asked_once_for_each_token(self, load: Callable[[str], Any]) -> None:
        asked: list[int] = []

        def rule(ids: Sequence[int]) -> bool:
            asked.append(len(ids))
            return False

        row = row_of(load("llama"), rule)
        for _ in range(3):
            row.progress.append(1)
            assert not is_stopped(row)
            assert not is_stopped(row)
        assert asked == [1, 2, 3]

    def test_is_stopped_by_somebody(self, load: Callable[[str], Any]) -> None:
        row = row_of(load("llama"), lambda ids: False)
        assert not was_stopped(row)
        row.stopped = True
        assert is_stopped(row)
        assert was_stopped(row)

    def test_through_the_decoder(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        [whole] = head.generate.run([head.generation(head.encode("Once"), 9, sampling=Sampling.likeliest())])
        [part] = head.generate.run([row_of(head, lambda ids: len(ids) >= 4)])
        assert part.ids == whole.ids[:4]
        assert not part.finished


@pytest.mark.parametrize("text", [" and then", "and then", "\n    x = 1"])
def test_the_text_as_it_follows(load: Callable[[str], Any], text: str) -> None:
    head = load("llama")
    assert ReadPrompt.of(head, "Once", (), 10).text(head.encode_rest(text)) == text
