"""A parity check: does a checkpoint still answer a few built-in sentences the same after quantisation?"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import singledispatch
from typing import TypeAlias, TypeVar

import torch

from bot.inference.heads.causal_lm import CausalLM
from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.encoder_head import EncoderInput
from bot.inference.heads.generation.source_text import SourceText
from bot.inference.heads.head import Head
from bot.inference.heads.masked_lm import MaskedLM
from bot.inference.heads.seq2seq_lm import Seq2SeqLM
from bot.inference.heads.sequence_classifier import SequenceClassifier
from bot.inference.operations import Row

T = TypeVar("T")

SENTENCES = (
    "I love this film: the actors are wonderful, and the music is better still.",
    "What a terrible day. The train was late, the coffee was cold and it would not stop raining.",
    "The capital of France is Paris, and about two million people live there.",
    "She put the letter back into the drawer and told nobody what she had read.",
    "Das Konzert hat mir sehr gut gefallen, aber die Karten waren viel zu teuer.",
    "Le service était lent et la soupe froide, nous ne reviendrons pas.",
    "El libro cuenta la historia de una familia que vive cerca del mar.",
    "我非常喜欢这家餐厅，下个周末我们还会再去。",
)
REHEARSAL = (
    "Good morning! How can I help you today? Please tell me what you would like to know.",
    "In 1969 three astronauts flew to the moon, and two of them walked on it for about two hours.",
    "I am very disappointed: the parcel came a week late, and half of the glasses were broken.",
    "Write a short story about a dog who finds an old map in the garden.",
    "Je voudrais réserver une table pour deux personnes, s'il vous plaît.",
    "Gestern hat es den ganzen Tag geregnet, und wir sind zu Hause geblieben.",
    "今天天气很好，我们去公园散步吧。",
)
"""Other sentences, which show the sizes of the layers' inputs before quantisation."""
_HYPOTHESIS = "This text is about travel."
"""For natural language inference."""

TOLERANCE = 0.05
"""The largest change of a probability: a twentieth changes no label that isn't in doubt anyway."""

TOKEN_AGREEMENT = 0.9
"""The least share of positions whose likeliest token was the likeliest before, or within `TOLERANCE` of it. llama.cpp's
weights of 3.1 bits change it at 11 % of the positions (IQ3_XXS of Mistral 7B, ggml-org/llama.cpp#5676), which nobody
expects of 8 bits."""

TOKEN_DIVERGENCE = 0.03
"""The largest mean Kullback-Leibler divergence of a next token's distribution from the one before, in nats: roughly the
logarithm of the factor by which the perplexity grows. llama.cpp's popular 4-bit weights add 0.028 (Q4_K_M of Llama 3
8B, ggml-org/llama.cpp#6936)."""

_LEAST_PROBABILITY = 1e-30
"""The smallest probability of a token that counts for the divergence: less is rounding."""

_MASK_EVERY = 5
_WRITTEN_TOKENS = 16
_ROWS_AT_ONCE = 16
_LOGITS_KEPT = 2**24
"""Logits of a language model that are kept: 64 MiB in float32. Wide vocabularies are compared at fewer positions."""


@dataclass(frozen=True)
class Parity:
    """A comparison of a checkpoint's answers with earlier ones."""

    passed: bool
    finding: str
    """A clause: `8 of 8 test sentences have the same label, …`."""
    demand: str
    """The condition for passing, as a clause."""


def is_checkable(head: Head) -> bool:
    """Return whether there is a parity check for heads of this kind."""
    return observer.dispatch(type(head)) is not observer.dispatch(Head)


def parity_check(head: Head) -> Callable[[], Parity]:
    """Record a head's present answers; return a function that compares its later answers with them."""
    observe = observer(head, SENTENCES)
    before = observe()
    compare = compare_labels if isinstance(head, SequenceClassifier) else compare_tokens
    return lambda: compare(before, observe())


_Observe: TypeAlias = Callable[[], torch.Tensor]


@singledispatch
def observer(head: Head, sentences: Sequence[str]) -> _Observe:
    """Return a function that computes a head's answers to sentences, for `compare_labels` or `compare_tokens`.

    Raises:
        TypeError: the head is not checkable.
    """
    raise TypeError(f"there is no parity check for a {head.kind}")


def compare_labels(before: torch.Tensor, after: torch.Tensor) -> Parity:
    """Compare probabilities of labels, (sentences, labels)."""
    same = int((before.argmax(dim=-1) == after.argmax(dim=-1)).sum())
    difference = float((before - after).abs().max())
    return Parity(
        passed=same == len(before) and difference <= TOLERANCE,  # False for NaN
        finding=f"{same} of {len(before)} test sentences have the same label, probabilities differ by at most "
        f"{difference:.3f}",
        demand=f"all must have the same, and {TOLERANCE} is the limit",
    )


def compare_tokens(before: torch.Tensor, after: torch.Tensor) -> Parity:
    """Compare log-probabilities of tokens, (positions, vocabulary)."""
    probabilities = before.exp()
    chosen = probabilities.gather(-1, after.argmax(dim=-1, keepdim=True))
    kept = int((chosen[:, 0] >= probabilities.amax(dim=-1) - TOLERANCE).sum())
    divergence = float((probabilities * (before - after)).sum(dim=-1).mean())
    return Parity(
        passed=kept >= TOKEN_AGREEMENT * len(before) and divergence <= TOKEN_DIVERGENCE,  # False for NaN
        finding=f"{kept / len(before):.0%} of {len(before)} test positions have the same likeliest token or one within "
        f"{TOLERANCE} of it, the mean divergence is {divergence:.4f} nats",
        demand=f"at least {TOKEN_AGREEMENT:.0%} and at most {TOKEN_DIVERGENCE} are asked for",
    )


@observer.register
def _labels(head: SequenceClassifier, sentences: Sequence[str]) -> _Observe:
    pair = _HYPOTHESIS if head.entailment is not None else None
    rows = [head.encode(sentence, pair) for sentence in sentences]

    def observe() -> torch.Tensor:
        logits = torch.stack([torch.from_numpy(output) for output in head.classify.run(rows)])
        return logits.sigmoid() if head.independent else logits.softmax(dim=-1)

    return observe


@observer.register
def _masks(head: MaskedLM, sentences: Sequence[str]) -> _Observe:
    """Predict every fifth token, masked one at a time."""
    rows = _thinned([row for sentence in sentences for row in _masked(head, head.encode(sentence))], head.logits_width)

    def observe() -> torch.Tensor:
        parts = [rows[first : first + _ROWS_AT_ONCE] for first in range(0, len(rows), _ROWS_AT_ONCE)]
        outputs = [torch.from_numpy(output) for part in parts for output in head.fill.run(part)]
        return torch.cat(outputs).clamp(min=_LEAST_PROBABILITY).log()

    return observe


def _masked(head: MaskedLM, row: Row[EncoderInput]) -> Iterator[Row[EncoderInput]]:
    ids = row.inputs.ids
    special = set(head.tokenizer.all_special_ids)
    for position in [index for index, token in enumerate(ids) if token not in special][::_MASK_EVERY]:
        hidden = (*ids[:position], head.tokenizer.mask_token_id, *ids[position + 1 :])
        yield dataclasses.replace(row, inputs=dataclasses.replace(row.inputs, ids=hidden))


@observer.register
def _next_tokens(head: CausalLM, sentences: Sequence[str]) -> _Observe:
    """Predict the token after each beginning of each sentence."""
    texts = [ids for sentence in sentences if (ids := head.encode(sentence)[: head.context_length])]

    @torch.inference_mode()
    def observe() -> torch.Tensor:
        return _log_probs(head, [head.model(input_ids=head.tensor([ids]), use_cache=False).logits[0] for ids in texts])

    return observe


@observer.register
def _written_tokens(head: Seq2SeqLM, sentences: Sequence[str]) -> _Observe:
    """Predict each token of the texts that the model writes before quantisation, given the tokens before it."""
    target = next(iter(head.language_codes), None)
    rows = [head.encode(sentence, max_new_tokens=_WRITTEN_TOKENS, target=target) for sentence in sentences]
    texts = list(zip([row.inputs for row in rows], head.rewrite.run(rows), strict=True))

    @torch.inference_mode()
    def observe() -> torch.Tensor:
        return _log_probs(head, [_decoded(head, source, written) for source, written in texts])

    return observe


def _decoded(head: Seq2SeqLM, source: SourceText, written: Sequence[int]) -> torch.Tensor:
    """Return logits of the written tokens and of the one after them, (positions, vocabulary)."""
    ids, decoder_ids = head.tensor([source.ids]), head.tensor([[*source.start, *written]])
    logits: torch.Tensor = head.model(input_ids=ids, decoder_input_ids=decoder_ids, use_cache=False).logits
    # The prediction of the language token in the start is no answer of the model.
    return logits[0, len(source.start) - 1 :]


def _log_probs(checkpoint: Checkpoint, found: Sequence[torch.Tensor]) -> torch.Tensor:
    """Return log-probabilities at the positions that are kept of texts' logits, (positions, vocabulary) each."""
    kept = _thinned([position for logits in found for position in logits], checkpoint.logits_width)
    log_probs = torch.stack(list(kept)).float().log_softmax(dim=-1).cpu()
    return log_probs.clamp_(min=math.log(_LEAST_PROBABILITY))


def _thinned(positions: Sequence[T], vocabulary: int) -> Sequence[T]:
    """Return positions at even distances, so few that their logits may be kept."""
    return positions[:: 1 + len(positions) * vocabulary // _LOGITS_KEPT]
