"""`/attention`: which token looks at which?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest, ModelUnavailable
from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.heads.inspection.worked_attention import Steps
from bot.inference.languages.lookup import find_language
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.operations import Row, TaskRun
from bot.inference.requests import Result
from bot.inference.task import HeadKind, Implementation, Task
from bot.inference.tokenization.tokens import Token
from bot.locales.message import later
from bot.tasks.attention_masks import WhoSeesWhom, who_sees_whom
from bot.tasks.attention_opened import opened
from bot.tasks.attention_sink import Sink
from bot.tasks.attention_view import ANY_VIEW, AttentionView, Heads, Shown, shown
from bot.tasks.text_request import TextRequest
from bot.tasks.translate import TranslateRequest, encode
from bot.text.accepted import clean_text
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderHead
    from bot.inference.heads.generation.source_text import SourceText
    from bot.inference.heads.head import Head
    from bot.inference.heads.inspection.hidden_states import Reading
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

# Of each side: as many as fit into a picture. The model reads no more than these, because weights that point to
# tokens outside the picture would be confusing.
MOST_TOKENS = 40
LONGEST_SECOND = 400
DEFAULT_TASK = "sentiment"

_NO_ROOM = later(
    "I can show {most_tokens} tokens, and `second` leaves no room for the text. Please shorten it.",
    most_tokens=MOST_TOKENS,
)


@dataclass(frozen=True, eq=False)
class AttentionResult(Result):
    """A matrix of attention weights with its tokens, (queries, keys)."""

    queries: tuple[Token, ...]
    keys: tuple[Token, ...]
    shown: Shown
    shortened: bool
    """The end of a text was left out."""
    steps: Steps | None = None
    """Of a weight that is worked out, and of how much arrives."""
    sink_by_weight: Sink | None = None
    """Of how much arrives: the token that gets most of the weight."""
    seen: WhoSeesWhom | None = None
    """Of `Heads.MASKS`."""


@dataclass(frozen=True)
class AttentionRequest(TextRequest[AttentionResult]):
    """A text, and a matrix of a model's attention weights; raises `InvalidRequest` if one of them cannot be used."""

    task: str = DEFAULT_TASK
    """The task whose checkpoint is used."""
    view: AttentionView = ANY_VIEW
    second: str | None = None
    """The second text of a pair, such as a hypothesis. The decoder of an encoder-decoder reads it instead of the
    model's own output."""
    target: str | None = None
    """Target language for checkpoints that translate; None for any that they know."""
    source: str = "en"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.second is not None:
            object.__setattr__(self, "second", clean_text(self.second, "second text", LONGEST_SECOND))
        if self.target is not None:
            object.__setattr__(self, "target", find_language(self.target).code)
        object.__setattr__(self, "source", find_language(self.source).code)

    @property
    def checkpoint_task(self) -> str:
        """The task whose checkpoint is used."""
        return self.task


def of_encoder(head: EncoderHead, request: AttentionRequest) -> TaskRun[AttentionResult]:
    """Answer by an encoder, which reads a text or a pair of texts."""
    from bot.inference.heads.inspection.hidden_states import Reading

    _refuse_languages(request)
    if request.second is not None and len(head.tokenize(request.second)) > MOST_TOKENS:
        raise InvalidRequest(_NO_ROOM)
    text, shortened = _fitting(head, request.text, lambda text: len(head.encode(text, request.second).inputs.ids))
    read = head.encode(text, request.second).inputs
    inputs = Reading(read.ids, read.type_ids)
    # BART's classifier gives its decoder the same text, shifted by one position.
    config = head.model.config
    decoder = (int(config.decoder_start_token_id), *read.ids[:-1]) if config.is_encoder_decoder else ()
    return (yield from _weights(head, request, inputs, decoder, shortened=shortened))


def of_decoder(head: CausalLM, request: AttentionRequest) -> TaskRun[AttentionResult]:
    """Answer by a causal language model."""
    from bot.inference.heads.inspection.hidden_states import Reading

    _refuse_languages(request)
    if request.second is not None:
        raise InvalidRequest(later("This checkpoint reads a single text. Please leave `second` out."))
    ids = head.encode(request.text)
    most = min(MOST_TOKENS, head.context_length)
    return (yield from _weights(head, request, Reading(ids[:most]), shortened=len(ids) > most))


def of_encoder_decoder(head: Seq2SeqLM, request: AttentionRequest) -> TaskRun[AttentionResult]:
    """Answer by an encoder-decoder, whose decoder reads `second` or the model's own output."""
    from bot.inference.heads.inspection.hidden_states import Reading

    encode = _source_encoder(head, request)
    text, shortened = _fitting(head, request.text, lambda text: len(encode(text).inputs.ids))
    source = encode(text)
    if request.second is None:
        [written] = yield from head.rewrite([source])
    else:
        written = tuple(head.tokenize(text_target=request.second, add_special_tokens=False))
    ends = head.end_ids
    decoder = (*source.inputs.start, *takewhile(lambda token: token not in ends, written))
    shortened |= len(decoder) > MOST_TOKENS
    inputs = Reading(source.inputs.ids, None, decoder[:MOST_TOKENS])
    return (yield from _weights(head, request, inputs, inputs.decoder_ids, shortened=shortened))


def _source_encoder(head: Seq2SeqLM, request: AttentionRequest) -> Callable[[str], Row[SourceText]]:
    """Return a function that encodes a text as the checkpoint's own command does."""
    # Side by side, checkpoints of several tasks get the same request.
    is_translator = request.view.heads is Heads.MASKS and bool(head.languages.targets)
    if request.task != "translate" and not is_translator:
        _refuse_languages(request)
        return lambda text: head.encode(text, max_new_tokens=MOST_TOKENS)
    source, target = _pair(head.languages, request)

    def encoded(text: str) -> Row[SourceText]:
        inputs = replace(encode(head, text, source, target).inputs, max_new_tokens=MOST_TOKENS)
        return Row(inputs, len(inputs.ids) + MOST_TOKENS)

    return encoded


def _pair(known: LanguagePairs, request: AttentionRequest) -> tuple[str, str]:
    if request.target is not None:
        return TranslateRequest("a", request.target, request.source).languages(known).pair
    source = request.source if known.into(request.source) else min(known.sources(), default=request.source)
    into = known.into(source)
    return source, "de" if "de" in into else min(into, default=source)


def _weights(
    head: Head, request: AttentionRequest, inputs: Reading, decoder: tuple[int, ...] = (), *, shortened: bool
) -> TaskRun[AttentionResult]:
    """Compute the weights; without token ids for the decoder, the model has only one side."""
    [attentions] = yield from head.attention([inputs.row])
    if not attentions:
        raise ModelUnavailable(
            later("This checkpoint's architecture has no attention weights that I could show. Choose another one.")
        )
    found = shown(attentions, request.view)
    decoder = decoder or inputs.ids
    queries = inputs.ids if found.part is Part.ENCODER else decoder
    keys = decoder if found.part is Part.DECODER else inputs.ids
    result = AttentionResult(head.tokens(queries), head.tokens(keys), found, shortened)
    if found.view.heads is Heads.MASKS:
        return replace(result, seen=(yield from who_sees_whom(head, inputs, found, decoder)))
    if found.view.heads in (Heads.WORKED, Heads.ARRIVING):
        steps, result_shown, sink = yield from opened(head, inputs, found)
        return replace(result, steps=steps, shown=result_shown, sink_by_weight=sink)
    return result


def _fitting(head: Head, text: str, tokens: Callable[[str], int]) -> tuple[str, bool]:
    """Return as much of a text as fits, and whether some is left out; `tokens` counts those that a text takes."""
    if tokens(text) <= MOST_TOKENS:
        return text, False
    plain = head.tokenize(text, add_special_tokens=False, truncation=True, max_length=MOST_TOKENS)

    def beginning(number: int) -> str:
        return head.decode(plain[:number]).strip(REPLACEMENT_CHARACTER).strip()

    fitting = bisect_right(range(len(plain) + 1), MOST_TOKENS, key=lambda number: tokens(beginning(number))) - 1
    if fitting < 1:
        raise InvalidRequest(_NO_ROOM)
    return beginning(fitting), True


def _refuse_languages(request: AttentionRequest) -> None:
    if request.target is not None:
        raise InvalidRequest(later("Only checkpoints that translate need a language. Please leave `to` out."))


TASK = Task(
    "attention",
    AttentionRequest,
    {
        **dict.fromkeys(HeadKind, Implementation(of_encoder)),
        HeadKind.CAUSAL_LM: Implementation(of_decoder),
        HeadKind.SEQ2SEQ_LM: Implementation(of_encoder_decoder),
    },
    weight=64,
    from_text=True,
)
