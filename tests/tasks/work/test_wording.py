from __future__ import annotations

import re
from importlib import resources

import pytest

from bot.inference.requests import LabelScore
from bot.tasks.work.pages import applying, decision_page, largest
from bot.tasks.work.wording import SENTENCES, filled, number, softmax_of
from tests.tasks.work.page_objects import decisions_of


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0, "0.0000"),
        (1.5, "1.5000"),
        (-0.25, "−0.2500"),
        (0.00123456, "0.00123"),
        (-1e-6, "−1e−06"),
        (12345.6, "12345.6000"),
    ],
)
def test_numbers(value: float, written: str) -> None:
    assert number(value) == written


def test_numbers_in_sentences() -> None:
    template = "{one} − {other:()} of {tokens:,}, {options.probability:g} of “{text}”"
    options = LabelScore("", 0.5)
    assert filled(template, one=1.5, other=0.5, tokens=1000, options=options, text="{one}") == (
        "1.5000 − 0.5000 of 1,000, 0.5 of “{one}”"
    )
    assert filled("{one} − {other:()}", one=-1.5, other=-0.5) == "−1.5000 − (−0.5000)"


def test_every_sentence_is_used_and_every_used_one_exists() -> None:
    files = resources.files("bot.tasks.work").iterdir()
    code = "".join(file.read_text(encoding="utf-8") for file in files if file.name.endswith(".py"))
    used = re.findall(rf"""["']((?:{"|".join(SENTENCES)})\.[a-z-]+)["']""", code)
    assert {*used} - {"pages.toml"} == {f"{section}.{name}" for section, names in SENTENCES.items() for name in names}


def test_a_softmax_with_few_terms() -> None:
    assert softmax_of([1.0, -2.0], 1, 0.0474) == "exp(−2.0000) / (exp(1.0000) + exp(−2.0000)) = 0.0474"


def test_a_softmax_with_many_terms() -> None:
    written = softmax_of([float(value) for value in range(20)], 19, 0.6321)
    assert written == (
        "exp(19.0000) / (exp(0.0000) + exp(1.0000) + exp(2.0000) + exp(3.0000) + … + exp(19.0000)) = 0.6321"
    )


def test_decisions() -> None:
    scores = [LabelScore("sports", 0.9), LabelScore("politics", 0.6), LabelScore("travel", 0.2)]
    [largest_of_all] = decisions_of(decision_page(*largest(scores)))
    assert largest_of_all.sentence == "The largest probability is that of sports, so the answer is sports."
    [several], [none] = (decisions_of(decision_page(*applying(one))) for one in (scores, scores[2:]))
    assert several.sentence.endswith("Above one half, so that they apply: sports, politics.")
    assert none.sentence.endswith("None is above one half; the nearest is travel.")
    assert (several.label, several.probability) == ("sports", 0.9)
