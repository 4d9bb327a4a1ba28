from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from bot.errors import InvalidRequest
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.generation.continuous_batching import Generated
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.operations import Operation, Row, run_task
from bot.locales.current import written_in
from bot.tasks.translate import TASK, TranslateRequest
from bot.tasks.translation import language_detection
from bot.tasks.translation.drafting import MOST_NEW_TOKENS, requoted
from bot.tasks.translation.language_detection import detect
from tests.support import CPU, run_crowd, run_together
from tests.tasks.translation.test_passages import APART, in_order

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
    assert [run_task(TASK.start(head, request)).text for request in REQUESTS] == right
    assert [result.text for result in run_together(*(TASK.start(head, request) for request in REQUESTS))] == right


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
        assert run_task(TASK.start(head, request)).ids[0] == likeliest
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


@pytest.mark.parametrize("name", ["t5", "llama"])
async def test_nobody_waits_for_the_detector(
    name: str, make_worker: Callable[..., Any], make_preset: Callable[..., Any]
) -> None:
    """It is unpacked with the checkpoint, on whichever kind of head."""
    unpacked = language_detection._unpacked
    unpacked.cache_clear()
    async with make_worker(make_preset(translate=name)) as worker:
        assert unpacked.cache_info().currsize == 0
        await worker.preload()
        assert unpacked.cache_info().currsize == 1


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
    results = run_together(*(TASK.start(load(name), request) for request in requests))
    assert len({result.text for result in results}) == 4
    assert results == [run_task(TASK.start(load(name), request)) for request in requests]
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
    assert TranslateRequest("I love apples.", "Chinese").languages(known).pair == ("en", "zh-Hans")
    for target in ("Chinese", "zh-Hant", "zh-TW"):
        run_task(TASK.start(head, TranslateRequest("I love apples.", target)))


def test_declared_languages(checkpoints: Mapping[str, Path]) -> None:
    head = load_head(checkpoints["t5"], CPU, LanguagePairs.of([("en", "es")]))
    assert run_task(TASK.start(head, TranslateRequest("I love apples.", "Spanish"))).target.code == "es"
    with pytest.raises(InvalidRequest, match=r"English into German.*Spanish"):
        run_task(TASK.start(head, TranslateRequest("I love apples.", "German")))


def test_a_pair_that_the_checkpoint_does_not_know(load: Callable[[str], Any]) -> None:
    with pytest.raises(InvalidRequest, match=r"English into Japanese.*French, German, Romanian"):
        run_task(TASK.start(load("t5"), TranslateRequest("I love apples.", "Japanese")))
    with pytest.raises(InvalidRequest, match=r"from Japanese.*English"):
        run_task(TASK.start(load("t5"), TranslateRequest("I love apples.", "de", "Japanese")))


def test_a_text_longer_than_the_context(load: Callable[[str], Any]) -> None:
    for name in FAMILIES:
        result = run_task(TASK.start(load(name), TranslateRequest("I love apples. " * 90, "de")))
        assert result.truncated


def test_bad_requests() -> None:
    with pytest.raises(InvalidRequest, match="Both languages are German"):
        TranslateRequest("Guten Tag", "Deutsch", "german")
    with pytest.raises(InvalidRequest, match="no language called “Gibberish”"):
        TranslateRequest("Guten Tag", "Gibberish")
    with pytest.raises(InvalidRequest, match="4,001 characters"):
        TranslateRequest("a" * 4_001, "de")
    with pytest.raises(InvalidRequest, match="I need the name of a language"):
        TranslateRequest("Guten Tag", "  ")


def test_a_language_is_named_in_the_language_of_whoever_reads() -> None:
    with pytest.raises(InvalidRequest) as refused:
        TranslateRequest("Guten Tag", "Deutsch", "german")
    with written_in("es"):
        assert "alemán" in refused.value.sentence


def test_an_abandoned_text_costs_no_more_steps(load: Callable[[str], Any]) -> None:
    for name in FAMILIES:
        head = load(name)
        row = head.encode("Apples are sour.", max_new_tokens=100)
        steps = 0

        def count(module: Any, args: Any, output: Any) -> None:
            nonlocal steps
            steps += 1
            if steps >= 3:
                row.abandon()  # noqa: B023 - used within the loop's turn

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
    steps = TASK.start(head, TranslateRequest("birds", "de"))
    next(steps)
    with pytest.raises(StopIteration) as end:
        steps.send([tuple(ids)])
    assert end.value.value.text == "Vögel"


class TestLayout:
    @pytest.mark.parametrize("name", FAMILIES)
    def test_lines_are_translated_one_by_one(
        self, name: str, checkpoints: Mapping[str, Path], load: Callable[[str], Any]
    ) -> None:
        """Row G8: each line is what it is alone, and the breaks stay."""
        right = expected(name, checkpoints)
        text = f"{TEXTS[0]}\n\n  - {TEXTS[1]}\n{TEXTS[2]} 😀"
        result = run_task(TASK.start(load(name), TranslateRequest(text, "German")))
        assert result.text == f"{right[0]}\n\n  - {right[1]}\n{right[2]} 😀".strip()
        assert [load(name).decode(ids).strip() for ids in (*result.drafts, result.ids)] == right[:3]

    @pytest.mark.parametrize("name", [*FAMILIES, "llama"])
    def test_all_that_is_no_language_stays(
        self, name: str, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rows G10 and G11 in one message, by random models, which copy nothing."""
        monkeypatch.setattr("bot.tasks.translate.MOST_NEW_TOKENS", 6)
        text = "\n".join(f"Ask {one} about **the** cat {one}" for one in APART[::2]) + "\n```\nHello there\n```"
        kept = [one for one in APART[::2] for _ in range(2)]
        result = run_task(TASK.start(load(name), TranslateRequest(text, "German")))
        assert list(in_order(kept, result.text)) == [True] * len(kept)
        assert all(result.text.count(one) == 2 for one in set(kept))
        assert result.text.count("\n") == text.count("\n")
        assert result.text.endswith("\n```\nHello there\n```")

    @pytest.mark.parametrize("name", ["t5", "llama"])
    def test_what_has_no_words_is_not_read(self, name: str, load: Callable[[str], Any]) -> None:
        result = run_task(TASK.start(load(name), TranslateRequest("<:cat:12> https://example.com 😀", "German")))
        assert (result.text, result.ids, result.finished) == ("<:cat:12> https://example.com 😀", (), True)


class TestEnd:
    @pytest.mark.parametrize("name", ["t5", "nllb", "m2m100", "marian"])
    def test_at_the_limit(self, name: str, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
        """Row G9: a translation that was cut off says so, and one that came to its end does not."""
        head = load(name)
        request = TranslateRequest("I love apples. We have promises to keep.", "de")
        config = head.model.generation_config
        if name == "marian":  # whose configuration puts an end there
            assert config.forced_eos_token_id is not None
            monkeypatch.setattr(config, "min_new_tokens", MOST_NEW_TOKENS - 1)
        else:
            monkeypatch.setattr(config, "suppress_tokens", sorted(head.end_ids))
            monkeypatch.setattr(config, "forced_eos_token_id", None)
        cut = run_task(TASK.start(head, request))
        assert len(cut.ids) == MOST_NEW_TOKENS
        assert (cut.finished, cut.truncated) == (False, False)
        if name == "marian":
            return
        monkeypatch.setattr(config, "suppress_tokens", None)
        monkeypatch.setattr(config, "eos_token_id", cut.ids[2])
        assert run_task(TASK.start(head, request)).finished

    def test_one_line_of_several(self, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
        head = load("t5")
        monkeypatch.setattr(head.model.generation_config, "suppress_tokens", sorted(head.end_ids))
        first, second = (
            run_task(TASK.start(head, TranslateRequest(text, "de"))).ids for text in ("I love apples.", "Why?")
        )
        monkeypatch.setattr(head.model.generation_config, "suppress_tokens", None)
        [end, *_] = [token for token in first if token not in second]
        monkeypatch.setattr(head.model.generation_config, "eos_token_id", end)
        result = run_task(TASK.start(head, TranslateRequest("I love apples.\nWhy?", "de")))
        assert [end in ids for ids in (*result.drafts, result.ids)] == [True, False]
        assert not result.finished

    @pytest.mark.parametrize(("written", "finished"), [(" Hallo.\n", True), (" Hallo. Und", False)])
    def test_of_a_causal_language_model(
        self, written: str, finished: bool, load: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        head = load("llama")

        def run(rows: Sequence[Row[Any]]) -> Sequence[Any]:
            return [Generated(head.encode_rest(written), finished=False) for _ in rows]

        monkeypatch.setattr(head, "generate", Operation("generate", run, head.generate.budget))
        result = run_task(TASK.start(head, TranslateRequest("Hello.", "de")))
        assert (result.text, result.finished) == (written.strip(), finished)


class TestQuotes:
    @pytest.mark.parametrize(
        ("source", "translation", "right"),
        [
            ('He said "good morning" to me.', "Er sagte 'guten Morgen' zu mir.", 'Er sagte "guten Morgen" zu mir.'),
            ('"It\'s late," he said.', "'C'est tard', dit-il.", '"C\'est tard", dit-il.'),
            ("He said 'no' and \"yes\".", "Er sagte 'nein' und 'ja'.", "Er sagte 'nein' und \"ja\"."),
            ('He said "no".', "Er sagte „nein“.", "Er sagte „nein“."),
            ('He said "no".', "Er sagte nein.", "Er sagte nein."),
            ("He said 'no'.", "Er sagte 'nein'.", "Er sagte 'nein'."),
            ("He said “no”.", "Er sagte “nein”.", "Er sagte “nein”."),
        ],
    )
    def test_double_ones_stay(self, source: str, translation: str, right: str) -> None:
        """Row G4: a causal language model is given single quotes, because double ones end a draft."""
        assert requoted(source, translation) == right


class TestDetection:
    """The language is found out among those that the checkpoint reads."""

    def test_the_language_of_a_text(self, load: Callable[[str], Any]) -> None:
        head = load("m2m100")
        result = run_task(TASK.start(head, TranslateRequest("¿Alguien sabe dónde está mi perro?", "de", None)))
        assert (result.source.code, result.target.code) == ("es", "de")
        assert result.detection is not None
        assert result.detection.sure
        told = run_task(TASK.start(head, TranslateRequest("¿Alguien sabe dónde está mi perro?", "de", "es")))
        assert told == replace(result, detection=None)

    def test_a_macrolanguage(self) -> None:
        known = LanguagePairs.among(["en", "nb", "nn"])
        spoken = TranslateRequest("Jeg vet ikke hvor hunden min er i dag, beklager", "en", None).languages(known)
        assert spoken.source == "nb"

    def test_chinese_of_nllb(self) -> None:
        known = LanguagePairs.among(["en", "zh-Hans", "zh-Hant"])
        assert TranslateRequest("我的网又断了，十分钟后回来", "en", None).languages(known).pair == ("zh-Hans", "en")

    def test_a_text_that_is_in_the_target_language_already(self) -> None:
        known = LanguagePairs.among(["en", "de", "es"])
        with pytest.raises(InvalidRequest, match="Your text seems to be in German already"):
            TranslateRequest("Weiß jemand, wo mein Hund ist?", "de", None).languages(known)

    def test_an_unsure_text_is_not_in_the_target_language(self) -> None:
        known = LanguagePairs.among(["en", "it", "es"])
        assert detect("no lo se", known.sources()).code == "it"
        assert TranslateRequest("no lo se", "it", None).languages(known).pair == ("es", "it")

    def test_a_language_that_the_checkpoint_does_not_read(self, load: Callable[[str], Any]) -> None:
        with pytest.raises(
            InvalidRequest, match=r"seems to be in Spanish, which this model does not read\. It reads: English\."
        ):
            run_task(TASK.start(load("t5"), TranslateRequest("¿Alguien sabe dónde está mi perro?", "de", None)))

    def test_a_pair_that_the_checkpoint_does_not_know(self) -> None:
        """As in the starter preset, whose pairs all have English in them."""
        known = LanguagePairs.of([("en", "de"), ("en", "es"), ("es", "en"), ("de", "en")])
        with pytest.raises(InvalidRequest, match=r"Spanish into German\. From Spanish it can do: English\."):
            TranslateRequest("¿Alguien sabe dónde está mi perro?", "de", None).languages(known)

    def test_nothing_that_tells(self) -> None:
        for text in ("<:gato:12> 12345", "ok", "https://example.com/hola"):
            spoken = TranslateRequest(text, "de", None).languages(LanguagePairs.among(["en", "de", "es"]))
            assert (spoken.source, spoken.detection is not None and spoken.detection.told) == ("en", False)
        assert TranslateRequest("ok", "de", None).languages(LanguagePairs.of([("fr", "de")])).pair == ("fr", "de")

    def test_before_the_text_is_looked_at(self) -> None:
        request = TranslateRequest("Hola", "German", None)
        request.check(LanguagePairs.among(["es", "de", "en"]))
        with pytest.raises(InvalidRequest, match=r"does not translate into German\. It can do: English, Spanish\."):
            request.check(LanguagePairs.among(["es", "en"]))
        with pytest.raises(InvalidRequest, match=r"does not translate English into German\."):
            request.check(LanguagePairs.of([("en", "fr")]))


@pytest.mark.parametrize(("typed", "right"), [("Norwegian Bokmål", "no"), ("nn", "no"), ("norsk", "no")])
def test_norwegian_of_m2m100(typed: str, right: str, load: Callable[[str], Any]) -> None:
    """Row G12."""
    request = TranslateRequest("Hello there", typed)
    assert request.languages(load("m2m100").languages).pair == ("en", right)
    assert run_task(TASK.start(load("m2m100"), request)).target.code == right
