from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.inference.heads.generation.sampling import Sampling
from bot.inference.operations import Row, RowState
from bot.tasks.prompts.writing import (
    LONGEST_LOOP,
    SHORTEST_LOOP,
    GrowingText,
    ReadPrompt,
    circling,
    without_circles,
)

SENTENCE = "The old man looks at the sea. "
HEADS = ["llama", "t5", "roberta", "m2m100"]
ALPHABET = st.sampled_from(" ab.:\nI\ufffdé今🦩👩\u200d")


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


@given(st.text(alphabet="ab- ", max_size=40), st.text(alphabet="ab- ", min_size=10, max_size=40), st.integers(1, 5))
def test_circles_are_found_as_by_comparing_every_length(before: str, circle: str, times: int) -> None:
    text = before + circle * times
    found = 0
    for length in range(LONGEST_LOOP, SHORTEST_LOOP - 1, -1):
        end = text[-length:]
        if len(text) >= 3 * length and text.endswith(end * 3) and len(set(end)) > 1 and set(end) & {"a", "b"}:
            found = 2 * length
    assert circling(text) == found


def row_of(head: Any, criterion: Callable[[Sequence[int]], bool]) -> Row[Any]:
    row: Row[Any] = head.generation(head.encode("Once"), 9, sampling=Sampling.likeliest())
    row.stop_criterion = criterion
    return row


class TestStopCriterion:
    def test_ends_by_its_rule(self, load: Callable[[str], Any]) -> None:
        row = row_of(load("llama"), lambda ids: ids[-1] == 7)
        assert not row.is_complete()
        row.progress += [5, 6]
        assert not row.is_complete()
        row.progress.append(7)
        assert row.is_complete()
        assert not row.was_stopped
        row.progress.clear()  # it begins again after a failure
        assert not row.is_complete()

    def test_is_stopped_by_somebody(self, load: Callable[[str], Any]) -> None:
        row = row_of(load("llama"), lambda ids: False)
        assert not row.was_stopped
        row.stop()
        row.run_on(0)  # too late to change that
        assert row.is_ending
        assert row.state is RowState.STOPPING

    def test_through_the_decoder(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        asked: list[int] = []

        def rule(ids: Sequence[int]) -> bool:
            asked.append(len(ids))
            return len(ids) >= 4

        [whole] = head.generate.run([head.generation(head.encode("Once"), 9, sampling=Sampling.likeliest())])
        [part] = head.generate.run([row_of(head, rule)])
        assert part.ids == whole.ids[:4]
        assert not part.finished
        assert asked == [1, 2, 3, 4]  # once for each token


class TestGrowingText:
    """Decoded piece by piece, a text is what it is when it is decoded at once."""

    @given(data=st.data())
    def test_is_the_text(self, load: Callable[[str], Any], data: st.DataObject) -> None:
        head = load(data.draw(st.sampled_from(HEADS)))
        ids = head.tokenize(data.draw(st.text(ALPHABET, min_size=1, max_size=20)), add_special_tokens=False)
        growing, number = GrowingText(head), 0
        while number < len(ids):
            number += data.draw(st.integers(1, 3))
            assert growing.text(ids[:number]) == head.decode(ids[:number])
            assert growing.whole_text(ids[:number]) == head.decode_whole(ids[:number])

    def test_begins_anew(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        growing = GrowingText(head)
        assert growing.text(head.encode_rest("I love apples")) == "I love apples"
        assert growing.text(head.encode_rest("W")) == "W"


@given(data=st.data())
def test_a_text_is_decoded_behind_the_end_of_its_prompt(load: Callable[[str], Any], data: st.DataObject) -> None:
    """As if it were decoded behind all of it."""
    head = load(data.draw(st.sampled_from(HEADS)))
    before, new = (head.tokenize(data.draw(st.text(ALPHABET, max_size=60)), add_special_tokens=False) for _ in range(2))
    before, new = before[: data.draw(st.integers(0, 60))], new[: data.draw(st.integers(0, 60))]
    prompt = ReadPrompt(head, tuple(before), (), truncated=False)
    assert prompt.text(new) == head.decode([*before, *new])[len(head.decode_whole(before)) :]
    assert prompt.whole_text(new) == head.decode_whole([*before, *new])[len(head.decode_whole(before)) :]


@pytest.mark.parametrize("text", [" and then", "and then", "\n    x = 1"])
def test_the_text_as_it_follows(load: Callable[[str], Any], text: str) -> None:
    head = load("llama")
    assert ReadPrompt.of(head, "Once", (), 10).text(head.encode_rest(text)) == text
