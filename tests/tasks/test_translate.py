from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.errors import InvalidRequest
from bot.inference.device import Device
from bot.inference.language_pairs import LanguagePairs
from bot.inference.loading import load_head
from bot.inference.steps import run_steps
from bot.tasks.translate import MOST_NEW_TOKENS, TASK, TranslateRequest
from tests.support import CPU, run_crowd, run_together

TEXTS = [
    "I love apples.",
    "Why?",
    "What a terrible day, and the coffee was cold!",
    "Apples are sour, and lemons are sourer.",
]


class Reference:
    """Transformers' own `generate`, one text at a time."""

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForSeq2SeqLM.from_pretrained(folder, dtype=dtype).eval()

    def __call__(self, text: str, language_token: int | None = None) -> str:
        inputs = self.tokenizer(text, return_tensors="pt")
        start = 1 if language_token is None else 2
        with torch.inference_mode():
            output = self.model.generate(
                **inputs,
                max_new_tokens=MOST_NEW_TOKENS + start - 1,  # here the language's token is one of the new ones
                do_sample=False,
                forced_bos_token_id=language_token,
            )
        decoded = self.tokenizer.decode(output[0, start:], skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return str(decoded).rstrip("\ufffd").strip()  # without half a character


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random models never end a text by themselves."""
    monkeypatch.setattr("bot.tasks.translate.MOST_NEW_TOKENS", 24)
    monkeypatch.setitem(globals(), "MOST_NEW_TOKENS", 24)


def expected(name: str, checkpoints: Mapping[str, Path]) -> list[str]:
    reference = Reference(checkpoints[name])
    match name:
        case "t5":
            return [reference(f"translate English to German: {text}") for text in TEXTS]
        case "marian":
            return [reference(text) for text in TEXTS]
        case "m2m100":
            reference.tokenizer.src_lang = "en"
            return [reference(text, reference.tokenizer.get_lang_id("de")) for text in TEXTS]
        case _:
            reference.tokenizer.src_lang = "eng_Latn"
            german = reference.tokenizer.convert_tokens_to_ids("deu_Latn")
            return [reference(text, german) for text in TEXTS]


FAMILIES = ["t5", "marian", "m2m100", "nllb"]
REQUESTS = [TranslateRequest(text, "German") for text in TEXTS]


@pytest.mark.parametrize("name", FAMILIES)
def test_as_transformers_generate(name: str, checkpoints: Mapping[str, Path], load: Callable[[str], Any]) -> None:
    right = expected(name, checkpoints)
    assert len(set(right)) > 1
    head = load(name)
    assert [run_steps(TASK.steps(head, request)).text for request in REQUESTS] == right
    assert [result.text for result in run_together(*(TASK.steps(head, request) for request in REQUESTS))] == right


def test_the_same_first_token_in_bfloat16(checkpoints: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """As transformers in bfloat16: a random T5 is so sure of itself that rounding alone changes what is likeliest."""
    monkeypatch.setattr("bot.tasks.translate.MOST_NEW_TOKENS", 1)
    reference = Reference(checkpoints["t5"], torch.bfloat16)
    head = load_head(checkpoints["t5"], Device("cpu", "bfloat16"))
    start = torch.tensor([[reference.model.config.decoder_start_token_id]])
    found = set()
    for request in REQUESTS:
        inputs = reference.tokenizer(f"translate English to German: {request.text}", return_tensors="pt")
        with torch.inference_mode():
            likeliest = int(reference.model(**inputs, decoder_input_ids=start).logits[0, -1].argmax())
        assert run_steps(TASK.steps(head, request)).ids[0] == likeliest
        found.add(likeliest)
    assert len(found) > 1


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest, checkpoints: Mapping[str, Path]) -> tuple[str, list[str]]:
    name: str = request.param
    return name, expected(name, checkpoints)


async def test_through_the_worker_as_transformers_generate(
    family: tuple[str, list[str]], make_worker: Callable[..., Any], make_preset: Callable[..., Any]
) -> None:
    name, right = family
    async with make_worker(make_preset(translate=name)) as worker:
        results = await run_crowd(worker, REQUESTS * 3)
        status = worker.status()
    assert [result.text for result in results] == right * 3
    assert status.batches < status.rows
    assert status.models["translate"].joins is (name != "marian")  # whose configuration asks for beams


def test_rows_of_different_allowance_share_a_batch(load: Callable[[str], Any]) -> None:
    head = load("t5")
    rows = [head.encode(text, max_new_tokens=3 + 6 * index) for index, text in enumerate(TEXTS)]
    together = [head.decode(ids) for ids in head.rewrite.run(rows)]
    assert together == [head.decode(head.rewrite.run([row])[0]) for row in rows]


@pytest.mark.parametrize("name", ["m2m100", "nllb"])
def test_source_and_target_matter_in_one_batch(name: str, load: Callable[[str], Any]) -> None:
    requests = [
        TranslateRequest("I love apples.", "de", "en"),
        TranslateRequest("I love apples.", "fr", "en"),
        TranslateRequest("I love apples.", "en", "de"),
        TranslateRequest("I love apples.", "fr", "de"),
    ]
    results = run_together(*(TASK.steps(load(name), request) for request in requests))
    assert len({result.text for result in results}) == 4
    assert results == [run_steps(TASK.steps(load(name), request)) for request in requests]
    assert (results[3].source.name, results[3].target.name) == ("German", "French")


def test_languages_of_the_families(load: Callable[[str], Any]) -> None:
    assert load("t5").languages.into("en") == {"de", "fr", "ro"}
    assert load("t5").languages.sources() == {"en"}
    assert dict(load("marian").languages.targets) == {"en": {"de"}}
    assert len(load("m2m100").languages.sources()) == 100
    assert load("nllb").languages.sources() == {"en", "de", "fr", "zh-Hans", "zh-Hant", "sw"}


def test_chinese_of_nllb(load: Callable[[str], Any]) -> None:
    head = load("nllb")
    known = head.languages
    assert TranslateRequest("I love apples.", "Chinese").pair(known) == ("en", "zh-Hans")
    for target in ("Chinese", "zh-Hant", "zh-TW"):
        run_steps(TASK.steps(head, TranslateRequest("I love apples.", target)))


def test_declared_languages(checkpoints: Mapping[str, Path]) -> None:
    head = load_head(checkpoints["t5"], CPU, LanguagePairs.of([("en", "es")]))
    assert run_steps(TASK.steps(head, TranslateRequest("I love apples.", "Spanish"))).target.code == "es"
    with pytest.raises(InvalidRequest, match=r"English into German.*Spanish"):
        run_steps(TASK.steps(head, TranslateRequest("I love apples.", "German")))


def test_a_pair_that_the_checkpoint_does_not_know(load: Callable[[str], Any]) -> None:
    with pytest.raises(InvalidRequest, match=r"English into Japanese.*French, German, Romanian"):
        run_steps(TASK.steps(load("t5"), TranslateRequest("I love apples.", "Japanese")))
    with pytest.raises(InvalidRequest, match=r"from Japanese.*English"):
        run_steps(TASK.steps(load("t5"), TranslateRequest("I love apples.", "de", "Japanese")))


def test_a_text_longer_than_the_context(load: Callable[[str], Any]) -> None:
    for name in FAMILIES:
        result = run_steps(TASK.steps(load(name), TranslateRequest("I love apples. " * 90, "de")))
        assert result.truncated


def test_bad_requests() -> None:
    with pytest.raises(InvalidRequest, match="Both languages are German"):
        TranslateRequest("Guten Tag", "Deutsch", "german")
    with pytest.raises(InvalidRequest, match="no language called “Gibberish”"):
        TranslateRequest("Guten Tag", "Gibberish")
    with pytest.raises(InvalidRequest, match="1,501 characters"):
        TranslateRequest("a" * 1_501, "de")
    with pytest.raises(InvalidRequest, match="I need the name of a language"):
        TranslateRequest("Guten Tag", "  ")


def test_an_abandoned_text_costs_no_more_steps(load: Callable[[str], Any]) -> None:
    for name in FAMILIES:
        head = load(name)
        row = head.encode("Apples are sour.", max_new_tokens=100)
        steps = 0

        def count(module: Any, args: Any, output: Any) -> None:
            nonlocal steps
            steps += 1
            row.abandoned = steps >= 3  # noqa: B023 - used within the loop's turn

        handle = head.model.get_decoder().register_forward_hook(count)
        try:
            head.rewrite.run([row])
        finally:
            handle.remove()
        assert steps <= 4, name


@pytest.mark.parametrize("missing", [1, 2])
def test_half_a_character_is_left_out(load: Callable[[str], Any], missing: int) -> None:
    """Row C1, for a translation."""
    head = load("bart")
    ids = head.tokenize("Vögel 日", add_special_tokens=False)[:-missing]
    steps = TASK.steps(head, TranslateRequest("birds", "de"))
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send([tuple(ids)])
    assert end.value.value.text == "Vögel"
