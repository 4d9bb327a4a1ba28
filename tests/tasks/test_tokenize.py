"""`/tokenize` against the tokenizers themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bot.errors import InvalidRequest
from bot.inference.operations import run_task
from bot.tasks.tokenize import TASK, TokenizeRequest, TokenizeResult
from tests.tiny import BUILDERS, TEXTS

PADDED = sorted(set(BUILDERS) - {"gpt2", "gpt_neo", "llama"})
"""Those whose tokenizer has a padding token."""


def tokenized(head: Any, *texts: str) -> TokenizeResult:
    result: TokenizeResult = run_task(TASK.start(head, TokenizeRequest(texts)))
    return result


def prepared(head: Any) -> Any:
    """The tokenizer, told that texts are in English where it has to be."""
    tokenizer = head.tokenizer
    if hasattr(tokenizer, "src_lang"):
        tokenizer.src_lang = "eng_Latn" if "eng_Latn" in tokenizer.all_special_tokens else "en"
    return tokenizer


@pytest.mark.parametrize("name", PADDED)
def test_the_batch_is_the_tokenizers_own(load: Callable[[str], Any], name: str) -> None:
    head = load(name)
    texts = [*TEXTS, "word " * 600]  # the last one exceeds every limit but that of T5

    result = tokenized(head, *texts)

    limit = {} if head.tokenizer.model_max_length == head.context_length else {"max_length": head.context_length}
    direct = prepared(head)(texts, padding=True, truncation=True, return_tensors="pt", **limit)
    assert [list(row) for row in result.input_ids] == direct["input_ids"].tolist()
    assert [list(row) for row in result.attention_mask] == direct["attention_mask"].tolist()
    assert result.shape == tuple(direct["input_ids"].shape)
    assert result.padding_side == head.tokenizer.padding_side
    assert result.padding is not None
    assert result.padding.text == head.tokenizer.pad_token
    whole = head.tokenizer(texts)["input_ids"]
    assert [text.left_out for text in result.texts] == [
        len(all_of_it) - len(text.tokens) for all_of_it, text in zip(whole, result.texts, strict=True)
    ]
    assert result.texts[-1].left_out > 0


@pytest.mark.parametrize("name", PADDED)
def test_padding_on_the_left(load: Callable[[str], Any], name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    head = load(name)
    monkeypatch.setattr(head.tokenizer, "padding_side", "left")

    result = tokenized(head, *TEXTS[:3])

    direct = prepared(head)(TEXTS[:3], padding=True)
    assert [list(row) for row in result.input_ids] == direct["input_ids"]
    assert [list(row) for row in result.attention_mask] == direct["attention_mask"]
    assert result.padding_side == "left"
    assert result.attention_mask[1][0] == 0


def test_a_tokenizer_without_a_padding_token(load: Callable[[str], Any]) -> None:
    head = load("llama")
    assert head.tokenizer.pad_token_id is None

    result = tokenized(head, *TEXTS)

    for text, ids, mask in zip(TEXTS, result.input_ids, result.attention_mask, strict=True):
        own = head.tokenizer(text)["input_ids"]
        assert list(ids[: len(own)]) == own
        assert mask == (1,) * len(own) + (0,) * (result.shape[1] - len(own))
        assert set(ids[len(own) :]) <= {result.padding_id}
    assert result.padding is None


def test_special_tokens_and_word_starts(load: Callable[[str], Any]) -> None:
    head = load("distilbert")

    [text] = tokenized(head, "I love lemons").texts

    assert [token.id for token in text.tokens if token.special] == [
        head.tokenizer.cls_token_id,
        head.tokenizer.sep_token_id,
    ]
    joined = "".join(f" {one.text}" if one.starts_word else one.text for one in text.tokens if not one.special)
    assert joined == " i love lemons"
    assert text.characters_per_token == len("I love lemons") / (len(text.tokens) - 2)
    assert text.left_out == 0


def test_what_is_cut_off_has_no_length_of_a_token(load: Callable[[str], Any]) -> None:
    [text] = tokenized(load("distilbert"), "word " * 600).texts

    assert len(text.tokens) == 128
    assert text.characters_per_token is None


def test_somebody_elses_language_is_not_taken(load: Callable[[str], Any]) -> None:
    head = load("nllb")
    head.encode("Hallo", max_new_tokens=1, source="deu_Latn")

    [text] = tokenized(head, "Hello").texts

    assert [token.text for token in text.tokens if token.special] == ["eng_Latn", "<unk>", "</s>"]
    assert text.of_text == len(text.tokens) - 2


@pytest.mark.parametrize("text", ["😀👍🏽", "...", "e\u0301\u200d", "مرحبا", "\ud800a"])
def test_odd_texts(load: Callable[[str], Any], text: str) -> None:
    assert tokenized(load("roberta"), text).texts[0].tokens


class TestRequest:
    def test_a_text_for_each_line(self) -> None:
        request = TokenizeRequest.of_lines("apples are sour.\r\n\n  We have promises to keep.\n", "fill")

        assert request.texts == ("apples are sour.", "  We have promises to keep.")
        assert request.checkpoint == "fill"

    @pytest.mark.parametrize("between", ["", "\x00", "\x92", "\ud800"])
    def test_what_was_apart_is_one_letter(self, between: str) -> None:
        """It was made NFC first, and was none any more without what stood between."""
        assert TokenizeRequest((f"e{between}\u0301",)).texts == ("é",)

    @pytest.mark.parametrize(
        ("text", "sentence"),
        [
            (" \n\t\n", "There is no text."),
            ("\x00\x07", "There is no text."),
            ("a\n" * 13, "These are 13 texts, and I can show 12."),
            ("a" * 3000 + "\n" + "b" * 3000, "The texts have 6,000 characters together"),
        ],
    )
    def test_what_cannot_be_read(self, text: str, sentence: str) -> None:
        with pytest.raises(InvalidRequest) as refused:
            TokenizeRequest.of_lines(text, "fill")

        assert sentence in refused.value.sentence
