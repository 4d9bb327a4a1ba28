"""Literal tokenization: no part of a text that people type becomes a control token."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from types import TracebackType

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import Model
from transformers import PreTrainedTokenizerBase, TokenizersBackend

_MARKUP = re.compile(r"[<\[{(>|«【].*[>\])}<|»】]", re.DOTALL)
_ELEMENT = re.compile(
    r"</?(?:a|b|blockquote|body|caption|code|div|em|footer|h[1-6]|html|i|iframe|img|li|ol|p|pre|s|span|strong|sub|sup"
    r"|table|tbody|td|tfoot|th|thead|tr|u|ul)>"
)
"""HTML elements, which are text; Gemma's vocabulary holds them."""
_PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_BLANK: dict[str, object] = {"version": "1.0", "added_tokens": [], **dict.fromkeys((*_PARTS, "truncation", "padding"))}


def control_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """Return a tokenizer's control tokens with their ids.

    These are the special tokens, and those added tokens that the chat template writes or that look like special ones
    (`<tool_call>`, `[multimodal]`).
    """
    template = str(tokenizer.chat_template or "")
    named = set(tokenizer.all_special_tokens)
    found = {
        token.content: number
        for number, token in tokenizer.added_tokens_decoder.items()
        if token.special or token.content in named or _is_control(token.content, template)
    }
    languages: Mapping[str, int] = getattr(tokenizer, "lang_token_to_id", None) or {}
    return {**languages, **found}


def _is_control(content: str, template: str) -> bool:
    if not content.strip() or content.isalnum():  # white space and words that were added to a vocabulary are text
        return False
    return content in template or (
        _MARKUP.fullmatch(content) is not None and _ELEMENT.fullmatch(content) is None and len(content) > 2
    )


class LiteralMode:
    """A mode in which a tokenizer reads everything as text: `with mode: …` locks the tokenizer and switches it.

    The tokenizer still adds tokens around a text, such as [CLS].

    Args:
        lock: taken by every user of the tokenizer.
        kept: control tokens that are still recognised, such as masks. Slow tokenizers keep none.
    """

    # A tokenizer searches for its added tokens first, so `</s>` in a message would be the token that ends a text.
    # transformers' `split_special_tokens` turns that off, except for added tokens that are not declared special (Qwen's
    # `<tool_call>`) and those that the vocabulary itself holds as pieces (Unigram's). `_backend` handles both.

    def __init__(self, tokenizer: PreTrainedTokenizerBase, lock: threading.Lock, *, kept: Collection[str] = ()) -> None:
        # `vars`, because the tokenizer's `__setattr__` searches the special tokens and takes longer than all the rest.
        self._attributes = vars(tokenizer)
        self._lock = lock
        self._inside: dict[str, object] = {"split_special_tokens": True}
        if isinstance(tokenizer, TokenizersBackend):
            self._inside["_tokenizer"] = _backend(tokenizer, frozenset(kept))
        self._outside = {name: self._attributes[name] for name in self._inside}

    def __enter__(self) -> None:
        self._lock.acquire()
        self._attributes.update(self._inside)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._attributes.update(self._outside)
        self._lock.release()


def _backend(tokenizer: TokenizersBackend, kept: frozenset[str]) -> Tokenizer:
    """Return a copy of the tokenizer's backend that finds no control token in a text."""
    whole: Tokenizer = tokenizer.backend_tokenizer
    control = control_tokens(tokenizer)
    literal = Tokenizer(whole.model)
    for part in _PARTS:
        if (found := getattr(whole, part)) is not None:
            setattr(literal, part, found)
    # In the order of their ids, so that each keeps its id; in groups, because each call indexes all of them anew.
    added = [token for _, token in sorted(whole.get_added_tokens_decoder().items())]
    for is_hidden, group in groupby(added, lambda token: token.content in control and token.content not in kept):
        add = literal.add_special_tokens if is_hidden else literal.add_tokens
        add([_as_special(token, is_hidden) for token in group])
    literal.encode_special_tokens = True
    unknown = tokenizer.unk_token_id
    if _finds(literal, {text: number for text, number in control.items() if text not in kept and number != unknown}):
        literal.model = _without(whole.model, control)
    return literal


def _as_special(token: AddedToken, special: bool) -> AddedToken:
    options = {name: getattr(token, name) for name in ("single_word", "lstrip", "rstrip", "normalized")}
    return AddedToken(token.content, **options, special=special)


def _finds(backend: Tokenizer, control: Mapping[str, int]) -> bool:
    """Return whether a backend finds control tokens in a text, because its vocabulary holds them."""
    texts = [(text, number) for content, number in control.items() for text in (content, f"a {content} b")]
    encodings = backend.encode_batch_fast([text for text, _ in texts], add_special_tokens=False)
    return any(number in encoding.ids for encoding, (_, number) in zip(encodings, texts, strict=True))


def _without(model: Model, control: Iterable[str]) -> Model:
    """Return a copy of a model that finds no control token in a text; every other piece keeps its id."""
    state = json.loads(model.__getstate__())
    unknown = state.get("unk_token")
    hidden = {content for content in control if content != unknown}
    if state["type"] == "Unigram":
        # A piece's id is its index, so it is renamed rather than removed. No text contains noncharacters.
        state["vocab"] = [
            [f"\ufdd0{index}" if piece in hidden else piece, score]
            for index, (piece, score) in enumerate(state["vocab"])
        ]
    else:
        state["vocab"] = {piece: number for piece, number in state["vocab"].items() if piece not in hidden}
        if "merges" in state:
            state["merges"] = [pair for pair in state["merges"] if not hidden & {*pair, "".join(pair)}]
    copy: Model = Tokenizer.from_str(json.dumps({**_BLANK, "model": state})).model
    return copy
