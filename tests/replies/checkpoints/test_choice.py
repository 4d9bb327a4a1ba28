"""Choosing a checkpoint, and the sentence that lists them all (item 18)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import LONGEST_NAME, HubUnreachable, InvalidRequest, named
from bot.inference.status import CheckpointStatus, Phase
from bot.replies.checkpoints.choice import NAME, checkpoint_choices, task_of
from bot.replies.delivery import LONGEST_SENTENCE
from bot.replies.formatting.text import code_span, listed, units

names = st.text(max_size=300) | st.sampled_from(["x" * 250, "`" * 250, "😀" * 250, "\n> x" * 60, " ", "@everyone"])
statuses = st.lists(names, min_size=1, max_size=60).map(
    lambda found: [status(name, f"task{place}") for place, name in enumerate(found)]
)


def status(name: str, *tasks: str) -> CheckpointStatus:
    return CheckpointStatus(name, tasks, Phase.WAITING, 0, (), "", 0, None, None)


def refusal(checkpoints: list[CheckpointStatus]) -> str:
    with pytest.raises(InvalidRequest) as told:
        task_of("no such one at all", checkpoints)
    return told.value.sentence


@given(statuses)
def test_an_unknown_checkpoint_is_told_within_a_message(checkpoints: list[CheckpointStatus]) -> None:
    sentence = refusal(checkpoints)
    assert units(sentence) <= LONGEST_SENTENCE
    assert "\n" not in sentence
    assert sentence.count("`") % 2 == 0  # each name is shut up in its code span


def test_long_names_are_shortened_and_the_rest_counted() -> None:
    """The names of the report: as long as a file system allows."""
    sentence = refusal([status(f"{task}-".ljust(250, "x"), task) for task in "abcdefghijklmnopqrstuvwxyz"])
    assert "`a-xxx" in sentence
    assert "…`" in sentence
    assert " more." in sentence


def test_short_names_are_all_listed() -> None:
    assert refusal([status("tiny", "a"), status("small", "b")]).endswith("one of these: `tiny`, `small`.")


@given(st.text(max_size=40), statuses)
def test_choices_are_taken_by_discord(typed: str, checkpoints: list[CheckpointStatus]) -> None:
    found = checkpoint_choices(typed, checkpoints)
    assert len(found) <= 25
    assert len({one.value for one in found}) == len(found)
    assert all(1 <= units(one.name.strip()) <= 100 for one in found)


@given(names, st.integers(8, NAME))
def test_a_code_span(text: str, limit: int) -> None:
    shown = code_span(text, limit)
    assert shown[0] == shown[-1] == "`"
    assert 1 <= units(shown[1:-1]) <= limit
    assert "`" not in shown[1:-1]
    assert "\n" not in shown


@given(st.lists(names, min_size=1, max_size=60), st.integers(0, 2000))
def test_a_list_fits_and_leaves_nothing_out_in_silence(found: list[str], limit: int) -> None:
    spans = [code_span(name, 50) for name in found]
    shown = listed(spans, limit)
    assert units(shown) <= max(limit, units(listed(spans, 0)))
    assert shown == ", ".join(spans) or shown.endswith(" more")


@given(st.lists(names, min_size=1, max_size=60))
def test_a_hub_that_is_not_reached(found: list[str]) -> None:
    error = HubUnreachable(found)
    assert units(error.sentence) <= LONGEST_SENTENCE
    assert error.names == tuple(found)


@given(names)
def test_a_name_in_a_sentence_formats_and_pings_nothing(name: str) -> None:
    shown = named(name)
    assert len(shown) <= LONGEST_NAME
    assert not set(shown) & set("`*~|<>[]@\n\\")
