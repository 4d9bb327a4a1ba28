from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources
from string import Formatter

import pytest

from bot.inference.requests import LabelScore
from bot.replies.work.numbers import written
from bot.tasks.work.pages import applying, decision_page, largest
from bot.tasks.work.texts import general
from bot.tasks.work.wording import SENTENCES, in_brackets, later, number, softmax_of
from tests.tasks.work.page_objects import decisions_of


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "0.0000"),
        (1.5, "1.5000"),
        (-0.25, "−0.2500"),
        (0.00123456, "0.00123"),
        (-1e-6, "−1e−06"),
        (12345.6, "12345.6000"),
    ],
)
def test_numbers(value: float, said: str) -> None:
    assert written(number(value)) == said


def test_results_in_sentences() -> None:
    said = later("{one} − {other} of {tokens}, {share}", one=1.5, other=in_brackets(-0.5), tokens=7, share=general(0.5))
    assert written(said) == "1.5000 − (−0.5000) of 7, 0.5"
    assert written(in_brackets(0.5)) == "0.5000"


def test_every_sentence_is_used_and_every_used_one_exists() -> None:
    files = resources.files("bot.tasks.work").iterdir()
    code = "".join(file.read_text(encoding="utf-8") for file in files if file.name.endswith(".py"))
    used = re.findall(rf"""["']((?:{"|".join(SENTENCES)})\.[a-z-]+)["']""", code)
    assert {*used} - {"pages.toml"} == {f"{section}.{name}" for section, names in SENTENCES.items() for name in names}


def test_a_softmax_with_few_terms() -> None:
    assert written(softmax_of([1.0, -2.0], 1, 0.0474)) == "exp(−2.0000) / (exp(1.0000) + exp(−2.0000)) = 0.0474"


def test_a_softmax_with_many_terms() -> None:
    worked_out = softmax_of([float(value) for value in range(20)], 19, 0.6321)
    assert written(worked_out) == (
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


def test_no_sentence_has_markdown() -> None:
    """Paragraphs are escaped, so it would be shown as it is written."""
    assert not [one for one in templates() if re.search(r"[`*]", one)]


def test_fields_of_templates_are_names() -> None:
    """What another process sends is filled in here: `texts.Sentence` refuses everything else."""
    for template in templates():
        assert all(
            name is None or (name.isidentifier() and not spec and not conversion)
            for _, name, spec, conversion in Formatter().parse(template)
        ), template


def test_forms_of_a_sentence_have_the_same_fields() -> None:
    for forms in [forms for names in SENTENCES.values() for forms in names.values() if not isinstance(forms, str)]:
        most = max((fields_of(one) for one in forms.values()), key=len)
        # Where English says "an older one", another language may say "1 older one".
        assert all(fields_of(one) <= most for one in forms.values())


def fields_of(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name is not None}


def templates() -> Iterator[str]:
    for forms in [forms for names in SENTENCES.values() for forms in names.values()]:
        yield from [forms] if isinstance(forms, str) else forms.values()
