"""What is read again is what was written, by transformers' own numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st
from transformers import TemperatureLogitsWarper, TopPLogitsWarper

from bot.inference.checkpoints.loading import load_head
from bot.inference.heads.generation import token_logprobs as module
from bot.inference.heads.generation.sampling import Sampler, Sampling, choose
from bot.inference.heads.generation.token_logprobs import TOP, ForcedText, TokenLogProbs, drawing_probabilities
from bot.tasks.translate import encode
from tests import tiny
from tests.support import CPU

GREEDY = Sampling.likeliest()
DRAWN = Sampling(temperature=0.7, top_p=0.8, seed=1)
LENGTH = 14
FAMILIES = ["t5", "marian", "m2m100", "nllb"]
PROMPTS = ["The capital of France is", "I", "What a terrible day: the train was late, and"]


@pytest.fixture(scope="module")
def exact(checkpoints: Mapping[str, Path]) -> Callable[[str], Any]:
    """Loads a checkpoint in float64: how a sum is rounded depends on how many positions are read at once, and random
    models make much of it."""

    @cache
    def loaded(name: str) -> Any:
        head = load_head(checkpoints[name], CPU)
        head.model.double()
        return head

    return loaded


@pytest.fixture
def llama(exact: Callable[[str], Any]) -> Any:
    return exact("llama")


def sampled(head: Any, prompt: str, options: Sampling = DRAWN) -> ForcedText:
    """A text that the head has drawn."""
    ids = head.encode(prompt)
    [output] = head.generate.run([head.generation(ids, LENGTH, sampling=options)])
    return ForcedText(ids, output.written, options)


def translated(head: Any, text: str = "I love apples.") -> ForcedText:
    """What transformers' greedy search makes of a text, with the end token where there is one."""
    source = encode(head, text, "en", "de").inputs
    with torch.inference_mode():
        output = head.model.generate(
            input_ids=torch.tensor([source.ids]),
            decoder_input_ids=torch.tensor([source.start]),
            max_new_tokens=LENGTH,
            num_beams=1,
            do_sample=False,
        )
    return ForcedText(source.start, tuple(output[0, len(source.start) :].tolist()), GREEDY, source.ids)


def logits_of(head: Any, text: ForcedText) -> torch.Tensor:
    """Logits of the written tokens' positions in one plain pass, (positions, vocabulary)."""
    read = torch.tensor([[*text.prompt, *text.written[:-1]]])
    with torch.inference_mode():
        if text.source:
            output = head.model(input_ids=torch.tensor([text.source]), decoder_input_ids=read)
        else:
            output = head.model(input_ids=read)
    logits: torch.Tensor = output.logits[0, len(text.prompt) - 1 :].float()
    return logits


def rounding(logits: Any) -> float:
    """How far log-probabilities in float32 may be apart: random models have logits of some hundreds."""
    return max(1e-5, 1e-6 * float(abs(logits).max()))


def check_against(found: TokenLogProbs, logits: torch.Tensor, text: ForcedText) -> None:
    log_probs = logits.log_softmax(dim=-1).numpy()
    close = rounding(logits)
    positions = np.arange(len(text.written))
    np.testing.assert_allclose(found.log_probs, log_probs[positions, list(text.written)], atol=close)
    right = torch.special.entr(logits.double().softmax(dim=-1)).sum(dim=-1) / np.log(2)
    np.testing.assert_allclose(found.entropy, right, atol=10 * close)
    order = np.argsort(-log_probs, axis=-1)[:, :TOP]
    np.testing.assert_array_equal(found.top, order)
    np.testing.assert_allclose(found.top_log_probs, np.take_along_axis(log_probs, order, 1), atol=close)
    np.testing.assert_allclose(found.top_logits, np.take_along_axis(logits.numpy(), order, 1), atol=10 * close)
    drawn = warped(logits, text.sampling).numpy()
    np.testing.assert_allclose(found.drawn_with, drawn[positions, list(text.written)], atol=close)
    np.testing.assert_allclose(found.top_drawn_with, np.take_along_axis(drawn, order, 1), atol=close)
    np.testing.assert_array_equal(found.nucleus, (drawn > 0).sum(axis=-1))


def warped(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The distribution that transformers would draw from."""
    if sampling.greedy:
        return torch.nn.functional.one_hot(logits.argmax(dim=-1), logits.shape[-1]).float()
    ids = torch.zeros((1, 1), dtype=torch.long)
    scores = TemperatureLogitsWarper(sampling.temperature)(ids, logits.clone())
    if sampling.top_p < 1:
        scores = TopPLogitsWarper(sampling.top_p)(ids, scores)
    probabilities: torch.Tensor = scores.softmax(dim=-1)
    return probabilities


@pytest.mark.parametrize(
    "options",
    [GREEDY, DRAWN, Sampling(1.3, 1, 2), Sampling(0.05, 0.5, 3), Sampling(2.0, 0.99, 4), Sampling(1.0, 0.01, 5)],
    ids=lambda options: f"{options.temperature}-{options.top_p}",
)
def test_as_a_plain_pass_and_the_warpers(llama: Any, options: Sampling) -> None:
    texts = [sampled(llama, prompt, options) for prompt in PROMPTS]
    assert len({text.written for text in texts}) == len(texts)
    found = llama.token_log_probs.run([text.row for text in texts])
    for one, text in zip(found, texts, strict=True):
        check_against(one, logits_of(llama, text), text)
        assert (one.drawn_with > 0).all()


@pytest.mark.parametrize("name", FAMILIES)
def test_encoder_decoders_as_a_plain_pass(name: str, exact: Callable[[str], Any]) -> None:
    head = exact(name)
    for text in (translated(head), translated(head, "Why?")):
        [found] = head.token_log_probs.run([text.row])
        check_against(found, logits_of(head, text), text)


@pytest.mark.parametrize("name", ["llama", *FAMILIES])
def test_as_generate_saw_it(name: str, exact: Callable[[str], Any]) -> None:
    """Step by step with a cache, and all at once: the same numbers."""
    head = exact(name)
    if name == "llama":
        ids = head.encode(PROMPTS[0])
        inputs = {"input_ids": torch.tensor([ids])}
        text = ForcedText(ids, (0,), GREEDY)
    else:
        made = encode(head, "I love apples.", "en", "de").inputs
        inputs = {"input_ids": torch.tensor([made.ids]), "decoder_input_ids": torch.tensor([made.start])}
        text = ForcedText(made.start, (0,), GREEDY, made.ids)
    with torch.inference_mode():
        output = head.model.generate(
            **inputs,
            attention_mask=torch.ones_like(inputs["input_ids"]),
            max_new_tokens=LENGTH,
            num_beams=1,
            do_sample=False,
            output_logits=True,
            return_dict_in_generate=True,
            pad_token_id=head.pad_token_id,
        )
    written = tuple(output.sequences[0, len(text.prompt) :].tolist())
    [found] = head.token_log_probs.run([replace(text, written=written).row])
    logits = torch.cat(output.logits).float()
    seen = logits.softmax(dim=-1).numpy()[np.arange(len(written)), list(written)]
    np.testing.assert_allclose(np.exp(found.log_probs), seen, atol=rounding(logits))


@pytest.mark.parametrize("name", ["llama", "gemma3", *FAMILIES])
@pytest.mark.parametrize("positions", [1, 5, LENGTH - 1])
def test_a_wide_vocabulary_is_read_in_parts(
    name: str, positions: int, exact: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = sliding(tmp_path) if name == "gemma3" else exact(name)
    text = translated(head) if name in FAMILIES else sampled(head, PROMPTS[2])
    length = len(text.written)
    assert length > positions or positions == LENGTH - 1
    [whole] = head.token_log_probs.run([text.row])
    width = head.model.config.get_text_config().vocab_size
    monkeypatch.setattr(module, "LOGITS_AT_ONCE", positions * width)
    monkeypatch.setattr(module, "_LOGITS_MEASURED", 3 * width)
    widths = []
    handle = head.model.get_output_embeddings().register_forward_hook(lambda *_: widths.append(_[2].shape[1]))
    [found] = head.token_log_probs.run([text.row])
    handle.remove()
    assert len(widths) == -(-length // positions)
    if name not in FAMILIES:
        assert max(widths) == min(positions, length)
    for field in ("log_probs", "drawn_with", "top_logits", "top_log_probs", "top_drawn_with"):
        np.testing.assert_allclose(getattr(found, field), getattr(whole, field), atol=2 * rounding(whole.top_logits))
    np.testing.assert_array_equal(found.top, whole.top)
    np.testing.assert_array_equal(found.nucleus, whole.nucleus)


def sliding(folder: Path) -> Any:
    """A tiny Gemma 3, whose layers mostly see the last few tokens only."""
    tokenizer = tiny._byte_level(roberta_specials=False)
    config = transformers.Gemma3TextConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        sliding_window=6,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        max_position_embeddings=tiny.LONG_CONTEXT,
        initializer_range=0.3,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
    )
    tiny._save(folder / "gemma3", transformers.Gemma3ForCausalLM(config), tokenizer)
    return load_head(folder / "gemma3", CPU)


def test_one_pass_for_a_text(llama: Any) -> None:
    text = sampled(llama, PROMPTS[0])
    widths = []
    handle = llama.model.register_forward_hook(lambda *_: widths.append(_[2].logits.shape[1]))
    llama.token_log_probs.run([text.row])
    handle.remove()
    assert widths == [len(text.written)]


def test_one_token_after_one_token(llama: Any) -> None:
    text = ForcedText((65,), (70,), DRAWN)
    [found] = llama.token_log_probs.run([text.row])
    check_against(found, logits_of(llama, text), text)


counted = st.lists(st.integers(0, 40), min_size=2, max_size=30).filter(lambda counts: sum(counts) > 0)


@given(counts=counted, top_p=st.floats(0.01, 0.999))
def test_the_nucleus_is_that_of_the_sampler(counts: list[int], top_p: float) -> None:
    """Tokens that are equally likely are in it together, as when tokens are drawn."""
    chances = torch.tensor([counts], dtype=torch.float32) / sum(counts)
    drawn = drawing_probabilities(chances.log(), Sampling(1, top_p, 0))
    model = chances.log().softmax(dim=-1)
    likelier = torch.where(model.unsqueeze(1) > model.unsqueeze(2), model.unsqueeze(1), 0).sum(dim=-1)
    assert ((drawn > 0) == ((likelier < top_p) & (model > 0))).all()
    assert float(drawn.sum()) == pytest.approx(1, abs=1e-5)


def test_one_half_is_enough_for_one_half() -> None:
    drawn = drawing_probabilities(torch.tensor([[0.5, 0.25, 0.25]]).log(), Sampling(1, 0.5, 0))
    assert drawn.tolist() == [[1, 0, 0]]


def test_what_is_drawn_has_a_chance() -> None:
    torch.manual_seed(5)
    logits = torch.randn(400, 300) * 4
    options = Sampling(0.9, 0.7, 3)
    sampler = Sampler(options)
    drawn = drawing_probabilities(logits, options)
    chosen = torch.cat([choose(row.unsqueeze(0), [sampler]) for row in logits])
    assert (drawn.gather(1, chosen.unsqueeze(1)) > 0).all()


def test_end_tokens(exact: Callable[[str], Any]) -> None:
    for name in ("llama", *FAMILIES):
        head = exact(name)
        assert head.end_ids == {head.tokenizer.eos_token_id}
