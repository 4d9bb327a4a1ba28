"""Log-probabilities of the continuations of a prompt, which is read once however many they are."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from transformers import Cache

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.invariance.batch_invariance import BatchInvariance
from bot.inference.heads.invariance.shared_prefix import SharedPrefix, Tokens, read_together
from bot.inference.operations import Row

LogProbs = npt.NDArray[np.float32]

LOGITS_AT_ONCE = 2**25
"""Logits that are held at the same time: 128 MiB in float32. Vocabularies are wide."""


@dataclass(frozen=True)
class Continuations:
    """A prompt and candidate continuations of it, as token ids."""

    prompt: Tokens
    candidates: tuple[Tokens, ...]

    @property
    def suffixes(self) -> list[Tokens]:
        """The distinct candidates without their last tokens, whose log-probabilities come from the tokens before."""
        return list(dict.fromkeys(candidate[:-1] for candidate in self.candidates if len(candidate) > 1))

    @property
    def row(self) -> Row[Continuations]:
        """A row for `score` or `next_token`."""
        return Row(self, len(self.prompt) + sum(map(len, self.suffixes)))


def next_token_log_probs(checkpoint: Checkpoint, mode: BatchInvariance, prompts: Sequence[Tokens]) -> list[LogProbs]:
    """Return the log-probabilities of the token after each prompt, (vocabulary,) each."""
    if mode is BatchInvariance.ROW_ATTENTION:
        most = _positions_at_once(checkpoint)
        parts = [prompts[first : first + most] for first in range(0, len(prompts), most)]
        outputs = [read_together(checkpoint, [SharedPrefix(prompt, ()) for prompt in part]) for part in parts]
        return [_log_probs(logits)[0].cpu().numpy() for output in outputs for logits in output]
    return mode.run(
        prompts,
        _widths(checkpoint, prompts),
        lambda part: list(_prefill(checkpoint, part, use_cache=False).log_probs.cpu().numpy()),
    )


def score(checkpoint: Checkpoint, mode: BatchInvariance, texts: Sequence[Continuations]) -> list[list[LogProbs]]:
    """Return, for each prompt and candidate, the log-probabilities of the candidate's tokens, (tokens,)."""
    if mode is BatchInvariance.ROW_ATTENTION:
        return _score_in_one_pass(checkpoint, texts)
    widths = _widths(checkpoint, [text.prompt for text in texts])
    return mode.run(texts, widths, lambda part: _score_in_two_passes(checkpoint, mode, part))


def _widths(checkpoint: Checkpoint, rows: Sequence[Tokens]) -> list[int]:
    return [checkpoint.padded_length(len(row)) for row in rows]


def _positions_at_once(checkpoint: Checkpoint) -> int:
    return max(1, LOGITS_AT_ONCE // checkpoint.logits_width)


def _log_probs(logits: torch.Tensor) -> torch.Tensor:
    return logits.float().log_softmax(dim=-1)


def _score_in_one_pass(checkpoint: Checkpoint, texts: Sequence[Continuations]) -> list[list[LogProbs]]:
    # For batch invariance, the division of one prompt's suffixes depends on nothing but them.
    most = _positions_at_once(checkpoint)
    whole = [SharedPrefix(text.prompt, tuple(text.suffixes)) for text in texts]
    prefixes = [(index, part) for index, prefix in enumerate(whole) for part in prefix.parts(most)]
    found: list[dict[Tokens, LogProbs]] = [{} for _ in texts]
    for part in _fitting(prefixes, most):
        outputs = read_together(checkpoint, [prefix for _, prefix in part])
        for (index, prefix), logits in zip(part, outputs, strict=True):
            found[index] |= _candidates(texts[index], prefix, _log_probs(logits))
    return [[each[candidate] for candidate in text.candidates] for text, each in zip(texts, found, strict=True)]


def _fitting(prefixes: Sequence[tuple[int, SharedPrefix]], most: int) -> Iterator[list[tuple[int, SharedPrefix]]]:
    """Yield parts whose logits fit in memory together."""
    part: list[tuple[int, SharedPrefix]] = []
    for indexed in prefixes:
        if part and sum(len(prefix.predicting) for _, prefix in [*part, indexed]) > most:
            yield part
            part = []
        part.append(indexed)
    yield part


def _candidates(text: Continuations, prefix: SharedPrefix, log_probs: torch.Tensor) -> dict[Tokens, LogProbs]:
    """Return the log-probabilities of the tokens of the candidates that were read with a prefix.

    Args:
        log_probs: after each of `prefix.predicting`, (tokens, vocabulary).
    """
    positions: dict[Tokens, range] = {(): range(0)}
    first = 1
    for suffix in prefix.suffixes:
        positions[suffix] = range(first, first + len(suffix))
        first += len(suffix)
    read = [candidate for candidate in text.candidates if candidate[:-1] in positions]
    rows = [row for candidate in read for row in (0, *positions[candidate[:-1]])[: len(candidate)]]
    tokens = [token for candidate in read for token in candidate]
    chosen = log_probs[torch.tensor(rows, dtype=torch.long), torch.tensor(tokens, dtype=torch.long)].cpu().numpy()
    ends = np.cumsum([len(candidate) for candidate in read])[:-1]
    return dict(zip(read, np.split(chosen, ends), strict=True)) if read else {}


# Models whose attention can't be computed row by row read the prompts in a first pass, which gives each candidate's
# first token its log-probability, and the suffixes in a second one, on top of the prompts' keys and values.


@dataclass(frozen=True)
class _Prefilled:
    """Prompts that have been read."""

    log_probs: torch.Tensor
    """Of the token after each prompt, (batch, vocabulary), float32."""
    mask: torch.Tensor
    """Attention mask, (batch, sequence); padded on the left."""
    cache: Cache


def _score_in_two_passes(
    checkpoint: Checkpoint, mode: BatchInvariance, texts: Sequence[Continuations]
) -> list[list[LogProbs]]:
    contexts = [(index, suffix) for index, text in enumerate(texts) for suffix in text.suffixes]
    prompts = _prefill(checkpoint, [text.prompt for text in texts], use_cache=bool(contexts))
    found: dict[tuple[int, Tokens], LogProbs] = {}
    for index, text in enumerate(texts):
        log_probs = prompts.log_probs[index].cpu().numpy()
        found |= {(index, candidate): log_probs[list(candidate[:1])] for candidate in text.candidates}
    # Suffixes of one row may share a pass even if the row is alone: no other request is in it.
    mode = BatchInvariance.SAME_WIDTH if mode is BatchInvariance.ALONE else mode
    widths = _widths(checkpoint, [suffix for _, suffix in contexts])
    outputs = mode.run(contexts, widths, lambda part: _read_suffixes(checkpoint, prompts, part))
    for (index, suffix), rows in zip(contexts, outputs, strict=True):
        for candidate in texts[index].candidates:
            if candidate[:-1] == suffix:
                rest = rows[list(range(len(suffix))), list(candidate[1:])]
                found[index, candidate] = np.concatenate([found[index, candidate], rest])
    return [[found[index, candidate] for candidate in text.candidates] for index, text in enumerate(texts)]


def _prefill(checkpoint: Checkpoint, prompts: Sequence[Tokens], *, use_cache: bool) -> _Prefilled:
    ids, mask = checkpoint.pad(prompts, left=True)
    positions = (mask.cumsum(dim=-1) - 1).clamp(min=0)
    output = checkpoint.model(
        input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=use_cache, logits_to_keep=1
    )
    return _Prefilled(_log_probs(output.logits[:, -1]), mask, output.cache)


def _read_suffixes(
    checkpoint: Checkpoint, prompts: _Prefilled, contexts: Sequence[tuple[int, Tokens]]
) -> Iterator[LogProbs]:
    """Yield each suffix's log-probabilities of the token after each of its tokens, (longest, vocabulary)."""
    longest = max(len(suffix) for _, suffix in contexts)
    size = min(len(contexts), max(1, LOGITS_AT_ONCE // (longest * checkpoint.logits_width)))
    for first in range(0, len(contexts), size):
        part = contexts[first : first + size]
        padding = [part[-1]] * (size - len(part))  # all parts have the same shape, for batch invariance
        yield from _read_part(checkpoint, prompts, [*part, *padding])[: len(part)]


def _read_part(checkpoint: Checkpoint, prompts: _Prefilled, part: Sequence[tuple[int, Tokens]]) -> LogProbs:
    """Return (contexts, longest, vocabulary)."""
    ids, mask = checkpoint.pad([suffix for _, suffix in part])
    chosen = checkpoint.tensor([index for index, _ in part])
    cache = copy.deepcopy(prompts.cache)
    cache.reorder_cache(chosen)  # as beam search does: any number of rows may continue one prompt
    before = prompts.mask[chosen]
    positions = before.sum(dim=-1, keepdim=True) + torch.arange(ids.shape[1], device=ids.device)
    mask = torch.cat([before, mask], dim=1)
    output = checkpoint.model(input_ids=ids, attention_mask=mask, position_ids=positions, cache=cache, use_cache=True)
    log_probs: LogProbs = _log_probs(output.logits).cpu().numpy()
    return log_probs
