"""Tokens as people can read them, of each kind of tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import transformers
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers

from bot.inference.checkpoints.loading import load_head
from tests.support import CPU

KINDS = ["distilbert", "roberta", "llama", "t5", "bart_mnli", "marian", "m2m100", "nllb"]


@pytest.mark.parametrize("name", KINDS)
def test_plain_words(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    tokens = head.tokens(head.tokenize("I love apples and lemons"))
    words = [token for token in tokens if not token.special]
    text = "".join(f" {token.text}" if token.starts_word else token.text for token in words)
    assert text.strip().lower() == "i love apples and lemons"
    assert sum(token.starts_word for token in words) == 5
    assert [token.id for token in tokens] == head.tokenize("I love apples and lemons")


def test_special_tokens_are_marked(load: Callable[[str], Any]) -> None:
    head = load("distilbert")
    tokens = head.tokens(head.tokenize("I love"))
    assert [token.text for token in tokens if token.special] == ["[CLS]", "[SEP]"]


def test_parts_of_characters_are_readable(load: Callable[[str], Any]) -> None:
    head = load("roberta")
    tokens = head.tokens(head.tokenize("語", add_special_tokens=False))
    assert "".join(token.text for token in tokens) == "<E8><AA><9E>"


@pytest.mark.parametrize("name", ["roberta", "llama"])
def test_a_line_break_continues_no_word_and_neither_does_what_follows_it(name: str, load: Callable[[str], Any]) -> None:
    head = load(name)
    tokens = head.tokens(head.tokenize("love\nlove", add_special_tokens=False))
    [place] = [place for place, token in enumerate(tokens) if "\n" in token.text]
    assert place >= 1
    assert tokens[place].starts_word
    assert tokens[place + 1].starts_word
    assert not all(token.starts_word for token in head.tokens(head.tokenize("lovelove", add_special_tokens=False)))


def test_ids_beyond_the_vocabulary(load: Callable[[str], Any]) -> None:
    [token] = load("roberta").tokens([10**6])
    assert token.text == "<1000000>"


@pytest.mark.parametrize("name", ["roberta", "llama"])
@given(text=st.text(max_size=40))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text(name: str, load: Callable[[str], Any], text: str) -> None:
    head = load(name)
    ids = head.tokenize(text)
    assert [token.id for token in head.tokens(ids)] == ids
    for token in head.tokens(ids):
        token.text.encode("utf-8")


def byte_fallback() -> Any:
    """A tokenizer as Llama 2 and Gemma have it: characters that it does not know are written in bytes."""
    specials = ["<unk>", "<s>", "</s>"]
    pieces = [*specials, *(f"<0x{byte:02X}>" for byte in range(256)), "\u2581", *"abcdefghijklmnopqrstuvwxyz\ufffd"]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [], unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    )


@pytest.fixture(scope="module", params=["byte-level", "byte fallback"])
def writer(request: pytest.FixtureRequest, checkpoints: Mapping[str, Path]) -> Any:
    """A head whose tokens may be parts of characters, of both kinds that there are."""
    head = load_head(checkpoints["llama"], CPU)
    if request.param == "byte fallback":
        head.tokenizer = byte_fallback()
    return head


class TestWholeCharacters:
    @given(text=st.text(alphabet="ab é日🦩👩\u200d🚀\ufffd", min_size=1, max_size=12).map("x".__add__), data=st.data())
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_the_whole_characters_of_a_text_that_is_cut(self, writer: Any, text: str, data: st.DataObject) -> None:
        ids = writer.tokenize(text, add_special_tokens=False)
        assert writer.decode_whole(ids) == text  # a replacement character that somebody wrote is whole
        assert writer.whole_tokens(ids) == len(ids)
        number = data.draw(st.integers(0, len(ids)))
        shown = writer.decode_whole(ids[:number])
        assert text.startswith(shown)
        assert writer.decode_whole(ids[: writer.whole_tokens(ids[:number])]) == shown
        longer = [one for one in range(number + 1) if len(writer.decode_whole(ids[:one])) > len(shown)]
        assert not longer

    @pytest.mark.parametrize("end", ["", "</s>"])
    def test_a_half_character_after_a_whole_one(self, writer: Any, end: str) -> None:
        """Row C1: of two birds, the second is written by half. A tokenizer with byte fallback loses the first then."""
        ids = writer.tokenize("bird 🦩🦩", add_special_tokens=False)
        ending = [writer.tokenizer.eos_token_id] if end else []
        for missing in (1, 2, 3):
            assert writer.decode_whole([*ids[:-missing], *ending]) == "bird 🦩"
            assert writer.whole_tokens(ids[:-missing]) == len(ids) - 4

    def test_bytes_that_can_never_be_a_character(self, writer: Any) -> None:
        ids = writer.tokenize("x日", add_special_tokens=False)
        assert writer.decode_whole([ids[0], *ids[-1:] * 3]) == writer.decode_whole(ids[:1])
        letter = writer.tokenize("yx", add_special_tokens=False)[-1]
        assert writer.decode_whole([*ids[:-1], letter]).endswith("\ufffdx")  # others followed: they stay

    @given(ids=st.lists(st.integers(0, 300), max_size=8))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_any_tokens(self, writer: Any, ids: list[int]) -> None:
        ids = [token for token in ids if token < len(writer.tokenizer)]
        kept = writer.whole_tokens(ids)
        assert 0 <= kept <= len(ids)
        whole, written = writer.decode_whole(ids), writer.decode(ids)
        assert (whole == written) == (kept == len(ids))
        if not written.endswith("\ufffd"):
            assert whole == written
