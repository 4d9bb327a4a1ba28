from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from pydantic import TypeAdapter

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.heads.inspection.attention_weights import Part, average_of_heads, rollout
from bot.inference.operations import run_task
from bot.pictures.attention import MOST_TOKENS as MOST_DRAWN
from bot.tasks.attention import MOST_TOKENS, TASK, AttentionRequest, AttentionResult
from bot.tasks.attention_view import AttentionView, Heads
from bot.tasks.sentiment import TASK as SENTIMENT
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.translate import TASK as TRANSLATE
from bot.tasks.translate import TranslateRequest

CROSS = AttentionView(Part.CROSS, 1, Heads.ONE, 2)
LONG = "I love to hate this course, and the coffee was cold. " * 10


def read(head: Any, *arguments: Any, **options: Any) -> AttentionResult:
    return run_task(TASK.start(head, AttentionRequest(*arguments, **options)))


def ids(tokens: Any) -> list[int]:
    return [token.id for token in tokens]


def test_the_decoder_reads_the_model_s_own_translation(
    load: Callable[[str], Any], checkpoints: Mapping[str, Path]
) -> None:
    result = read(load("t5"), "I love apples.", "translate", CROSS)
    tokenizer = transformers.AutoTokenizer.from_pretrained(checkpoints["t5"])
    model = transformers.AutoModelForSeq2SeqLM.from_pretrained(checkpoints["t5"], attn_implementation="eager").eval()
    source = tokenizer("translate English to German: I love apples.", return_tensors="pt").input_ids
    with torch.inference_mode():
        written = model.generate(source, max_new_tokens=MOST_TOKENS, do_sample=False)[:, :MOST_TOKENS]
        written = written[:, : written[0].tolist().index(1)] if 1 in written[0].tolist() else written
        right = model(input_ids=source, decoder_input_ids=written, output_attentions=True)
    assert ids(result.keys) == source[0].tolist()
    assert ids(result.queries) == written[0].tolist()
    np.testing.assert_allclose(result.shown.weights, right.cross_attentions[0][0, 1].numpy(), atol=1e-5)


@pytest.mark.parametrize("name", ["t5", "marian", "m2m100", "nllb"])
def test_or_a_given_one(load: Callable[[str], Any], name: str) -> None:
    head = load(name)
    result = read(head, "I love apples.", "translate", CROSS, "Guten Morgen")
    start = [token for token in result.queries if token.special]
    assert [token.text for token in result.queries[: len(start)]] == [token.text for token in start]
    assert "".join(token.text for token in result.queries[len(start) :]).replace(" ", "") == "GutenMorgen"
    assert result.shown.weights.shape == (len(result.queries), len(result.keys))


def test_a_pair(load: Callable[[str], Any]) -> None:
    head = load("bart_mnli")
    result = read(head, "I love apples.", "zeroshot", AttentionView(Part.DECODER), "This is food.")
    whole = head.tokenize("I love apples.", "This is food.")
    assert ids(result.queries) == ids(result.keys) == [head.model.config.decoder_start_token_id, *whole[:-1]]
    assert result.shown.parts == (Part.ENCODER, Part.DECODER, Part.CROSS)
    encoder = read(head, "I love apples.", "zeroshot", AttentionView(), "This is food.")
    assert ids(encoder.queries) == whole


def test_views_are_made_of_the_same_weights(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    heads = [read(head, "I love apples.", view=AttentionView(None, 2, Heads.ONE, one)) for one in range(1, 5)]
    layers = [
        [read(head, "I love apples.", view=AttentionView(None, layer, Heads.ONE, one)) for one in range(1, 5)]
        for layer in (1, 2)
    ]
    weights = np.array([[one.shown.weights for one in layer] for layer in layers])
    np.testing.assert_array_equal(weights[1], [one.shown.weights for one in heads])
    average = read(head, "I love apples.")
    np.testing.assert_allclose(average.shown.weights, average_of_heads(weights)[-1], atol=1e-6)
    assert (average.shown.layer, average.shown.layers, average.shown.number_of_heads) == (2, 2, 4)
    rolled = read(head, "I love apples.", view=AttentionView(heads=Heads.ROLLOUT))
    np.testing.assert_allclose(rolled.shown.weights, rollout(weights)[-1], atol=1e-6)
    assert rolled.shown.weights.base is None  # the other layers are not kept with it


@pytest.mark.parametrize(
    ("name", "task"), [("distilbert", "sentiment"), ("llama", "generate"), ("t5", "translate"), ("nllb", "translate")]
)
def test_long_texts_are_shortened(load: Callable[[str], Any], name: str, task: str) -> None:
    result = read(load(name), LONG, task)
    assert MOST_TOKENS - 3 <= len(result.queries) <= MOST_TOKENS == MOST_DRAWN
    assert result.shortened
    np.testing.assert_allclose(result.shown.weights.sum(axis=-1), 1, atol=1e-5)
    assert not read(load(name), "I love apples.", task, second=None if name == "llama" else "A").shortened


def test_can_be_kept() -> None:
    request = AttentionRequest("Text", "translate", CROSS, "second", "German", "English")
    adapter = TypeAdapter(AttentionRequest)
    assert adapter.validate_json(adapter.dump_json(request)) == request
    assert request.checkpoint_task == "translate"


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: AttentionRequest(" "),
        lambda: AttentionRequest("a", second=" "),
        lambda: AttentionRequest("a", second="b" * 401),
        lambda: AttentionRequest("a", target="Gibberish"),
        lambda: AttentionView(layer=0),
        lambda: AttentionView(head=2),
        lambda: AttentionView(heads=Heads.ONE),
    ],
)
def test_what_cannot_be_asked(wrong: Callable[[], object]) -> None:
    with pytest.raises(InvalidRequest):
        wrong()


@pytest.mark.parametrize(
    ("name", "task"), [("bert_ner", "entities"), ("minilm", "similarity"), ("bert_squad", "answer")]
)
def test_further_encoders(load: Callable[[str], Any], name: str, task: str) -> None:
    head = load(name)
    result = read(head, "Where do I work?", task, second="I work in Brooklyn.")
    assert result.shown.parts == (Part.ENCODER,)
    assert ids(result.keys) == head.tokenize("Where do I work?", "I work in Brooklyn.")
    np.testing.assert_allclose(result.shown.weights.sum(axis=-1), 1, atol=1e-5)


def test_a_token_that_is_not_there(load: Callable[[str], Any]) -> None:
    view = AttentionView(Part.DECODER, 1, Heads.WORKED, 1, 39, 1)
    with pytest.raises(InvalidRequest, match=r"There is no token 39 here: choose one from 1 to \d+\."):
        read(load("llama"), "I love apples.", view=view)
    with pytest.raises(InvalidRequest, match="belongs to one weight"):
        AttentionView(Part.DECODER, 1, Heads.ONE, 1, 2, 1)


def test_a_model_with_attention_of_its_own_shows_weights_only(load: Callable[[str], Any]) -> None:
    for heads, number in ((Heads.WORKED, 1), (Heads.ARRIVING, None)):
        with pytest.raises(ModelUnavailable, match="Choose the average of heads, or one head"):
            read(load("gpt_neo"), "I love apples.", view=AttentionView(heads=heads, head=number))


@pytest.mark.parametrize("name", ["distilbert", "roberta", "llama", "gpt2", "bart", "bart_mnli", "t5", "marian"])
def test_the_masks_are_those_of_the_model(load: Callable[[str], Any], name: str) -> None:
    head = load(name)
    text = "I love apples and pears."
    found = read(head, text, view=AttentionView(heads=Heads.MASKS)).seen
    assert found is not None
    assert [mask.part for mask in found.masks] == {1: [found.masks[0].part], 3: list(Part)}[len(found.masks)]
    for mask in found.masks:
        weights = read(head, text, "translate" if name in ("t5", "marian") else "sentiment", AttentionView(mask.part))
        assert mask.visible.shape == weights.shown.weights.shape
        assert not weights.shown.weights[mask.visible == 0].any()
        right = np.tri(*mask.visible.shape) if mask.part is Part.DECODER else np.ones(mask.visible.shape)
        np.testing.assert_array_equal(mask.visible, right)


def test_what_comes_out_of_each_family(load: Callable[[str], Any]) -> None:
    view = AttentionView(heads=Heads.MASKS)
    decoder = load("llama")
    found = read(decoder, "I love apples.", view=view).seen
    with torch.inference_mode():
        ids = torch.tensor([decoder.encode("I love apples.")])
        probabilities = decoder.model(input_ids=ids).logits[0, -1].softmax(dim=-1)
    assert found is not None
    assert found.outcome == decoder.decode([int(probabilities.argmax())])
    assert found.probability == pytest.approx(float(probabilities.max()), abs=1e-5)

    found = read(load("distilbert"), "I love apples.", view=view).seen
    answer = run_task(SENTIMENT.start(load("distilbert"), SentimentRequest("I love apples.")))
    assert found is not None
    assert found.outcome == answer.scores[0].label
    assert found.probability == pytest.approx(answer.scores[0].probability)

    found = read(load("t5"), "I love apples.", view=view).seen
    translated = run_task(TRANSLATE.start(load("t5"), TranslateRequest("I love apples.", "de", "en")))
    assert found is not None
    assert found.outcome[:20] == translated.text[:20]
    assert found.probability is None
