from __future__ import annotations

from dataclasses import replace

from pydantic import TypeAdapter

from bot.inference.requests import LabelScore
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.request import WorkRequest

REQUEST = WorkRequest.of(SentimentRequest("I love it."))
KEPT: TypeAdapter[WorkRequest] = TypeAdapter(WorkRequest)


def test_what_was_kept_before_there_was_evidence() -> None:
    found = KEPT.validate_json(
        b'{"task": "sentiment", "content": "{\\"text\\":\\"I love it.\\"}", "written": [[1, 2]]}'
    )

    assert found.about == SentimentRequest("I love it.")
    assert (found.written, found.answered, found.evidence) == (((1, 2),), (), False)


def test_what_was_answered_is_kept() -> None:
    request = WorkRequest.of(SentimentRequest("I love it."), (), (LabelScore("POSITIVE", 0.9341),))

    found = KEPT.validate_json(KEPT.dump_json(request))

    assert found.answered == (LabelScore("POSITIVE", 0.9341),)


def test_the_work_is_that_of_whatever_was_answered() -> None:
    """So equal texts are opened once, whatever their answers shared their batches with."""
    answered = WorkRequest.of(SentimentRequest("I love it."), (), (LabelScore("POSITIVE", 0.9341),))

    assert answered == REQUEST
    assert hash(answered) == hash(REQUEST)
    assert replace(REQUEST, evidence=True) != REQUEST
