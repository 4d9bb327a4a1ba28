"""How likely are continuations of a prompt? The prompt is read once, however many continuations it has."""

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
        """What must be read after the prompt: each candidate but its last token, once, unless that is nothing."""
        return list(dict.fromkeys(one[:-1] for one in self.candidates if len(one) > 1))

    @property
    def row(self) -> Row[Continuations]:
        """A row for `score` or `next_token`."""
        return Row(self, len(self.prompt) + sum(map(len, self.suffixes)))


def next_token_log_probs(checkpoint: Checkpoint, mode: BatchInvariance, prompts: Sequence[Tokens]) -> list[LogProbs]:
    """Return the log-probabilities of the token after each prompt, (vocabulary,) each."""
    if mode is BatchInvariance.ROW_ATTENTION:
        most = _rows_at_once(checkpoint)
        parts = [prompts[first : first + most] for first in range(0, len(prompts), most)]
        read = [read_together(checkpoint, [SharedPrefix(prompt, ()) for prompt in part]) for part in parts]
        return [_log_probs(logits)[0].cpu().numpy() for part in read for logits in part]
    return mode.run(
        prompts,
        _widths(checkpoint, prompts),
        lambda part: list(_prefill(checkpoint, part, use_cache=False).log_probs.cpu().numpy()),
    )


def score(checkpoint: Checkpoint, mode: BatchInvariance, asked: Sequence[Continuations]) -> list[list[LogProbs]]:
    """Return, for each prompt and candidate, the log-probabilities of the candidate's tokens, (tokens,)."""
    if mode is BatchInvariance.ROW_ATTENTION:
        return _score_in_one_pass(checkpoint, asked)
    widths = _widths(checkpoint, [one.prompt for one in asked])
    return mode.run(asked, widths, lambda part: _score_in_two_passes(checkpoint, mode, part))


def _widths(checkpoint: Checkpoint, rows: Sequence[Tokens]) -> list[int]:
    return [checkpoint.padded_length(len(row)) for row in rows]


def _rows_at_once(checkpoint: Checkpoint) -> int:
    return max(1, LOGITS_AT_ONCE // checkpoint.logits_width)


def _log_probs(logits: torch.Tensor) -> torch.Tensor:
    return logits.float().log_softmax(dim=-1)


def _score_in_one_pass(checkpoint: Checkpoint, asked: Sequence[Continuations]) -> list[list[LogProbs]]:
    """Read together what fits in memory together. How one prompt's suffixes are divided depends on them only."""
    most = _rows_at_once(checkpoint)
    whole = [SharedPrefix(one.prompt, tuple(one.suffixes)) for one in asked]
    prefixes = [(index, part) for index, one in enumerate(whole) for part in one.parts(most)]
    found: list[dict[Tokens, LogProbs]] = [{} for _ in asked]
    for part in _fitting(prefixes, most):
        read = read_together(checkpoint, [prefix for _, prefix in part])
        for (index, prefix), logits in zip(part, read, strict=True):
            found[index] |= _candidates(asked[index], prefix, _log_probs(logits))
    return [[each[candidate] for candidate in one.candidates] for one, each in zip(asked, found, strict=True)]


def _fitting(prefixes: Sequence[tuple[int, SharedPrefix]], most: int) -> Iterator[list[tuple[int, SharedPrefix]]]:
    """Yield parts whose logits fit in memory together."""
    part: list[tuple[int, SharedPrefix]] = []
    for one in prefixes:
        if part and sum(len(prefix.wanted) for _, prefix in [*part, one]) > most:
            yield part
            part = []
        part.append(one)
    yield part


def _candidates(asked: Continuations, prefix: SharedPrefix, log_probs: torch.Tensor) -> dict[Tokens, LogProbs]:
    """Return the log-probabilities of the tokens of the candidates that were read with a prefix.

    Args:
        log_probs: after each wanted token, (wanted, vocabulary).
    """
    positions: dict[Tokens, range] = {(): range(0)}
    first = 1
    for suffix in prefix.suffixes:
        positions[suffix] = range(first, first + len(suffix))
        first += len(suffix)
    read = [one for one in asked.candidates if one[:-1] in positions]
    rows = [row for one in read for row in (0, *positions[one[:-1]])[: len(one)]]
    tokens = [token for one in read for token in one]
    chosen = log_probs[torch.tensor(rows, dtype=torch.long), torch.tensor(tokens, dtype=torch.long)].cpu().numpy()
    ends = np.cumsum([len(one) for one in read])[:-1]
    return dict(zip(read, np.split(chosen, ends), strict=True)) if read else {}


# Models whose attention can't be computed row by row read the prompts in a first pass, which gives each candidate's
# first token its log-probability, and what follows them in a second one, on top of the prompts' keys and values.


@dataclass(frozen=True)
class _Prefilled:
    """Prompts that have been read.

    Attributes:
        log_probs: of the token after each prompt, (batch, vocabulary), float32.
        mask: attention mask, (batch, sequence); padded on the left.
        cache: keys and values of the prompts, if they were kept.
    """

    log_probs: torch.Tensor
    mask: torch.Tensor
    cache: Cache


def _score_in_two_passes(
    checkpoint: Checkpoint, mode: BatchInvariance, asked: Sequence[Continuations]
) -> list[list[LogProbs]]:
    contexts = [(index, suffix) for index, one in enumerate(asked) for suffix in one.suffixes]
    prompts = _prefill(checkpoint, [one.prompt for one in asked], use_cache=bool(contexts))
    found: dict[tuple[int, Tokens], LogProbs] = {}
    for index, one in enumerate(asked):
        log_probs = prompts.log_probs[index].cpu().numpy()
        found |= {(index, candidate): log_probs[list(candidate[:1])] for candidate in one.candidates}
    # Suffixes of one row may share a pass even if the row is alone: no other request is in it.
    mode = BatchInvariance.SAME_WIDTH if mode is BatchInvariance.ALONE else mode
    widths = _widths(checkpoint, [suffix for _, suffix in contexts])
    outputs = mode.run(contexts, widths, lambda part: _read_suffixes(checkpoint, prompts, part))
    for (index, suffix), rows in zip(contexts, outputs, strict=True):
        for candidate in asked[index].candidates:
            if candidate[:-1] == suffix:
                rest = rows[list(range(len(suffix))), list(candidate[1:])]
                found[index, candidate] = np.concatenate([found[index, candidate], rest])
    return [[found[index, candidate] for candidate in one.candidates] for index, one in enumerate(asked)]


def _prefill(checkpoint: Checkpoint, prompts: Sequence[Tokens], *, use_cache: bool) -> _Prefilled:
    ids, mask = checkpoint.pad(prompts, left=True)
    output = checkpoint.model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(dim=-1) - 1).clamp(min=0),
        use_cache=use_cache,
        logits_to_keep=1,
    )
    return _Prefilled(_log_probs(output.logits[:, -1]), mask, output.cache)


def _read_suffixes(
    checkpoint: Checkpoint, prompts: _Prefilled, contexts: Sequence[tuple[int, Tokens]]
) -> Iterator[LogProbs]:
    """Yield the log-probabilities of the token after each token of each suffix, (longest, vocabulary) each."""
    longest = max(len(suffix) for _, suffix in contexts)
    size = min(len(contexts), max(1, LOGITS_AT_ONCE // (longest * checkpoint.logits_width)))
    for first in range(0, len(contexts), size):
        part = contexts[first : first + size]
        padding = [part[-1]] * (size - len(part))  # so that all parts have the same shape
        yield from _read_part(checkpoint, prompts, [*part, *padding])[: len(part)]


def _read_part(checkpoint: Checkpoint, prompts: _Prefilled, part: Sequence[tuple[int, Tokens]]) -> LogProbs:
    """Return (contexts, longest, vocabulary)."""
    ids, mask = checkpoint.pad([suffix for _, suffix in part])
    chosen = checkpoint.tensor([index for index, _ in part])
    cache = copy.deepcopy(prompts.cache)
    cache.reorder_cache(chosen)  # as beam search does: any number of rows may continue one prompt
    before = prompts.mask[chosen]
    logits: torch.Tensor = checkpoint.model(
        input_ids=ids,
        attention_mask=torch.cat([before, mask], dim=1),
        position_ids=before.sum(dim=-1, keepdim=True) + torch.arange(ids.shape[1], device=ids.device),
        cache=cache,
        use_cache=True,
    ).logits
    log_probs: LogProbs = _log_probs(logits).cpu().numpy()
    return log_probs
