"""Choosing a checkpoint, and the sentence that lists them all (item 18)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import LONGEST_NAME, HubUnreachable, InvalidRequest, named
from bot.inference.status import CheckpointStatus, Phase
from bot.replies.checkpoints.choice import (
    NAME,
    Offered,
    checkpoint_choices,
    chosen_among,
    for_task,
    handle_of,
    offered_everywhere,
)
from bot.replies.checkpoints.listing import completed, split
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
        chosen_among(checkpoints, "no such one at all")
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
    assert all(1 <= units(one.name.strip()) <= 100 for one in found)
    assert all(len(one.value) <= 100 for one in found)


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


def offered(name: str, *tasks: str, usual: tuple[str, ...] = ()) -> CheckpointStatus:
    return CheckpointStatus(name, usual, Phase.WAITING, 0, (), "", 0, None, None, offered=(*usual, *tasks))


FAMILIES = [
    offered("distilroberta-base", usual=("fill",)),
    offered("SmolLM2-360M", "fill", "sentiment", usual=("generate",)),
    offered("bert-base-uncased", "fill"),
    offered("roberta-base", "fill"),
    offered("unfetched"),
]


class TestForTask:
    def test_those_that_can_do_it_the_usual_one_first(self) -> None:
        found = for_task("generate", [*reversed(FAMILIES)], None, "generate")
        assert [one.name for one in found] == ["SmolLM2-360M"]
        found = for_task("fill", [*reversed(FAMILIES)], None, "fill")
        assert found[0].name == "distilroberta-base"
        assert len(found) == 4

    def test_what_every_head_can_do(self) -> None:
        assert len(for_task("tokenize", FAMILIES, None, "fill")) == len(FAMILIES)

    def test_a_server_forbids_all_but_the_usual_one(self) -> None:
        assert [one.name for one in for_task("fill", FAMILIES, (), "fill")] == ["distilroberta-base"]
        some = for_task("fill", FAMILIES, ("roberta-base", "gone"), "fill")
        assert [one.name for one in some] == ["distilroberta-base", "roberta-base"]


def test_a_server_of_an_earlier_version_offers_what_is_set() -> None:
    old = [status("a", "fill"), status("b", "generate")]
    assert [one.name for one in for_task("fill", old, None, "fill")] == ["a"]
    assert (handle_of(old[0]), handle_of(FAMILIES[2])) == ("fill", "bert-base-uncased")


def test_the_listing_for_a_page() -> None:
    assert offered_everywhere(FAMILIES)[1:3] == [
        Offered("SmolLM2-360M", "/generate, /fill, /sentiment"),
        Offered("bert-base-uncased", "/fill"),
    ]
    assert "unfetched" not in {one.name for one in offered_everywhere(FAMILIES)}


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("roberta-base", "roberta-base"),  # and not distilroberta-base, which contains it
        ("ROBERTA-base", "roberta-base"),
        ("fill", "distilroberta-base"),
        ("/generate", "SmolLM2-360M"),
        ("bert-base-unc…", "bert-base-uncased"),
        ("smol", "SmolLM2-360M"),
    ],
)
def test_what_is_meant(typed: str, name: str) -> None:
    assert chosen_among(FAMILIES, typed).name == name


class TestList:
    NAMES = ("distilroberta-base", "bert-base-uncased", "roberta-base", "gpt2")

    def test_one_more_name(self) -> None:
        assert [one.value for one in completed("gpt2, rob", self.NAMES, 4)] == [
            "gpt2, distilroberta-base",
            "gpt2, roberta-base",
        ]

    def test_no_more_than_may_be(self) -> None:
        assert [one.value for one in completed("gpt2, roberta-base,", self.NAMES, 2)] == ["gpt2, roberta-base"]

    def test_long_lists_are_abbreviated_and_mean_the_same(self) -> None:
        names = [
            "distilbert-base-uncased-finetuned-sst-2-english",
            "bert-base-multilingual-uncased-sentiment",
            "gpt2-xl",
        ]
        typed = f"{names[0]}, {names[1]}, "
        values = [one.value for one in completed(typed, names, 4)]
        checkpoints = [offered(name, "sentiment") for name in names]
        assert [len(value) <= 100 for value in values] == [True, True]
        assert [chosen_among(checkpoints, part).name for part in split(values[-1])] == names

    @given(st.text(max_size=200), st.lists(st.text(max_size=80), max_size=30, unique=True), st.integers(1, 4))
    def test_is_taken_by_discord(self, typed: str, names: list[str], most: int) -> None:
        found = completed(typed, names, most)
        assert len(found) <= 25
        assert all(units(one.name) <= 100 and one.name == one.value for one in found)
