"""The remark on the page of the decision if the answer said something else."""

from __future__ import annotations

import pytest

from bot.inference.requests import Answer, LabelScore
from bot.replies.formatting.bars import NO_BREAK_SPACE
from bot.replies.work.numbers import written
from bot.replies.work.render import render
from bot.replies.work.rounding import with_rounding
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.blocks import Explanation, Paragraph
from bot.tasks.work.pages import decided, decision_page, explanation
from bot.tasks.work.request import WorkRequest
from tests.support import unescape

ONE = explanation(decision_page(*decided("The largest is POSITIVE's.", "POSITIVE", 0.9512)))
TWO = explanation(decision_page(*decided("First.", "It", 0.5), *decided("Second.", "good", 0.75)))


def remark(found: Explanation, *answered: tuple[str, float], precision: str = "bfloat16") -> str | None:
    """The remark that is added to the decision; None for none."""
    told = with_rounding(found, [LabelScore(*one) for one in answered], precision)
    [before], [after] = found.pages, told.pages
    assert after.blocks[: len(before.blocks)] == before.blocks
    added = [block.text for block in after.blocks[len(before.blocks) :] if isinstance(block, Paragraph)]
    return written(added[0]).replace(NO_BREAK_SPACE, " ") if added else None


def test_a_number_that_is_shown_otherwise() -> None:
    assert remark(ONE, ("POSITIVE", 0.9341)) == (
        "The answer said 93.4 %: it was computed in one batch with other people's texts, and bfloat16 rounds "
        "differently in batches of other shapes."
    )


@pytest.mark.parametrize("probability", [0.9512, 0.9514, 0.9506])
def test_a_number_that_is_shown_alike(probability: float) -> None:
    assert remark(ONE, ("POSITIVE", probability)) is None


def test_another_label() -> None:
    torn = explanation(decision_page(*decided("The largest is POSITIVE's.", "POSITIVE", 0.502)))

    said = remark(torn, ("NEGATIVE", 0.511))

    assert said is not None
    assert said.startswith("The answer said NEGATIVE 51.1 %: it was computed in one batch")


def test_the_precision_is_named() -> None:
    said = remark(ONE, ("POSITIVE", 0.9341), precision="float16")

    assert said is not None
    assert "and float16 rounds differently" in said


def test_more_than_rounding_can_make() -> None:
    said = remark(ONE, ("POSITIVE", 0.7))

    assert said is not None
    assert said.startswith("The answer said 70.0 %. Rounding alone does not make such a difference: ")


def test_several_masks() -> None:
    assert remark(TWO, ("It", 0.5), ("good", 0.75)) is None
    one, both = remark(TWO, ("It", 0.5), ("good", 0.74)), remark(TWO, ("He", 0.51), ("good", 0.74))
    assert one is not None
    assert both is not None
    assert one.startswith("The answer said good 74.0 %: ")
    assert both.startswith("The answer said He 51.0 %, good 74.0 %: ")


def test_of_an_answer_that_is_not_known() -> None:
    assert remark(ONE) is None
    assert remark(explanation(decision_page(Paragraph("Done."))), ("POSITIVE", 0.5)) is None


def test_is_on_the_page_of_the_decision() -> None:
    request = WorkRequest.of(SentimentRequest("good"), (), (LabelScore("*POSITIVE*", 0.94),))

    reply = render(request, Answer(ONE, "tiny", "cpu", "bfloat16", 0.01), 0)

    shown = str(reply.embed.description)
    assert "The answer said \\*POSITIVE\\* 94.0" in shown  # it is somebody's word
    assert "The answer said *POSITIVE* 94.0 %: " in unescape(shown).replace(NO_BREAK_SPACE, " ")
    assert reply.embed.title == "1. Decision"
