from __future__ import annotations

import subprocess
import sys

import pytest

from bot.inference.task import HeadKind
from bot.tasks import all_tasks
from bot.tasks.work.request import explanations


@pytest.mark.parametrize(
    "name", ["sentiment", "fill", "zeroshot", "entities", "answer", "summarize", "complete", "chat"]
)
def test_every_way_to_answer_can_be_opened(name: str) -> None:
    [task] = [task for task in all_tasks() if task.name == name]
    assert set(explanations()[name]) == set(task.implementations)
    assert HeadKind.CAUSAL_LM in explanations()[name]


def test_similarity_is_for_sentence_encoders() -> None:
    assert set(explanations()["similarity"]) == {HeadKind.EMBEDDER}


def test_no_torch_before_a_checkpoint_is_loaded() -> None:
    script = (
        "import sys; from bot.tasks.work.request import explanations; explanations(); "
        "sys.exit('torch' in sys.modules or 'transformers' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
