"""The commands on a causal language model, against the same formulas written out with plain transformers."""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import torch
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.errors import GlassboxError, InvalidRequest, ModelFailed, ModelUnavailable
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.calibration import Calibrations
from bot.inference.heads.causal_lm import CausalLM
from bot.inference.heads.generation.continuous_batching import Generated
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.operations import Operation, Row, run_task
from bot.inference.requests import Request
from bot.tasks import fill, generate, sentiment, translate, zeroshot
from bot.tasks.fill import FillRequest, FillResult
from bot.tasks.generate import GenerateRequest
from bot.tasks.prompts.cloze import weighed_masks
from bot.tasks.sentiment import SentimentRequest, SentimentResult
from bot.tasks.translate import TranslateRequest, TranslateResult
from bot.tasks.translation import drafting
from bot.tasks.translation.drafting import MOST_PIECES, likeliest
from bot.tasks.translation.language_choice import LanguageChoice
from bot.tasks.translation.phrasebook import layouts
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult
from tests import tiny
from tests.support import CPU, run_all, run_together
from tests.tiny import LETTERS, LONG_CONTEXT, SHORT_CONTEXT

EXACT = 1e-5
AWKWARD = [
    "Braces {} and {0} and {text!r} and %s, %(x)d, ${y} \\1",
    'He said "no", and then: "yes"!',
    "A line.\nAnother one\r\n\n\tand the last",
    "I love it 😀👩\u200d🚀🇩🇪",
    "אני אוהב תפוחים, והם חמוצים.",
    "<|endoftext|> <s> [INST] </s>",
    "a",
]


class Reference:
    """Every log-probability from a pass over the whole sequence, alone, without a cache."""

    def __init__(self, folder: Path) -> None:
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        self.model = transformers.AutoModelForCausalLM.from_pretrained(folder).eval()
        self.known: dict[tuple[int, ...], list[float]] = {}

    def ids(self, text: str) -> list[int]:
        found: list[int] = self.tokenizer(text, split_special_tokens=True).input_ids
        return found

    def after(self, prompt: Sequence[int], ids: Sequence[int]) -> list[float]:
        """Log-probabilities of ids after a prompt."""
        key = (*prompt, -1, *ids)
        if key not in self.known:
            self.known[key] = self._after(prompt, ids)
        return self.known[key]

    @torch.inference_mode()
    def _after(self, prompt: Sequence[int], ids: Sequence[int]) -> list[float]:
        sequence = torch.tensor([[*prompt, *ids]])
        log_probs = torch.log_softmax(self.model(sequence, use_cache=False).logits[0], dim=-1)
        return [float(log_probs[len(prompt) + place - 1, token]) for place, token in enumerate(ids)]

    def each(self, prompt: str, text: str) -> list[float]:
        return self.after(self.ids(prompt), self.ids(text))

    @torch.inference_mode()
    def next_token(self, prompt: str) -> torch.Tensor:
        return torch.log_softmax(self.model(torch.tensor([self.ids(prompt)]), use_cache=False).logits[0, -1], dim=-1)

    @torch.inference_mode()
    def greedy(self, prompt: str, most: int) -> str:
        """What follows, up to the end of the line."""
        ids, new = self.ids(prompt), list[int]()
        while len(new) < most:
            token = int(self.model(torch.tensor([ids + new]), use_cache=False).logits[0, -1].argmax())
            if token == self.tokenizer.eos_token_id:
                break
            new.append(token)
            if "\n" in self.tokenizer.decode([token]):
                break
        return str(self.tokenizer.decode(new, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def leaning(self, text: str) -> float:
        differences = []
        for opening in ("Review: ", "Text: ", "Sentence: "):
            prompt = opening + text + "\nSentiment:"
            for good, bad in (
                ("positive", "negative"),
                ("Positive", "Negative"),
                ("good", "bad"),
                ("great", "terrible"),
            ):
                differences.append(sum(self.each(prompt, f" {good}")) - sum(self.each(prompt, f" {bad}")))
        return sum(differences) / 12

    def sentiment(self, text: str) -> float:
        """The probability of POSITIVE."""
        good, bad = (sum(self.leaning(anchor) for anchor in side) / 4 for side in zip(*sentiment.ANCHORS, strict=True))
        distance = (self.leaning(text) - (good + bad) / 2) / (abs(good - bad) / 2)
        return 1 / (1 + math.exp(-5 * distance))

    def zeroshot(self, request: ZeroShotRequest) -> dict[str, float]:
        scores = []
        for label in request.labels:
            first, *rest = self.ids(f" {label}")
            score = 0.0
            for before, after in (("Text: ", "\nCategory:"), ("", "\nTags:")):
                found = self.each(before + request.text + after, f" {label}")
                neutral = [self.after(self.ids(before + one + after), [first])[0] for one in zeroshot.NEUTRAL]
                score += (found[0] - sum(neutral) / len(neutral)) / 2
                if rest:
                    usual = self.each(before + zeroshot.NEUTRAL[0] + after, f" {label}")
                    score += (sum(found[1:]) - sum(usual[1:])) / 2
            scores.append(score)
        values = torch.tensor(scores, dtype=torch.float64)
        several = ((values - 1.5) / 0.5).sigmoid() * ((values - values.max()) / 2).exp()
        shared = several if request.multi_label else (values / 0.7).softmax(dim=0)
        return dict(zip(request.labels, shared.tolist(), strict=True))

    def fill(self, text: str) -> list[list[tuple[str, float]]]:
        """For every ___ the words with their probabilities, likeliest first."""
        found = []
        while "___" in text:
            before, rest = text.split("___", 1)
            found.append(self.fill_one(before, rest.split("___")[0].rstrip()))
            text = before + found[-1][0][0] + rest
        return found

    def fill_one(self, before: str, after: str) -> list[tuple[str, float]]:
        left = ("The sky is blue. Madrid is the capital of Spain. " + before).rstrip()
        cloze = (
            "Q: The sky is ___.\nA: blue\nQ: ___ is the capital of Spain.\nA: Madrid\n"
            f"Q: The ___ swims in the sea.\nA: fish\nQ: {before}___{after}\nA:"
        )
        texts = [self.tokenizer.decode([token]) for token in range(len(self.tokenizer))]
        allowed = [token for token, word in enumerate(texts) if re.fullmatch(r" ([^\W\d_]{2,}|[aAI])", word)]
        by_left, by_cloze = self.next_token(left), self.next_token(cloze)
        proposed = {
            *sorted(allowed, key=lambda token: -by_left[token])[:30],
            *sorted(allowed, key=lambda token: -by_cloze[token])[:25],
        }
        opens = not before.strip() or before.rstrip().endswith((".", "!", "?"))
        words: dict[str, float] = {}
        for token in proposed:
            word = texts[token].strip()
            word = word[0].upper() + word[1:] if opens else word
            words[word] = max(words.get(word, -math.inf), float(by_cloze[token]))
        scores = torch.tensor([sum(self.each(left, f" {word}{after}")) + weight / 4 for word, weight in words.items()])
        return sorted(zip(words, scores.double().softmax(dim=0).tolist(), strict=True), key=lambda one: -one[1])

    def translate(self, text: str, source: str, target: str) -> str:
        lines = [re.split(r"(?<=[.!?])\s+", line) for line in re.split(r"\s*\n\s*", text)]
        return "\n".join(" ".join(self.translate_one(one, source, target) for one in line) for line in lines)

    def translate_one(self, sentence: str, source: str, target: str) -> str:
        drafts = []
        for prompt in layouts(sentence, source, target):
            line = self.greedy(prompt, 2 * len(self.ids(sentence)) + 12).split("\n")[0]
            draft = line.strip(' "–=\t').split('"')[0].strip()
            if draft and draft not in drafts:
                drafts.append(draft)

        def weight(draft: str) -> float:
            there = self.each(layouts(sentence, source, target)[0], f" {draft}\n")
            back = self.each(layouts(draft, target, source)[0], f" {sentence}\n")
            return sum(there) + sum(back)

        return max(drafts, key=weight)


class Expected:
    """What the reference answers, computed once for all tests."""

    SENTIMENT: ClassVar = [
        SentimentRequest(text) for text in ("I love it.", "The train was late.", "Great!", *AWKWARD, *tiny.TEXTS)
    ]
    ZEROSHOT: ClassVar = [
        ZeroShotRequest(text, labels, multi_label)
        for text in ("The music was better than the movie.", *AWKWARD[:5])
        for labels, multi_label in (
            (("the", "course", "love"), False),  # a token each
            (("sports", "politics and science", "a", "{braces}"), False),
            (("apples", "the old man and the sea", "שלום"), True),
        )
    ]
    FILL: ClassVar = [
        FillRequest(text, top_k=10)
        for text in (
            "The capital of France is ___.",
            "___ wrote this book?",
            "I love it. ___ are sour {} {0}",
            "I ___ apples",
            'What a ___ day: the "train" was ___, and the\ncoffee was ___ 😀',
            "Great ___",
        )
    ]
    TRANSLATE: ClassVar = [
        TranslateRequest("I love apples.", "German"),
        TranslateRequest("Why? Great {}!\nThe train", "fr"),
        TranslateRequest("Où est la gare ?", "de", "French"),
    ]

    def __init__(self, reference: Reference) -> None:
        self.sentiment = [reference.sentiment(request.text) for request in self.SENTIMENT]
        self.zeroshot = [reference.zeroshot(request) for request in self.ZEROSHOT]
        self.fill = [reference.fill(request.text) for request in self.FILL]
        self.translate = [reference.translate(one.text, str(one.source), one.target) for one in self.TRANSLATE]


@pytest.fixture(scope="module")
def expected(checkpoints: Mapping[str, Path]) -> Expected:
    return Expected(Reference(checkpoints["llama"]))


@pytest.fixture
def head(load: Callable[[str], Any]) -> CausalLM:
    found: CausalLM = load("llama")
    found.calibrations = Calibrations()
    return found


TASKS = {one.TASK.request: one.TASK for one in (sentiment, zeroshot, fill, translate, generate)}
ALL = dict.fromkeys(("sentiment", "zeroshot", "fill", "translate", "generate"), "llama")


def alone(head: CausalLM, requests: Sequence[Request[Any]]) -> list[Any]:
    return [run_task(TASKS[type(request)].start(head, request)) for request in requests]


def assert_sentiments(results: Sequence[SentimentResult], expected: Expected) -> None:
    for result, right in zip(results, expected.sentiment, strict=True):
        found = {score.label: score.probability for score in result.scores}
        assert found == pytest.approx({"POSITIVE": right, "NEGATIVE": 1 - right}, abs=EXACT)


def assert_zeroshots(results: Sequence[ZeroShotResult], expected: Expected) -> None:
    for result, right in zip(results, expected.zeroshot, strict=True):
        assert {score.label: score.probability for score in result.scores} == pytest.approx(right, abs=EXACT)


def assert_fills(results: Sequence[FillResult], expected: Expected) -> None:
    for result, masks in zip(results, expected.fill, strict=True):
        assert len(result.masks) == len(masks)
        for guesses, right in zip(result.masks, masks, strict=True):
            assert [guess.probability for guess in guesses] == pytest.approx([one[1] for one in right[:10]], abs=EXACT)
            by_word = dict(right)
            for guess in guesses:
                assert guess.probability == pytest.approx(by_word[guess.word], abs=EXACT)


@pytest.mark.measured_elsewhere
class TestAsWrittenOut:
    def test_sentiment(self, head: CausalLM, expected: Expected) -> None:
        assert sum(0.02 < one < 0.98 for one in expected.sentiment) >= 3
        assert_sentiments(alone(head, Expected.SENTIMENT), expected)

    def test_zeroshot(self, head: CausalLM, expected: Expected) -> None:
        lengths = {len(head.encode_rest(f" {label}")) for one in Expected.ZEROSHOT for label in one.labels}
        assert min(lengths) == 1
        assert max(lengths) > 5
        assert_zeroshots(alone(head, Expected.ZEROSHOT), expected)

    def test_fill(self, head: CausalLM, expected: Expected) -> None:
        assert max(map(len, expected.fill)) == 3
        assert_fills(alone(head, Expected.FILL), expected)

    def test_translate(self, head: CausalLM, expected: Expected) -> None:
        assert len(set(expected.translate)) == len(Expected.TRANSLATE)
        assert [result.text for result in alone(head, Expected.TRANSLATE)] == expected.translate

    def test_in_shared_batches(self, head: CausalLM, expected: Expected) -> None:
        def together(requests: Sequence[Request[Any]]) -> list[Any]:
            return run_together(*(TASKS[type(request)].start(head, request) for request in requests))

        assert_sentiments(together(Expected.SENTIMENT), expected)
        assert_zeroshots(together(Expected.ZEROSHOT), expected)
        assert_fills(together(Expected.FILL), expected)
        assert [result.text for result in together(Expected.TRANSLATE)] == expected.translate

    async def test_in_mixed_traffic(
        self, expected: Expected, make_worker: Callable[..., Any], make_preset: Callable[..., Any]
    ) -> None:
        others = [GenerateRequest(text, max_new_tokens=8, seed=seed) for seed, text in enumerate(tiny.TEXTS)]
        async with make_worker(make_preset(**ALL)) as worker:
            sentiments, zeroshots, fills, translations, _ = await asyncio.gather(
                run_all(worker, Expected.SENTIMENT),
                run_all(worker, Expected.ZEROSHOT),
                run_all(worker, Expected.FILL),
                run_all(worker, Expected.TRANSLATE),
                run_all(worker, others),
            )
            status = worker.status()
        assert_sentiments(sentiments, expected)
        assert_zeroshots(zeroshots, expected)
        assert_fills(fills, expected)
        assert [result.text for result in translations] == expected.translate
        assert status.batches < status.rows / 2


class Watched:
    """Counts what the heads that are loaded from now on compute: rows by operation."""

    def __init__(self) -> None:
        self.prompts: list[str] = []
        self.fail = False

    def __call__(self, folder: Path, *arguments: Any) -> CausalLM:
        head: Any = load_head(folder, *arguments)
        for name in ("score", "next_token"):
            operation = getattr(head, name)
            setattr(head, name, Operation(name, self._run(head, operation), operation.budget))
        loaded: CausalLM = head
        return loaded

    def _run(self, head: CausalLM, operation: Operation[Any, Any]) -> Callable[[Sequence[Row[Any]]], Sequence[Any]]:
        def run(rows: Sequence[Row[Any]]) -> Sequence[Any]:
            self.prompts += [head.decode(row.inputs.prompt) for row in rows]
            if self.fail:
                raise ValueError("somebody's text")
            return operation.run(rows)

        return run


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Watched:
    watched = Watched()
    monkeypatch.setattr("bot.inference.checkpoints.pool.load_head", watched)
    return watched


CALIBRATED = [
    (SentimentRequest("My cat"), "Review: I like it.\nSentiment:"),
    (ZeroShotRequest("My cat", ("the", "course")), f"Text: {zeroshot.NEUTRAL[3]}\nCategory:"),
]


def clear(probabilities: Iterable[float]) -> bool:
    """Whether the likeliest one is ahead by more than what rounding does."""
    first, second = sorted(probabilities, reverse=True)[:2]
    return first > 1.3 * second


class TestInBfloat16:
    @pytest.fixture
    def rounded(self, checkpoints: Mapping[str, Path]) -> CausalLM:
        found = load_head(checkpoints["llama"], Device("cpu", "bfloat16"))
        assert isinstance(found, CausalLM)
        return found

    def test_the_same_label(self, rounded: CausalLM, expected: Expected) -> None:
        sentiments = [{"POSITIVE": one, "NEGATIVE": 1 - one} for one in expected.sentiment]
        results = alone(rounded, [*Expected.SENTIMENT, *Expected.ZEROSHOT])
        compared = 0
        for result, right in zip(results, [*sentiments, *expected.zeroshot], strict=True):
            if clear(right.values()):
                compared += 1
                assert result.scores[0].label == max(right, key=right.__getitem__)
        assert compared >= 6

    def test_the_same_word(self, rounded: CausalLM, expected: Expected) -> None:
        compared = 0
        for result, masks in zip(alone(rounded, Expected.FILL), expected.fill, strict=True):
            # What fills a mask is read when the next one is filled, so only the first has the same sentence around it.
            if clear(probability for _, probability in masks[0]):
                compared += 1
                assert result.masks[0][0].word == masks[0][0][0]
        assert compared >= 2


@pytest.mark.parametrize(("request_", "prompt"), CALIBRATED, ids=["sentiment", "zeroshot"])
class TestCalibration:
    async def test_once_for_all(
        self,
        request_: Request[Any],
        prompt: str,
        watched: Watched,
        make_worker: Callable[..., Any],
        make_preset: Callable[..., Any],
    ) -> None:
        async with make_worker(make_preset(**ALL)) as worker:
            first = await run_all(worker, [request_] * 20)
            later = await run_all(worker, [request_])
        assert watched.prompts.count(prompt) == 1
        for result in [*first, *later]:
            right = {one.label: one.probability for one in later[0].scores}
            assert {one.label: one.probability for one in result.scores} == pytest.approx(right, abs=EXACT)

    async def test_again_where_it_failed(
        self,
        request_: Request[Any],
        prompt: str,
        watched: Watched,
        make_worker: Callable[..., Any],
        make_preset: Callable[..., Any],
    ) -> None:
        watched.fail = True
        async with make_worker(make_preset(**ALL)) as worker:
            answers = [worker.submit(request_, person=person) for person in range(4)]
            for outcome in await asyncio.gather(*answers, return_exceptions=True):
                assert isinstance(outcome, ModelFailed)
            watched.fail = False
            assert len(await run_all(worker, [request_, request_])) == 2

    def test_a_second_run_does_nothing(self, request_: Request[Any], prompt: str, head: CausalLM) -> None:
        task = TASKS[type(request_)]
        run_task(task.calibration(head))
        assert list(task.calibration(head)) == []


class TestFill:
    def test_a_word_that_opens_a_sentence_is_capitalised(self, head: CausalLM) -> None:
        for text in ("___ are sour.", "I love it. ___ are sour.", "Why?\n___ are sour", "  ___ are sour"):
            [result] = alone(head, [FillRequest(text)])
            assert all(guess.word[0].isupper() for guess in result.masks[0]), text
        [result] = alone(head, [FillRequest("Apples ___ sour.")])
        assert not any(guess.word[0].isupper() for guess in result.masks[0])

    def test_masks_are_filled_from_left_to_right(self, head: CausalLM) -> None:
        [result] = alone(head, [FillRequest("I ___ apples and ___ lemons", top_k=2)])
        first = result.masks[0][0].word
        assert result.completed == f"I {first} apples and {result.masks[1][0].word} lemons"
        [rest] = alone(head, [FillRequest(f"I {first} apples and ___ lemons", top_k=2)])
        assert [one.word for one in rest.masks[0]] == [one.word for one in result.masks[1]]

    def test_a_vocabulary_without_words(self, letters: CausalLM) -> None:
        for _ in range(2):
            with pytest.raises(ModelUnavailable, match="set for /fill has no whole words"):
                alone(letters, [FillRequest("I ___ apples")])

    def test_only_the_neighbourhood_is_read(self, head: CausalLM) -> None:
        far = FillRequest("Go. " * 450 + "I love ___ and pears")
        near = FillRequest("Wait a moment! " + "Go. " * 400 + "I love ___ and pears")
        assert alone(head, [far])[0].masks[0][0].word == alone(head, [near])[0].masks[0][0].word
        assert [one.probability for one in alone(head, [far])[0].masks[0]] == pytest.approx(
            [one.probability for one in alone(head, [near])[0].masks[0]], abs=EXACT
        )


class TestTranslate:
    @pytest.fixture
    def prompts(self, head: CausalLM, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """What is generated from; the model then writes `Hallo.` and ends the line."""
        seen: list[str] = []

        def run(rows: Sequence[Row[Any]]) -> Sequence[Any]:
            seen.extend(head.decode(row.inputs.prompt) for row in rows)
            return [Generated(head.encode_rest(" Hallo.\n"), finished=True) for _ in rows]

        monkeypatch.setattr(head, "generate", Operation("generate", run, head.generate.budget))
        return seen

    def test_a_sentence_at_a_time(self, head: CausalLM, prompts: list[str]) -> None:
        [result] = alone(head, [TranslateRequest('Why? I "love" it…\n\nGo!! 1.5 apples \n Yes', "de")])
        asked = [prompt.splitlines()[-1] for prompt in prompts]
        assert [line for line in asked if line.endswith(" =")] == [
            f"{sentence} =" for sentence in ("Why?", "I 'love' it…", "Go!!", "1.5 apples", "Yes")
        ]
        assert len(asked) == 5 * 2  # twelve drafts among five sentences
        assert result.text == "Hallo. Hallo.\n\nHallo. Hallo. \n Hallo."
        assert not result.truncated

    def test_what_has_no_words_stays(self, head: CausalLM, prompts: list[str]) -> None:
        [result] = alone(head, [TranslateRequest("Hello. 😀\n***\nGo!", "de")])
        assert result.text == "Hallo. 😀\n***\nHallo."
        assert not any("😀" in prompt for prompt in prompts)

    def test_many_sentences_have_one_draft_each(self, head: CausalLM, prompts: list[str]) -> None:
        [result] = alone(head, [TranslateRequest("Go! " * 20, "de")])
        assert len(prompts) == 20
        assert result.text.count("Hallo.") == 20

    def test_very_many_sentences_are_translated_in_pieces(self, head: CausalLM, prompts: list[str]) -> None:
        alone(head, [TranslateRequest("Go! " * 300, "de")])
        assert len(prompts) <= MOST_PIECES
        assert sum(prompt.splitlines()[-1].count("Go!") for prompt in prompts) == 300

    def test_no_draft_at_all(self, head: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(drafting, "tidy", lambda text: "")
        [result] = alone(head, [TranslateRequest("Why? Go!", "de")])
        assert result.text == ""

    def test_pairs(self, head: CausalLM, monkeypatch: pytest.MonkeyPatch) -> None:
        with pytest.raises(InvalidRequest, match=r"English into Japanese.*Dutch, French, German"):
            alone(head, [TranslateRequest("Why?", "Japanese")])
        monkeypatch.setattr(head, "declared_languages", LanguagePairs.of([("en", "de")]))
        with pytest.raises(InvalidRequest, match=r"English into French.*German"):
            alone(head, [TranslateRequest("Why?", "French")])


LONG = "I love apples, and lemons are sourer than they were " * 28


class Bounded(CausalLM):
    """Fails where a row exceeds the context, as position embeddings that are learned do."""

    def check(self, tokens: int) -> None:
        assert tokens <= self.context_length, f"{tokens} tokens"

    def continuations(self, prompt: Sequence[int], candidates: Sequence[Sequence[int]]) -> Row[Any]:
        self.check(len(prompt) + max(map(len, candidates)) - 1)  # nothing is read after the last token
        return super().continuations(prompt, candidates)

    def generation(self, prompt: Sequence[int], max_new_tokens: int, **options: Any) -> Row[Any]:
        self.check(len(prompt) + max_new_tokens - 1)
        return super().generation(prompt, max_new_tokens, **options)


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Bounded]:
    """Make a Llama with a context of so many tokens, that checks what it is given."""

    def make(context: int, vocabulary: int = tiny.VOCABULARY) -> Bounded:
        folder = tmp_path_factory.mktemp("llama")
        with torch.random.fork_rng():
            torch.manual_seed(context)
            tiny.llama(folder, context=context, vocabulary=vocabulary)
        head = load_head(folder, CPU)
        return Bounded(head.model, head.tokenizer, CPU)

    return make


@pytest.fixture(scope="module")
def letters(bounded: Callable[..., Bounded]) -> Bounded:
    """Knows no words, only bytes: texts are as long as they can be."""
    return bounded(LONG_CONTEXT, LETTERS)


@pytest.fixture(scope="module", params=[LONG_CONTEXT, SHORT_CONTEXT])
def roomy(request: pytest.FixtureRequest, bounded: Callable[..., Bounded]) -> Bounded:
    return bounded(request.param)


@pytest.mark.measured_elsewhere
class TestLongTexts:
    @pytest.mark.parametrize(
        "text", [LONG, "語彙がない。" * 230, "😀a" * 500, "a" * 1400], ids=["en", "ja", "emoji", "a"]
    )
    def test_are_shortened(self, roomy: Bounded, text: str) -> None:
        too_long = len(roomy.encode(text)) > roomy.context_length
        assert too_long or roomy.context_length == LONG_CONTEXT
        for request in (
            SentimentRequest(text),
            ZeroShotRequest(text, ("the", "an old man and the sea " * 3, "語" * 80)),
            GenerateRequest(text, max_new_tokens=20),
        ):
            [result] = alone(roomy, [request])
            assert result.truncated or not too_long
        [filled] = alone(roomy, [FillRequest(f"{text} ___ {text}")])
        assert filled.truncated == (roomy.context_length == SHORT_CONTEXT)
        if roomy.context_length == LONG_CONTEXT:
            [translated] = alone(roomy, [TranslateRequest(text[:200], "de")])
            assert translated.target.code == "de"

    def test_of_nearly_the_contexts_length(self, roomy: Bounded) -> None:
        unit = " a"
        assert len(roomy.encode(unit * 5)) == 5
        cut = []
        for tokens in range(roomy.context_length - 40, roomy.context_length + 2, 3):
            text = "a" + unit * (tokens - 1)
            [feeling] = alone(roomy, [SentimentRequest(text)])
            [labelled] = alone(roomy, [ZeroShotRequest(text, ("the", "course"))])
            cut.append((feeling.truncated, labelled.truncated))
        assert cut[0] == (False, False)
        assert cut[-1] == (True, True)
        assert cut == sorted(cut)

    def test_are_shortened_no_more_than_they_must(self, roomy: Bounded) -> None:
        text, cut = roomy.fit("a" + " a" * 2000, lambda text: 7 + len(roomy.encode(text)))
        assert cut
        assert len(roomy.encode(text)) == roomy.context_length - 7
        end, cut = roomy.fit("a" * 9 + " the end", lambda text: 7 + len(roomy.encode(text)), keep_end=True)
        assert (end, cut) == ("a" * 9 + " the end", False)

    def test_drafts_that_cannot_be_weighed(self, roomy: Bounded) -> None:
        drafts = ["a " * LONG_CONTEXT, "b"]
        assert run_task(likeliest(roomy, "a", drafts, LanguageChoice("en", "de"))) == drafts[0]

    def test_characters_are_not_cut_apart(self, letters: Bounded) -> None:
        text, cut = letters.fit("語" * 999, lambda text: len(letters.encode(text)))
        assert cut
        assert set(text) == {"語"}
        assert set(letters.ending("語" * 9, 10)) == set(letters.beginning("語" * 9, 10)) == {"語"}

    def test_sentences_are_cut_one_by_one(self, bounded: Callable[..., Bounded]) -> None:
        head = bounded(600)
        short = "Why? I love it."
        [whole, cut] = alone(head, [TranslateRequest(short, "de"), TranslateRequest(f"{short} {LONG}", "de")])
        assert not whole.truncated
        assert cut.truncated

    def test_a_context_too_short_for_any_text(self, bounded: Callable[..., Bounded], roomy: Bounded) -> None:
        with pytest.raises(ModelUnavailable, match="128 tokens at most, which is too few"):
            alone(bounded(SHORT_CONTEXT), [TranslateRequest("Why?", "de")])


TEXTS = st.one_of(
    st.text(min_size=1, max_size=80),
    st.text(alphabet='a {}%"\n\t.!?…\u200dאب語😀<|>_é', min_size=1, max_size=60),
    st.sampled_from(AWKWARD),
    st.sampled_from([LONG, "語" * 900]),
)


def valid(build: Callable[[], Request[Any]]) -> Request[Any] | None:
    try:
        return build()
    except InvalidRequest:
        return None


requests = st.one_of(
    st.builds(lambda text: valid(lambda: SentimentRequest(text)), TEXTS),
    st.builds(
        lambda text, labels, multi: valid(lambda: ZeroShotRequest(text, tuple(labels), multi)),
        TEXTS,
        st.lists(st.text(min_size=1, max_size=80), min_size=2, max_size=20),
        st.booleans(),
    ),
    st.builds(
        lambda pieces, top_k: valid(lambda: FillRequest("___".join(pieces), top_k)),
        st.lists(TEXTS, min_size=2, max_size=6),
        st.integers(1, 10),
    ),
    st.builds(
        lambda text, target: valid(lambda: TranslateRequest(text[:50], target)), TEXTS, st.sampled_from(["de", "fr"])
    ),
).filter(lambda request: request is not None)


@pytest.mark.measured_elsewhere
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request=requests)
def test_any_valid_request(roomy: Bounded, request: Request[Any]) -> None:
    try:
        [result] = alone(roomy, [request])
    except GlassboxError:
        assert isinstance(request, TranslateRequest)
        assert roomy.context_length == SHORT_CONTEXT
        return
    if isinstance(result, TranslateResult):
        assert result.target.code in ("de", "fr")
        return
    if isinstance(result, FillResult):
        groups = [[guess.probability for guess in mask] for mask in result.masks]
    else:
        groups = [[score.probability for score in result.scores]]
    for group in groups:
        assert all(0 <= one <= 1 for one in group)
        assert group == sorted(group, reverse=True)
    if isinstance(result, SentimentResult) or (isinstance(result, ZeroShotResult) and not result.multi_label):
        assert sum(groups[0]) == pytest.approx(1)


def test_all_words_of_a_mask_share_its_probability(head: CausalLM) -> None:
    [mask] = run_task(weighed_masks(head, ["I love ", " and pears"]))
    assert sum(one.probability for one in mask.proposals) == pytest.approx(1)
