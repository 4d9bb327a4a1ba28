"""Tokenizers that read control tokens as text."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from bot.inference.tokenization.literal import LiteralMode, control_tokens
from tests import tiny

NAMES = ("distilbert", "roberta", "llama", "t5", "marian", "m2m100", "nllb", "bart_mnli", "bert_squad")


def read(tokenizer: Any, text: str, **options: Any) -> list[int]:
    with LiteralMode(tokenizer, threading.Lock(), **options):
        ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def pieces(tokenizer: Any, text: str, **options: Any) -> list[str]:
    found: list[str] = tokenizer.convert_ids_to_tokens(read(tokenizer, text, **options))
    return found


@pytest.mark.parametrize("name", NAMES)
@given(text=st.text(st.sampled_from(list("abc XYZ 012.,!é日😀\n\t-'")), max_size=40))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_harmless_texts_are_read_as_ever(load: Callable[[str], Any], name: str, text: str) -> None:
    head = load(name)
    assert head.tokenize(text) == head.tokenizer(text)["input_ids"]


def added(*, special: tuple[str, ...] = (), plain: tuple[str, ...] = ()) -> Any:
    tokenizer = tiny._byte_level(roberta_specials=True)
    tokenizer.add_special_tokens({"additional_special_tokens": list(special)})
    tokenizer.add_tokens([AddedToken(one, special=False, normalized=False) for one in plain])
    return tokenizer


def test_added_tokens_that_are_not_called_special() -> None:
    tokenizer = added(plain=("<tool_call>", "\n\n", "bitcoin", "<h1>", "[multimodal]", "<think>"))
    assert "<tool_call>" in tokenizer.tokenize("a<tool_call>b", split_special_tokens=True)
    found = pieces(tokenizer, "<tool_call>\n\nbitcoin<h1>[multimodal]<think>")
    assert [one for one in found if len(one) > 4] == ["bitcoin"]
    assert {"\n\n", "<h1>"} <= set(found)
    for text in ("\n\n", "bitcoin", "<h1>"):
        assert read(tokenizer, text) == [tokenizer.convert_tokens_to_ids(text)]


def test_what_a_template_writes_is_control() -> None:
    tokenizer = added(plain=("<h1>", "Human:", "word"))
    assert not {"<h1>", "Human:", "word"} & set(control_tokens(tokenizer))
    tokenizer.chat_template = "{{ '<h1>' + 'Human: word' }}"
    assert {"<h1>", "Human:", "word"} & set(control_tokens(tokenizer)) == {"<h1>", "Human:"}


def test_unigram_finds_no_control_token_in_its_own_vocabulary(load: Callable[[str], Any]) -> None:
    tokenizer = load("t5").tokenizer
    assert "</s>" in tokenizer.tokenize("a</s>b", split_special_tokens=True)
    assert "".join(pieces(tokenizer, "a</s>b <pad>")) == "▁a<unk>s<unk>b▁<unk>pad<unk>"  # it knows no brackets
    assert not {0, 1} & set(read(tokenizer, "a</s>b <pad></s>"))
    assert tokenizer("a</s>b")["input_ids"].count(1) == 2
    assert tokenizer.convert_ids_to_tokens([0, 1, 2]) == ["<pad>", "</s>", "<unk>"]


@pytest.mark.parametrize("kind", ["words", "merges"])
def test_other_vocabularies_that_hold_control_tokens(kind: str) -> None:
    vocabulary = {"<unk>": 0, "</s>": 1, "a": 2, "<": 3, "/": 4, "s": 5, ">": 6, "</": 7, "s>": 8}
    if kind == "words":
        backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
        backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    else:
        merges = [("<", "/"), ("s", ">"), ("</", "s>")]
        backend = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", unk_token="<unk>")
    text = "a </s> a"
    assert 1 in tokenizer(text, split_special_tokens=True)["input_ids"]
    assert 1 not in read(tokenizer, text)
    assert read(tokenizer, "a")[0] == 2


def test_a_vocabulary_without_an_unknown_token() -> None:
    vocabulary = {"a": 0, "</s>": 1, "<": 2, "/": 3, "s": 4, ">": 5, "</": 6, "s>": 7, "aa": 8}
    merges = [("<", "/"), ("s", ">"), ("</", "s>"), ("a", "a")]
    backend = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>")
    assert 1 in tokenizer("a</s>", split_special_tokens=True)["input_ids"]
    assert read(tokenizer, "aa</s>") == [8, 6, 7]


def test_two_brackets_are_text_and_three_characters_a_token() -> None:
    assert {"<>", "<x>"} & set(control_tokens(added(plain=("<>", "<x>")))) == {"<x>"}


@pytest.mark.parametrize("option", ["lstrip", "rstrip", "single_word"])
def test_words_that_were_added_keep_their_options(option: str) -> None:
    tokenizer = added()
    tokenizer.add_tokens([AddedToken("bitcoin", special=False, **{option: True})])
    text = "a  bitcoin  b abitcoinb"
    assert read(tokenizer, text) == tokenizer(text, add_special_tokens=False)["input_ids"]


def test_a_kept_token_is_meant() -> None:
    tokenizer = added()
    assert pieces(tokenizer, "a<mask></s>", kept=["<mask>"]) == ["a", "<mask>", "<", "/", "s", ">"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_left_behind(load: Callable[[str], Any], name: str) -> None:
    head = load(name)
    token = head.tokenizer.eos_token or head.tokenizer.sep_token
    before = head.tokenizer(f"a {token} b")["input_ids"]
    with head.literally:
        assert head.tokenizer(f"a {token} b")["input_ids"] != before
    with pytest.raises(ValueError, match="must be"), head.literally:
        head.tokenizer(1)
    assert head.tokenizer(f"a {token} b")["input_ids"] == before
    assert head.tokenize_template(f"a {token} b") == before
    assert not head.tokenizer.split_special_tokens


def test_threads_take_turns(load: Callable[[str], Any]) -> None:
    head = load("roberta")
    text = "I love </s> <mask> it"
    expected = {head.tokenize: head.tokenize(text), head.tokenize_template: head.tokenize_template(text)}
    assert len({tuple(ids) for ids in expected.values()}) == 2
    wrong: list[Any] = []

    def ask(way: Any) -> None:
        wrong.extend(ids for ids in (way(text) for _ in range(200)) if ids != expected[way])

    threads = [threading.Thread(target=ask, args=(way,)) for way in (*expected, *expected)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert not wrong
