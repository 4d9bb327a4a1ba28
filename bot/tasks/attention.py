"""`/attention`: which token looks at which?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.languages.lookup import find_language
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.operations import Row, TaskRun
from bot.inference.requests import Request
from bot.inference.task import HeadKind, Task
from bot.inference.tokenization.tokens import Token
from bot.tasks.attention_view import ANY_VIEW, AttentionView, Shown, shown
from bot.text.accepted import clean_text
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderHead
    from bot.inference.heads.head import Head
    from bot.inference.heads.inspection.attention import AttentionInput
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

MOST_TOKENS = 40
"""Of each side: what a picture has room for. Of a longer text the beginning is read, because weights that point to
tokens that are not shown could not be understood."""
LONGEST_SECOND = 400
"""Characters."""
DEFAULT_TASK = "sentiment"

_NO_ROOM = f"I can show {MOST_TOKENS} tokens, and `second` leaves no room for the text. Please shorten it."


@dataclass(frozen=True, eq=False)
class AttentionResult:
    """One matrix of attention weights, and what else could be shown.

    Attributes:
        queries: the tokens that look.
        keys: the tokens that are looked at.
        shown: the weights, (queries, keys), and where in the model they are from.
        shortened: whether the end of a text was left out.
    """

    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    shown: Shown
    shortened: bool


@dataclass(frozen=True)
class AttentionRequest(Request[AttentionResult]):
    """A text, and a place in a model; raises `InvalidRequest` where one of them cannot be used.

    Attributes:
        task: whose checkpoint reads it.
        view: what is shown.
        second: the second text of a pair (such as a hypothesis); for an encoder-decoder what the decoder reads, where
            it is not to be the model's own translation.
        target: for checkpoints that translate: into which language; None for any that they know.
        source: for the same: from which one.
    """

    text: str
    task: str = DEFAULT_TASK
    view: AttentionView = ANY_VIEW
    second: str | None = None
    target: str | None = None
    source: str = "en"

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", clean_text(self.text))
        if self.second is not None:
            object.__setattr__(self, "second", clean_text(self.second, "second text", LONGEST_SECOND))
        if self.target is not None:
            object.__setattr__(self, "target", find_language(self.target).code)
        object.__setattr__(self, "source", find_language(self.source).code)

    @property
    def checkpoint(self) -> str:
        """The one that was chosen."""
        return self.task


@dataclass(frozen=True)
class _Read:
    """What a model reads for a request.

    Attributes:
        decoder: token ids of the decoder's side; empty for models without a second side.
    """

    inputs: AttentionInput
    decoder: tuple[int, ...]
    shortened: bool


def of_encoder(head: EncoderHead, request: AttentionRequest) -> TaskRun[AttentionResult]:
    """By an encoder, which reads one text or a pair."""
    from bot.inference.heads.inspection.attention import AttentionInput

    _refuse_languages(request)
    if request.second is not None and len(head.tokenize(request.second)) > MOST_TOKENS:
        raise InvalidRequest(_NO_ROOM)
    text, shortened = _fitting(head, request.text, lambda text: len(head.encode(text, request.second).inputs.ids))
    read = head.encode(text, request.second).inputs
    inputs = AttentionInput(read.ids, read.type_ids)
    # BART's classifier gives its decoder the same text, one place later.
    decoder = (_start(head), *read.ids[:-1]) if head.model.config.is_encoder_decoder else ()
    return (yield from _weights(head, request, _Read(inputs, decoder, shortened)))


def of_decoder(head: CausalLM, request: AttentionRequest) -> TaskRun[AttentionResult]:
    """By a causal language model, which reads one text from left to right."""
    from bot.inference.heads.inspection.attention import AttentionInput

    _refuse_languages(request)
    if request.second is not None:
        raise InvalidRequest("This checkpoint reads a single text. Please leave `second` out.")
    ids = head.encode(request.text)
    most = min(MOST_TOKENS, head.context_length)
    return (yield from _weights(head, request, _Read(AttentionInput(ids[:most]), (), len(ids) > most)))


def of_encoder_decoder(head: Seq2SeqLM, request: AttentionRequest) -> TaskRun[AttentionResult]:
    """By an encoder-decoder: the encoder reads the text, the decoder what was written of it, or `second`."""
    from bot.inference.heads.inspection.attention import AttentionInput

    encode = _source_encoder(head, request)
    text, shortened = _fitting(head, request.text, lambda text: len(encode(text).inputs.ids))
    source = encode(text)
    if request.second is None:
        [written] = yield from head.rewrite([source])
    else:
        written = tuple(head.tokenize(text_target=request.second, add_special_tokens=False))
    ends = head.end_ids
    until_end = [place for place, token in enumerate(written) if token in ends]
    kept = tuple(written[: until_end[0]] if until_end else written)
    decoder = (*source.inputs.start, *kept)
    shortened |= len(decoder) > MOST_TOKENS
    inputs = AttentionInput(source.inputs.ids, None, decoder[:MOST_TOKENS])
    return (yield from _weights(head, request, _Read(inputs, inputs.decoder_ids, shortened)))


def _source_encoder(head: Seq2SeqLM, request: AttentionRequest) -> Callable[[str], Row[Any]]:
    """How a text becomes a row for `rewrite`, in the form that the checkpoint's own command gives it."""
    from bot.tasks.translate import encode

    if request.task != "translate":
        _refuse_languages(request)
        return lambda text: head.encode(text, max_new_tokens=MOST_TOKENS)
    source, target = _pair(head.languages, request)

    def encoded(text: str) -> Row[Any]:
        inputs = replace(encode(head, text, source, target).inputs, max_new_tokens=MOST_TOKENS)
        return Row(inputs, len(inputs.ids) + MOST_TOKENS)

    return encoded


def _pair(known: LanguagePairs, request: AttentionRequest) -> tuple[str, str]:
    from bot.tasks.translate import TranslateRequest

    if request.target is not None:
        return TranslateRequest("a", request.target, request.source).pair(known)
    source = request.source if known.into(request.source) else min(known.sources(), default=request.source)
    into = known.into(source)
    return source, "de" if "de" in into else min(into, default=source)


def _weights(head: Head, request: AttentionRequest, read: _Read) -> TaskRun[AttentionResult]:
    [attentions] = yield from head.attention([read.inputs.row])
    if not attentions:
        raise ModelUnavailable("This checkpoint's architecture has no attention weights that I could show.")
    found = shown(attentions, request.view)
    encoder, decoder = read.inputs.ids, read.decoder or read.inputs.ids
    queries, keys = {
        Part.ENCODER: (encoder, encoder),
        Part.DECODER: (decoder, decoder),
        Part.CROSS: (decoder, encoder),
    }[found.part]
    return AttentionResult(head.tokens(queries), head.tokens(keys), found, read.shortened)


def _fitting(head: Head, text: str, tokens: Callable[[str], int]) -> tuple[str, bool]:
    """As much of a text as is read, and whether that is less than all.

    Args:
        tokens: how many are read in all if the text is this.
    """
    if tokens(text) <= MOST_TOKENS:
        return text, False
    plain = head.tokenize(text, add_special_tokens=False, truncation=True, max_length=MOST_TOKENS)

    def beginning(number: int) -> str:
        return head.decode(plain[:number]).strip(REPLACEMENT_CHARACTER).strip()

    fitting = bisect_right(range(len(plain) + 1), MOST_TOKENS, key=lambda number: tokens(beginning(number))) - 1
    if fitting < 1:
        raise InvalidRequest(_NO_ROOM)
    return beginning(fitting), True


def _start(head: Head) -> int:
    return int(head.model.config.decoder_start_token_id)


def _refuse_languages(request: AttentionRequest) -> None:
    if request.target is not None:
        raise InvalidRequest("Only checkpoints that translate need a language. Please leave `to` out.")


_ENCODERS = (
    HeadKind.SEQUENCE_CLASSIFIER,
    HeadKind.MASKED_LM,
    HeadKind.TOKEN_CLASSIFIER,
    HeadKind.EMBEDDER,
    HeadKind.QUESTION_ANSWERING,
)

TASK = Task(
    "attention",
    AttentionRequest,
    {
        **dict.fromkeys(_ENCODERS, of_encoder),
        HeadKind.CAUSAL_LM: of_decoder,
        HeadKind.SEQ2SEQ_LM: of_encoder_decoder,
    },
    weight=64,
)
