"""What people type is text: no character of it is read as a control token.

A tokenizer looks for its added tokens before it reads anything else, so `</s>` in a message is the token that ends a
text. transformers' `split_special_tokens` turns that off, but not for added tokens that are not called special (such as
Qwen's `<tool_call>`), and not where the vocabulary itself holds them as pieces (as Unigram's does). Both are seen to
here.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from types import TracebackType
from typing import Any

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import Model
from transformers import PreTrainedTokenizerBase, TokenizersBackend

_MARKUP = re.compile(r"[<\[{(>|«【].*[>\])}<|»】]", re.DOTALL)
_ELEMENT = re.compile(
    r"</?(?:a|b|blockquote|body|caption|code|div|em|footer|h[1-6]|html|i|iframe|img|li|ol|p|pre|s|span|strong|sub|sup"
    r"|table|tbody|td|tfoot|th|thead|tr|u|ul)>"
)
"""Gemma's vocabulary holds the elements of HTML, which are text."""
_PARTS = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
_BLANK: Mapping[str, Any] = {
    "version": "1.0",
    "truncation": None,
    "padding": None,
    "added_tokens": [],
    **dict.fromkeys(_PARTS),
}


def control_tokens(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    """The tokens that tell a model something which is no text, with their ids.

    They are the special tokens; of the other added tokens those that the chat template writes, or that are written
    like them (`<tool_call>`, `[multimodal]`). White space and words that were added to a vocabulary are text.
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
    if not content.strip() or content.isalnum():
        return False
    return content in template or (
        _MARKUP.fullmatch(content) is not None and _ELEMENT.fullmatch(content) is None and len(content) > 2
    )


class Literally:
    """Holds a tokenizer for one thread, and has it read everything as text meanwhile.

    The tokens that a tokenizer puts around a text by itself, such as [CLS], remain. So do its own ways: whoever asks it
    asks the same object.

    Args:
        tokenizer: whose `__call__` reads text within the `with` statement.
        lock: that everybody takes who uses the tokenizer.
        kept: control tokens that are meant nevertheless, as masks are. Slow tokenizers keep none.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, lock: threading.Lock, *, kept: Collection[str] = ()) -> None:
        # Both attributes are set without `__setattr__`, which looks for special tokens and takes longer than all else.
        self._attributes = vars(tokenizer)
        self._lock = lock
        self._inside: dict[str, Any] = {"split_special_tokens": True}
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
    """A backend that shares everything with the tokenizer's own, but finds no control token in a text."""
    whole: Tokenizer = tokenizer.backend_tokenizer
    control = control_tokens(tokenizer)
    literal = Tokenizer(whole.model)
    for part in _PARTS:
        if (found := getattr(whole, part)) is not None:
            setattr(literal, part, found)
    # Each keeps its id, because they are added in the order of their ids, as when the tokenizer was read; and together,
    # because the backend indexes all of them anew each time.
    added = [token for _, token in sorted(whole.get_added_tokens_decoder().items())]
    for is_passed_over, some in groupby(added, lambda one: one.content in control and one.content not in kept):
        add = literal.add_special_tokens if is_passed_over else literal.add_tokens
        add([_as_special(token, is_passed_over) for token in some])
    literal.encode_special_tokens = True
    if _reads(literal, {content: number for content, number in control.items() if content not in kept}, tokenizer):
        literal.model = _without(whole.model, control)
    return literal


def _as_special(token: AddedToken, special: bool) -> AddedToken:
    return AddedToken(
        token.content,
        single_word=token.single_word,
        lstrip=token.lstrip,
        rstrip=token.rstrip,
        normalized=token.normalized,
        special=special,
    )


def _reads(backend: Tokenizer, control: Mapping[str, int], tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the vocabulary itself holds control tokens, and finds them in a text."""
    looked_for = [(content, number) for content, number in control.items() if number != tokenizer.unk_token_id]
    texts = [text for content, _ in looked_for for text in (content, f"a {content} b")]
    numbers = [number for _, number in looked_for for _ in range(2)]
    read = backend.encode_batch_fast(texts, add_special_tokens=False)
    return any(number in one.ids for one, number in zip(read, numbers, strict=True))


def _without(model: Model, control: Iterable[str]) -> Model:
    """A copy of a model that finds no control token in a text; every other piece keeps its id."""
    state = json.loads(model.__getstate__())
    unknown = state.get("unk_token")
    hidden = {content for content in control if content != unknown}
    if state["type"] == "Unigram":
        # A piece's id is its place, so it stays there, under a name that no text has: noncharacters are no text.
        state["vocab"] = [
            [f"\ufdd0{place}" if piece in hidden else piece, score]
            for place, (piece, score) in enumerate(state["vocab"])
        ]
    else:
        state["vocab"] = {piece: number for piece, number in state["vocab"].items() if piece not in hidden}
        if "merges" in state:
            state["merges"] = [pair for pair in state["merges"] if not hidden & {*pair, "".join(pair)}]
    found: Model = Tokenizer.from_str(json.dumps({**_BLANK, "model": state})).model
    return found
