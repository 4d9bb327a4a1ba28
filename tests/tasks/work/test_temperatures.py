"""The menu of temperatures: each view is torch's softmax of the same logits, divided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.tasks.fill import FillRequest
from bot.tasks.generate import GenerateRequest
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.blocks import Formula, Page, Paragraph, Table
from bot.tasks.work.request import WorkRequest
from bot.tasks.work.temperatures import TEMPERATURES
from bot.tasks.work.texts import Number
from tests.tasks.work.page_objects import column, in_english, said

EXACT = 1e-5


def views(page: Any) -> Mapping[float, Any]:
    """The variants of a page, by their temperature."""
    return {float(one.name.removeprefix("Temperature ")): one for one in page.variants}


def compare(page: Page, logits: torch.Tensor, ids: list[int], noun: str) -> None:
    """Compare all views with torch: the table, the picture, and the calculation."""
    assert tuple(views(page)) == TEMPERATURES
    for temperature, view in views(page).items():
        right = (logits / temperature).softmax(dim=-1)[ids].tolist()
        [table] = [one for one in view.blocks if isinstance(one, Table)]
        assert column(
            table,
            f"at {temperature:g}",
        ) == pytest.approx(right, abs=EXACT)
        assert len(column(table, noun)) == len(ids)
        after = getattr(view.picture, "after", None) or view.picture.values
        assert after == pytest.approx(right, abs=EXACT)
        [formula] = [one for one in view.blocks if isinstance(one, Formula)]
        assert said(formula.lines[0]).endswith(f"), T = {temperature:g}")
        assert "(written)" not in said(formula.lines[0])  # a bracket in a bracket
        last: Any = formula.lines[-1]
        result = last[1]
        assert isinstance(result, Number)
        assert min(abs(result.value - one) for one in right) < EXACT


@pytest.mark.parametrize(("temperature", "top_p"), [(0.7, 0.8), (0.0, 1.0)])
async def test_of_a_written_text(
    make_worker: Callable[..., Any], checkpoints: Mapping[str, Path], temperature: float, top_p: float
) -> None:
    request = GenerateRequest("Once upon a time", 8, temperature=max(temperature, 0.05), top_p=top_p, seed=1)
    async with make_worker() as worker:
        answer = await worker.run(request, person=1)
        work = await worker.run(WorkRequest.of(request, answer.result.generated), person=1)
    [page] = [one for one in in_english(work.result).pages if one.variants]
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints["llama"])
    model = transformers.AutoModelForCausalLM.from_pretrained(checkpoints["llama"]).eval()
    prompt, [written] = tokenizer(request.prompt)["input_ids"], answer.result.generated
    with torch.inference_mode():
        logits = model(torch.tensor([[*prompt, *written]])).logits[0, len(prompt) - 1 : -1].float()
    taken = logits.log_softmax(dim=-1)[range(len(written)), list(written)]
    least = logits[int(taken.argmin())]
    tokens = [one if hasattr(one, "id") else one[0] for one in column(page.variants[0].blocks[2], "token")]
    compare(page, least, [token.id for token in tokens], "token")

    for one, view in views(page).items():
        ranked = (least.double() / one).softmax(dim=-1).sort(descending=True).values
        kept = int((ranked.cumsum(0) - ranked < top_p).sum()) if top_p < 1 else None
        [_, cuts, *_] = [said(block.text) for block in view.blocks if isinstance(block, Paragraph)]
        if kept is not None:
            assert f"top_p {top_p:g} would leave {kept:,} of {len(least):,} tokens" in cuts
        share = [part.value for part in view.blocks[1].text if isinstance(part, Number)]
        assert share == pytest.approx([float(ranked[:50].sum())], abs=EXACT)


async def test_of_labels_and_masks(make_worker: Callable[..., Any], checkpoints: Mapping[str, Path]) -> None:
    text, masked = "What a terrible day", "The coffee is ___."
    async with make_worker() as worker:
        labels = (await worker.run(WorkRequest.of(SentimentRequest(text)), person=1)).result
        masks = (await worker.run(WorkRequest.of(FillRequest(masked)), person=1)).result
    [page] = [one for one in in_english(labels).pages if one.variants]
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints["distilbert"])
    classifier = transformers.AutoModelForSequenceClassification.from_pretrained(checkpoints["distilbert"]).eval()
    with torch.inference_mode():
        logits = classifier(**tokenizer(text, return_tensors="pt")).logits[0]
    compare(page, logits, logits.argsort(descending=True).tolist(), "label")

    [page] = [one for one in in_english(masks).pages if one.variants]
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints["roberta"])
    model = transformers.AutoModelForMaskedLM.from_pretrained(checkpoints["roberta"]).eval()
    inputs = tokenizer(masked.replace("___", tokenizer.mask_token), return_tensors="pt")
    with torch.inference_mode():
        logits = model(**inputs).logits[0][inputs["input_ids"][0] == tokenizer.mask_token_id][0]
    [table] = [one for one in page.variants[0].blocks if isinstance(one, Table)]
    compare(page, logits, [token.id for token in column(table, "token")], "token")
