"""Comprehensiveness and sufficiency of scores, on a number that is known; and the tables, with tiny checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bot.inference.operations import TaskRun, run_task
from bot.tasks.scores import Floats
from bot.tasks.work.coalitions import Table
from bot.tasks.work.units import Units
from tests.bench import fine_tuning
from tests.bench.attribution_methods import leave_one_out, shapley_exact
from tests.bench.erasure import Case, judge_of, masked_judge, measure
from tests.bench.faithfulness import main, short_texts


def value(text: str) -> TaskRun[Floats]:
    yield from ()
    return np.array([4.0 * ("good" in text) + 1.0 * ("fine" in text)])


@pytest.fixture
def table() -> Table:
    return Table(Units("word", ("a ", "good ", "fine ", "day")), value)


def test_right_scores_are_comprehensive_and_sufficient(table: Table) -> None:
    run_task(table.fill([()]))
    for method in (shapley_exact, leave_one_out):
        scores = method(Case(None, table.units, value, ()), table)
        assert scores[:, -1] == pytest.approx([0, 4, 1, 0])
    full, enough = measure(judge_of(table), table.whole, [0.0, 4.0, 1.0, 0.0])
    assert full == pytest.approx((4 + 4 + 5) / 3)
    assert enough == pytest.approx((1 + 1 + 0) / 3)
    full, enough = measure(judge_of(table), table.whole, [1.0, 0.0, 0.0, 0.5])
    assert (full, enough) == (0, 5)


def test_masks_stand_for_words(load: Callable[[str], Any]) -> None:
    """Of several tokens each, in the whole text; the number is the log-odds of the label."""
    head = load("distilbert")
    judge = masked_judge(head, Units("word", ("love ", "apples!")), 1)
    whole, first = judge([(0, 1), (0,)])
    tokenizer = head.tokenizer
    marks = [tokenizer.mask_token] * len(tokenizer.tokenize("apples!"))
    for found, text in ((whole, "love apples!"), (first, f"love {''.join(marks)}")):
        with torch.inference_mode():
            probability = head.model(**tokenizer(text, return_tensors="pt")).logits[0].softmax(dim=-1)[1]
        assert found == pytest.approx(float(probability.logit()), abs=1e-4)
    assert whole != pytest.approx(first, abs=1e-4)


def test_the_command_prints_its_tables(
    checkpoints: Mapping[str, Path], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fine_tuning, "EPOCHS", 1)
    main(
        ["--encoder", str(checkpoints["distilbert"]), "--written", str(checkpoints["llama"]), "--texts=1", "--words=6"]
    )
    said = capsys.readouterr()
    rows = [line.split("|")[1].strip() for line in said.out.splitlines() if line.startswith("| ")]
    shapley = ["method", "Shapley, exact", "Shapley, 16 orders", "leave-one-out"]
    assert rows == [*shapley, "integrated gradients", "attention rollout", "random", *shapley, "random"]
    assert "held out" in said.err


def test_short_texts_are_of_sentiment_first() -> None:
    """Where these are enough, there are no others."""
    few, many = short_texts(14, 7), short_texts(30, 8)
    assert len(set(few)) == 14
    assert len(set(many)) == 30
    sentiment = {text for text, _ in fine_tuning.labelled("dev")}
    assert set(few) <= sentiment
    assert sum(one in sentiment for one in many) == 18


PAGE = Path(__file__).parents[2] / "docs" / "FAITHFULNESS.md"
FEWEST_TABLES = 5


def test_pages_use_the_winner_of_each_table() -> None:
    """Exact Shapley values, and nothing that was measured explains better by more than its standard error."""
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]] for line in PAGE.read_text("utf-8").splitlines() if "|" in line
    ]
    assert sum(row[0] == "Shapley, exact" for row in rows) >= FEWEST_TABLES
    gaps = [row[-2].replace("−", "-").split(" ± ") for row in rows if "±" in row[-2]]
    assert len(gaps) >= 5 + 5 + 5 + 3 + 6
    assert all(float(gap) <= float(error) for gap, error in gaps)
