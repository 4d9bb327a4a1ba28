"""Words whose origins are known: the sentences, a translator that has learnt two of them, and the methods on a T5."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.coalitions import Table
from bot.tasks.work.units import Units
from bot.tasks.work.writing_evidence import written_value
from tests.bench.comparison import compare, lines
from tests.bench.erasure import Case, WrittenWord, by_token, found_origins, judge_of
from tests.bench.parallel_sentences import Pair, pairs
from tests.bench.source_methods import OF_TRANSLATIONS, cross_attention, cross_attention_rollout, integrated_gradients
from tests.bench.translations import right_cases
from tests.bench.translator_training import BATCH, train

SOME = 5_000
WRITTEN = (40, 41, 42, 1)
SHAPLEY = ("Shapley, exact", "Shapley, 16 orders", "leave-one-out")


def origins_of(pair: Pair) -> list[list[str]]:
    words = pair.english.strip(".").casefold().split()
    return [[words[index] for index in sorted(one)] for one in pair.origins]


@pytest.fixture(scope="module")
def sentences() -> list[Pair]:
    return list(islice(pairs(seed=0), SOME))


PHRASES = {
    "the big dog": ("der große Hund", "den großen Hund"),
    "a big dog": ("ein großer Hund", "einen großen Hund"),
    "the shy cat": ("die scheue Katze", "die scheue Katze"),
    "a shy cat": ("eine scheue Katze", "eine scheue Katze"),
    "the small calf": ("das kleine Kalb", "das kleine Kalb"),
    "a small calf": ("ein kleines Kalb", "ein kleines Kalb"),
    "the wolf": ("der Wolf", "den Wolf"),
    "a wolf": ("ein Wolf", "einen Wolf"),
}
"""As subject and as object."""


@pytest.mark.parametrize("phrase", PHRASES)
def test_phrases_agree_with_their_noun(sentences: list[Pair], phrase: str) -> None:
    subject, thing = PHRASES[phrase]
    first = [one for one in sentences if one.english.casefold().startswith(f"{phrase} ")]
    last = [one for one in sentences if one.english.endswith(f" {phrase}.")]
    assert first
    assert last
    assert all(one.german.casefold().startswith(f"{subject} ".casefold()) for one in first)
    assert all(one.german.endswith(f" {thing}.") for one in last)


def test_the_verb_is_second(sentences: list[Pair]) -> None:
    """Behind an adverb, or behind the subject; an adverb at the end comes next."""
    expected = {
        r"Often (the|a) .*": r"Oft (\w+t) (der|die|das|ein|eine) .*",
        r"(The|A) .* often\.": r"(Der|Die|Das|Ein|Eine) ([a-zß]+ )?[A-Z]\w+ (\w+t) oft (den|die|das|einen?|ein) .*",
    }
    for english, german in expected.items():
        found = [one.german for one in sentences if re.fullmatch(english, one.english)]
        assert found
        assert all(re.fullmatch(german, one) for one in found)


def test_origins(sentences: list[Pair]) -> None:
    """A word of its own for each but articles, which have two."""
    known = {"Hund": "dog", "Katze": "cat", "Pferd": "horse", "sieht": "sees", "heute": "today", "großen": "big"}
    for pair in sentences:
        german = pair.german.strip(".").split()
        assert len(german) == len(pair.origins) == len(pair.english.split())
        for word, origins in zip(german, origins_of(pair), strict=True):
            assert len(origins) == (2 if word.casefold()[:3] in {"ein", "der", "die", "das", "den"} else 1)
            assert origins == [known.get(word, origins[0])] or len(origins) == 2


def test_a_word_is_found_where_its_strongest_word_is_an_origin() -> None:
    """Its tokens are taken together."""
    words = [
        WrittenWord((0, 1), frozenset({2})),
        WrittenWord((2,), frozenset({0, 1})),
        WrittenWord((3,), frozenset({0})),
    ]
    scores = np.array([[3.0, 0, 0, 0, 9], [0, 0, 1, 2, 0], [2, 2, 0, 1, 0]])
    assert found_origins(words, scores, 1) == (1, 2)
    assert found_origins(words, scores, 2) == (1, 1)


def case_of(head: Any) -> Case:
    units = Units("word", ("I ", "love ", "apples"))
    value = written_value(head, TranslateRequest("".join(units.parts), "de"), WRITTEN)
    return Case(head, units, value, (by_token(judge_of(Table(units, value)), len(WRITTEN)),), written=WRITTEN)


def test_gradients_of_each_written_token(load: Callable[[str], Any]) -> None:
    """They sum to what the words' embeddings bring, as captum has it of the sum of the log-probabilities."""
    case = case_of(load("t5"))
    found = integrated_gradients(case, Table(case.units, case.value))
    model = case.head.model
    ids = case.head.encode(f"translate English to German: {case.text}", max_new_tokens=1).inputs
    front = len(case.head.tokenizer("translate English to German:")["input_ids"]) - 1

    def log_p(words: torch.Tensor) -> torch.Tensor:
        read = torch.tensor([[*ids.start, *WRITTEN[:-1]]]).expand(len(words), -1)
        found = model(inputs_embeds=words, decoder_input_ids=read).logits.log_softmax(dim=-1)
        summed: torch.Tensor = found[:, range(len(WRITTEN)), WRITTEN].sum(dim=1)
        return summed

    embedded = model.get_input_embeddings()(torch.tensor([ids.ids])).detach()
    baseline = embedded.clone()
    baseline[:, front:-1] = 0
    expected = IntegratedGradients(log_p).attribute(embedded, baseline, n_steps=32)[0, front:-1].sum()
    assert found.shape == (3, len(WRITTEN) + 1)
    assert found[:, -1].sum() == pytest.approx(float(expected), rel=1e-3)
    assert np.abs(found).max() > 0.1


def test_attention_of_each_written_token(load: Callable[[str], Any]) -> None:
    """What a token does not give to the words it gives to the prefix and the end, also through the encoder's layers."""
    case = case_of(load("t5"))
    head = case.head
    table = Table(case.units, case.value)
    ids = head.encode(f"translate English to German: {case.text}", max_new_tokens=1).inputs
    read = {"input_ids": torch.tensor([ids.ids]), "decoder_input_ids": torch.tensor([[*ids.start, *WRITTEN[:-1]]])}
    with head.attention_backend.switched_to("eager"), torch.inference_mode():
        weights = torch.stack(head.model(**read, output_attentions=True).cross_attentions)[:, 0].mean(dim=(0, 1))
    front = len(head.tokenizer("translate English to German:")["input_ids"]) - 1
    direct, rolled = cross_attention(case, table), cross_attention_rollout(case, table)
    assert direct[:, :-1].sum(axis=0) == pytest.approx(weights[:, front:-1].sum(dim=1).numpy(), abs=1e-5)
    assert direct[:, -1] == pytest.approx(direct[:, :-1].sum(axis=1))
    assert np.all(rolled[:, :-1].sum(axis=0) < 1)
    assert np.abs(rolled - direct).max() > 0.01


def test_a_translator_and_its_table(tmp_path: Path, sentences: list[Pair]) -> None:
    """It learns two sentences by heart, whose origins each method is then asked for."""
    learnt = sentences[:2]
    train(tmp_path, [learnt[index % 2] for index in range(60 * BATCH)])
    said: list[str] = []
    cases = list(right_cases(load_head(tmp_path, Device("cpu", "float32")), learnt, said.append))
    assert said == ["translator: right in 2 of 2 sentences"]
    assert [[sorted(word.origins) for word in case.words] for case in cases] == [
        [sorted(origins) for origins in pair.origins] for pair in learnt
    ]
    methods = {name: method for name, method in OF_TRANSLATIONS.items() if name != "Shapley, exact"}
    rows = compare(iter(cases[:1]), methods, said.append, untimed=True)
    printed = [line.split("|") for line in lines("translations", rows) if line.startswith("|")]
    assert [row[1].strip() for row in printed[2:]] == list(methods)
    assert [one.strip() for one in printed[0][4:6]] == ["origin found", "one of two origins found"]
    assert printed[2][4].strip().endswith(f"of {sum(len(one) == 1 for one in learnt[0].origins)}")


def test_values_are_shared_where_nobody_times_them(load: Callable[[str], Any]) -> None:
    case = case_of(load("t5"))
    asked: list[str] = []
    said: list[str] = []

    def value(text: str) -> Any:
        asked.append(text)
        return case.value(text)

    counted = Case(case.head, case.units, value, case.judges, written=WRITTEN)

    def readings(*, untimed: bool) -> Sequence[str]:
        asked.clear()
        compare(iter([counted]), {name: OF_TRANSLATIONS[name] for name in SHAPLEY}, said.append, untimed=untimed)
        return list(asked)

    assert len(readings(untimed=True)) == len(set(readings(untimed=True))) == 2**3
    assert len(readings(untimed=False)) > 2**3
