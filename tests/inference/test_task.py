from __future__ import annotations

import pytest

from bot.errors import ModelUnavailable
from bot.inference.task import HeadKind
from bot.tasks import all_tasks


def test_every_task_says_what_it_needs() -> None:
    for task in all_tasks():
        for kind in HeadKind:
            if kind in task.implementations:
                task.on(kind)
                continue
            with pytest.raises(ModelUnavailable) as caught:
                task.on(kind)
            sentence = caught.value.sentence
            assert f"{task.name.upper()}_CHECKPOINT" in sentence
            assert all(way in sentence for way in task.implementations)
            assert "a encoder" not in sentence


def test_the_sentence() -> None:
    [translate] = [task for task in all_tasks() if task.name == "translate"]
    with pytest.raises(ModelUnavailable) as caught:
        translate.on(HeadKind.SEQUENCE_CLASSIFIER)
    assert caught.value.sentence.startswith(
        "The checkpoint that is set for /translate is a sequence classifier, and this command needs "
        "an encoder-decoder language model or a causal language model. "
    )
