"""Shapley values and pairs of parts, against captum, and every order by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from captum.attr import ShapleyValues

from bot.inference.operations import TaskRun, run_task
from bot.tasks.scores import Floats
from bot.tasks.work.coalitions import Shares, Table, exact, interactions, sampled
from bot.tasks.work.units import Units, units, units_of_lines, words_of

PARTS = ("not ", "a ", "good ", "day ", "here")


def number(text: str) -> Floats:
    """Two numbers of a text, in which words act together."""
    words = set(text.split())
    pair = 3.0 if {"not", "good"} <= words else 0.0
    three = 0.7 if {"a", "good", "day"} <= words else 0.0
    return np.array([2.0 * ("good" in words) - pair + three + 0.1 * len(words), math.sin(len(text))])


def value(text: str) -> TaskRun[Floats]:
    yield from ()
    return number(text)


@pytest.fixture
def table() -> Table:
    made = Table(Units("word", PARTS), value)
    run_task(made.fill_all())
    return made


def by_captum(index: int) -> list[float]:
    def forward(masks: torch.Tensor) -> torch.Tensor:
        texts = ("".join(part for part, kept in zip(PARTS, mask, strict=True) if kept) for mask in masks.tolist())
        return torch.tensor([float(number(text.strip())[index]) for text in texts])

    every = torch.ones(1, len(PARTS))
    found: torch.Tensor = ShapleyValues(forward).attribute(every, baselines=torch.zeros_like(every))
    return [float(one) for one in found[0]]


def test_exact_values_are_captums(table: Table) -> None:
    shares = exact(table)
    assert shares.errors is None
    for index in (0, 1):
        assert shares.values[:, index] == pytest.approx(by_captum(index), abs=1e-5)
        assert shares.values[:, index].sum() == pytest.approx(float((table.end - table.start)[index]))


def test_sampled_values_sum_to_the_difference_and_err_as_they_say() -> None:
    table = Table(Units("word", PARTS), value)
    shares = run_task(sampled(table, 24))
    assert shares.values.sum(axis=0) == pytest.approx(table.end - table.start)
    assert shares.orders == 48
    assert shares.errors is not None
    right = np.array([by_captum(index) for index in (0, 1)]).T
    assert (np.abs(shares.values - right) <= 4 * shares.errors + 1e-6).all()
    assert run_task(sampled(Table(Units("word", PARTS), value), 24)).values == pytest.approx(shares.values)


def test_one_pair_of_orders_has_no_errors() -> None:
    assert run_task(sampled(Table(Units("word", PARTS), value), 1)).errors is None


def by_dividends(table: Table) -> Mapping[tuple[int, int], float]:
    """Pairs from Harsanyi's dividends: what each set of parts adds that no smaller one has."""
    values = {one: float(found[0]) for one, found in table.known.items()}
    dividends: dict[tuple[int, ...], float] = {}
    for one in sorted(values, key=len):
        dividends[one] = values[one] - sum(share for part, share in dividends.items() if {*part} < {*one})
    return {
        pair: sum(one / (len(parts) - 1) for parts, one in dividends.items() if {*pair} <= {*parts})
        for pair in combinations(range(len(PARTS)), 2)
    }


def test_pairs(table: Table) -> None:
    shares = exact(table)
    found = interactions(table, shares)
    for (first, second), share in by_dividends(table).items():
        assert found[first, second] == found[second, first] == pytest.approx(share)
    assert np.triu(found).sum() == pytest.approx(float((table.end - table.start)[0]))
    assert min(np.ndindex(found.shape), key=lambda one: found[one]) == (0, 2)  # "not" and "good"
    whole = np.diag(found) + (found.sum(axis=1) - np.diag(found)) / 2
    assert whole == pytest.approx(shares.values[:, 0])


def by_definition(first: int, second: int) -> float:
    """The index of order two: a mean over all orders in which a pair, joining as one, finds others there before it."""
    others = [index for index in range(len(PARTS)) if index not in (first, second)]
    found: list[float] = []
    for order in permutations([*others, -1]):
        before = order[: order.index(-1)]
        with_pair = (number(text_of((*before, *added)))[0] for added in ((first, second), (first,), (second,), ()))
        both, one, other, none = map(float, with_pair)
        found.append(both - one - other + none)
    return sum(found) / len(found)


def text_of(kept: Sequence[int]) -> str:
    return "".join(PARTS[index] for index in sorted(kept)).strip()


def test_pairs_are_those_of_the_definition(table: Table) -> None:
    found = interactions(table, exact(table))
    whole = by_captum(0)
    alone = dict(enumerate(whole))
    for first, second in combinations(range(len(PARTS)), 2):
        share = by_definition(first, second)
        assert found[first, second] == pytest.approx(share)
        alone[first] -= share / 2
        alone[second] -= share / 2
    assert np.diag(found) == pytest.approx([alone[index] for index in range(len(PARTS))], abs=1e-5)


def test_values_are_computed_once() -> None:
    asked: list[str] = []

    def counted(text: str) -> TaskRun[Floats]:
        asked.append(text)
        return (yield from value(text))

    table = Table(Units("word", PARTS), counted)
    run_task(table.fill_all())
    run_task(table.fill_all())
    assert len(asked) == len(set(asked)) == 2 ** len(PARTS)
    shares: Shares = exact(table)
    assert shares.orders == 0


@pytest.mark.parametrize(
    "text", ["I like it.", "  Odd\n\n spaces \t", "猫は魚が好きです。", "wait … what ?", "ไม่ดี เลย", "👍", "x"]
)
def test_words_join_to_the_text(text: str) -> None:
    words = words_of(text)
    assert "".join(words) == text
    assert all(word.strip() for word in words)


@pytest.mark.parametrize(
    ("text", "words"),
    {
        "Good, don’t.": ["Good,", "don’t."],
        "“Paris” (good)": ["“Paris”", "(good)"],
        "猫は「魚」が好き。": ["猫", "は", "「魚」", "が", "好", "き。"],
        "コーヒーを飲みます": ["コーヒー", "を", "飲", "み", "ま", "す"],
        "北京 is big": ["北", "京", "is", "big"],
        "나는 커피를": ["나는", "커피를"],
        "เมื่อวานไปทะเล": ["เมื่", "อ", "วา", "น", "ไป", "ทะ", "เล"],  # no vowel without its consonant
        "ကော်ဖီကြိုက်": ["ကော်", "ဖီ", "ကြိုက်"],
        "ខ្ញុំចូលចិត្ត": ["ខ្ញុំ", "ចូ", "ល", "ចិ", "ត្ត"],
        "ກາເຟ": ["ກາ", "ເຟ"],
        "བོད་སྐད": ["བོད་", "སྐད"],
        "print(a+b)": ["print", "(a", "+", "b)"],  # a text without any space
        "x = print(a+b)": ["x", "=", "print(a+b)"],
    }.items(),
)
def test_words_of_scripts_with_and_without_spaces(text: str, words: list[str]) -> None:
    assert [word.strip() for word in words_of(text)] == words


def test_parts_of_unspaced_texts_are_not_called_words() -> None:
    assert [units(text, 20).noun for text in ("a b", "猫は", "a 猫")] == ["word", "part", "part"]


def test_messages_are_not_divided() -> None:
    text = "alice: Who? I do.\nbob: Me.\ncarol: And me."
    assert units_of_lines(text, 20) == Units("message", ("alice: Who? I do.\n", "bob: Me.\n", "carol: And me."))
    assert units_of_lines(text, 2) == Units("part", ("alice: Who? I do.\nbob: Me.\n", "carol: And me."))
    assert units_of_lines("alice: Who? I do.", 20).noun == "word"


def test_units_are_words_then_sentences_then_runs() -> None:
    text = "The first one. The second one here! And a third."
    assert units(text, 20).names == tuple(text.split())
    assert units(text, 3).names == ("The first one.", "The second one here!", "And a third.")
    runs = units("one two three four five six seven", 3)
    assert (runs.noun, len(runs)) == ("part", 3)
    assert "".join(runs.parts) == "one two three four five six seven"
    assert runs.without([0]) == "three four five six seven"
