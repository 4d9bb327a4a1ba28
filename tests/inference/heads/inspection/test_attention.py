from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from bot.errors import ModelFailed
from bot.inference.heads.attention_backend import AttentionBackend
from bot.inference.heads.inspection.attention import KEPT_BYTES
from bot.inference.heads.inspection.attention_weights import Part, average_of_heads, rollout
from bot.inference.heads.inspection.hidden_states import Reading
from bot.inference.operations import run_task
from bot.inference.scheduling.isolation import run_isolated
from bot.tasks.attention import AttentionRequest
from bot.tasks.attention_view import AttentionView, Heads
from bot.tasks.sentiment import TASK as SENTIMENT
from bot.tasks.sentiment import SentimentRequest
from tests.support import preset_of, run_all
from tests.tiny import TEXTS

TEXT = "I love to hate this course, and the coffee was cold."
MODELS = {
    "distilbert": transformers.AutoModelForSequenceClassification,
    "roberta": transformers.AutoModelForMaskedLM,
    "bart_mnli": transformers.AutoModelForSequenceClassification,
    "llama": transformers.AutoModelForCausalLM,
    "t5": transformers.AutoModelForSeq2SeqLM,
}
FIELDS = {
    Part.ENCODER: ("encoder_attentions", "attentions"),
    Part.DECODER: ("decoder_attentions", "attentions"),
    Part.CROSS: ("cross_attentions",),
}


def input_of(head: Any, text: str = TEXT) -> Reading:
    ids = tuple(head.tokenize(text))
    decoder = (0, *ids[:5]) if head.model.config.model_type == "t5" else ()
    return Reading(ids, None, decoder)


def direct(folder: Path, name: str, inputs: Reading) -> Any:
    """transformers' own output, of a model that was loaded with eager attention."""
    model = MODELS[name].from_pretrained(folder, attn_implementation="eager").eval()
    further = {"decoder_input_ids": torch.tensor([inputs.decoder_ids])} if inputs.decoder_ids else {}
    with torch.inference_mode():
        return model(input_ids=torch.tensor([inputs.ids]), output_attentions=True, **further)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("distilbert", [Part.ENCODER]),
        ("roberta", [Part.ENCODER]),
        ("llama", [Part.DECODER]),
        ("bart_mnli", [Part.ENCODER, Part.DECODER, Part.CROSS]),
        ("t5", [Part.ENCODER, Part.DECODER, Part.CROSS]),
    ],
)
def test_as_transformers_in_every_layer_and_head(
    load: Callable[[str], Any], checkpoints: Mapping[str, Path], name: str, parts: list[Part]
) -> None:
    head = load(name)
    inputs = input_of(head)
    [found] = head.attention.run([inputs.row])
    expected = direct(checkpoints[name], name, inputs)

    assert list(found) == parts
    for part, weights in found.items():
        layers = next(expected[field] for field in FIELDS[part] if expected.get(field) is not None)
        assert weights.shape[:2] == (2, 4)
        assert weights.dtype == np.float32
        assert not weights.flags.writeable
        for layer, right in zip(weights, layers, strict=True):
            np.testing.assert_allclose(layer, right[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-5)
        if part is Part.DECODER:
            assert not np.triu(weights, k=1).any()
            assert np.tril(weights).any(axis=-1).all()
    if Part.CROSS in found:
        assert found[Part.CROSS].shape[2:] == (found[Part.DECODER].shape[2], found[Part.ENCODER].shape[3])


class TestSwitch:
    def test_goes_back(self, load: Callable[[str], Any]) -> None:
        model = load("t5").model
        before = implementations(model)
        assert set(before) == {"sdpa"}
        with AttentionBackend(model).switched_to("eager"):
            assert set(implementations(model)) == {"eager"}
        assert implementations(model) == before

    def test_goes_back_after_an_error(self, load: Callable[[str], Any]) -> None:
        head = load("distilbert")
        unknown = Reading((10**6,))  # no embedding has so many rows

        assert isinstance(run_isolated(head.attention, [unknown.row])[0], ModelFailed)

        assert set(implementations(head.model)) == {"sdpa"}

    def test_disturbs_nobody(self, load: Callable[[str], Any]) -> None:
        head = load("distilbert")
        request = SentimentRequest(TEXT)
        before = run_task(SENTIMENT.start(head, request))
        head.attention.run([input_of(head, "Something that was not asked before.").row])
        assert run_task(SENTIMENT.start(head, request)) == before

    async def test_disturbs_nobody_who_asks_at_once(
        self, make_worker: Callable[..., Any], load: Callable[[str], Any]
    ) -> None:
        asked: list[Any] = []
        for text in TEXTS:
            asked += [SentimentRequest(text), AttentionRequest(text), AttentionRequest(text, view=ROLLOUT)]
        async with make_worker() as worker:
            results = await run_all(worker, asked)
        expected = [run_task(SENTIMENT.start(load("distilbert"), request)) for request in asked[::3]]
        for result, right in zip(results[::3], expected, strict=True):
            assert [one.label for one in result.scores] == [one.label for one in right.scores]
            assert [one.probability for one in result.scores] == pytest.approx(
                [one.probability for one in right.scores], abs=1e-5
            )

    async def test_on_several_devices(self, make_worker: Callable[..., Any], checkpoints: Mapping[str, Path]) -> None:
        from tests.support import CPU

        preset = preset_of({"sentiment": checkpoints["distilbert"]})
        requests = [AttentionRequest(text) for text in TEXTS]
        async with make_worker(preset) as worker:
            alone = await run_all(worker, requests)
        async with make_worker(preset, device=[CPU, CPU]) as worker:
            together = await run_all(worker, requests)
        for one, other in zip(alone, together, strict=True):
            np.testing.assert_allclose(one.shown.weights, other.shown.weights, atol=1e-5)


ROLLOUT = AttentionView(heads=Heads.ROLLOUT)


def implementations(model: Any) -> list[str]:
    return [one.config._attn_implementation for one in model.modules() if hasattr(one, "config")]


def test_the_same_text_is_read_once(load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    head = load("roberta")
    inputs = input_of(head, "Read me twice.")
    [first] = head.attention.run([inputs.row])
    monkeypatch.setattr(head, "model", None)
    [second] = head.attention.run([inputs.row])
    assert second is first
    assert sum(weights.nbytes for weights in first.values()) < KEPT_BYTES / 100


class TestRollout:
    def test_by_hand(self) -> None:
        first = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]], dtype=np.float32)
        second = np.array([[[0.0, 1.0], [1.0, 0.0]]] * 2, dtype=np.float32)
        found = rollout(np.stack([first, second]))
        # The mean of the first layer's heads is [[.5, .5], [.5, .5]], half of it and half of the identity:
        np.testing.assert_allclose(found[0], [[0.75, 0.25], [0.25, 0.75]])
        # [[.5, .5], [.5, .5]] times that:
        np.testing.assert_allclose(found[1], [[0.5, 0.5], [0.5, 0.5]])

    def test_rows_sum_to_one_and_nothing_comes_from_later(self, load: Callable[[str], Any]) -> None:
        head = load("llama")
        [found] = head.attention.run([input_of(head).row])
        rolled = rollout(found[Part.DECODER])
        np.testing.assert_allclose(rolled.sum(axis=-1), 1, atol=1e-5)
        assert not np.triu(rolled, k=1).any()
        assert rolled.dtype == np.float32

    def test_not_of_cross_attention(self) -> None:
        with pytest.raises(ValueError, match="3 by 4"):
            rollout(np.ones((2, 2, 3, 4), dtype=np.float32))


def test_average_of_heads() -> None:
    weights = np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4)
    np.testing.assert_array_equal(average_of_heads(weights), weights[:, 0] / 2 + weights[:, 1] / 2)
