"""How likely are continuations of a prompt? The prompt is read once, however many continuations it has.

A first pass reads the prompts, and gives each candidate's first token its log-probability. Candidates of one token
need no more. For the others a second pass reads, on top of the prompt's keys and values, what follows the prompt.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bot.inference.heads.base import Head

LogProbs = npt.NDArray[np.float32]

LOGITS_AT_ONCE = 2**25
"""Logits that are held at the same time: 128 MiB in float32. Vocabularies are wide."""


@dataclass(frozen=True)
class Continuations:
    """A prompt and candidate continuations of it, as token ids."""

    prompt: tuple[int, ...]
    candidates: tuple[tuple[int, ...], ...]

    @property
    def beginnings(self) -> list[tuple[int, ...]]:
        """What must be read after the prompt: each candidate but its last token, once, where that is anything."""
        return list(dict.fromkeys(one[:-1] for one in self.candidates if len(one) > 1))

    @property
    def tokens(self) -> int:
        """Tokens that are read in all."""
        return len(self.prompt) + sum(map(len, self.beginnings))


@dataclass(frozen=True)
class _Prompts:
    """Prompts that have been read.

    Attributes:
        log_probs: of the token after each prompt, (batch, vocabulary), float32.
        mask: attention mask, (batch, sequence); padded on the left.
        cache: keys and values of the prompts.
    """

    log_probs: torch.Tensor
    mask: torch.Tensor
    cache: Any


def next_token_log_probs(head: Head, prompts: Sequence[tuple[int, ...]]) -> list[LogProbs]:
    """Log-probabilities of the token after each prompt, each of shape (vocabulary,)."""
    return list(_read_prompts(head, prompts, use_cache=False).log_probs.cpu().numpy())


def score(head: Head, asked: Sequence[Continuations]) -> list[list[LogProbs]]:
    """For each prompt and candidate, the log-probabilities of the candidate's tokens, (tokens,)."""
    contexts = [(index, beginning) for index, one in enumerate(asked) for beginning in one.beginnings]
    prompts = _read_prompts(head, [one.prompt for one in asked], use_cache=bool(contexts))
    found: dict[tuple[int, tuple[int, ...]], LogProbs] = {}
    for index, one in enumerate(asked):
        log_probs = prompts.log_probs[index].cpu().numpy()
        found |= {(index, candidate): log_probs[list(candidate[:1])] for candidate in one.candidates}
    for part in _chunks(contexts, head.model.config.get_text_config().vocab_size):
        for (index, beginning), rows in zip(part, _read_on(head, prompts, part), strict=True):
            for candidate in asked[index].candidates:
                if candidate[:-1] == beginning:
                    rest = rows[torch.arange(len(beginning)), torch.tensor(candidate[1:])].cpu().numpy()
                    found[index, candidate] = np.concatenate([found[index, candidate], rest])
    return [[found[index, candidate] for candidate in one.candidates] for index, one in enumerate(asked)]


def _read_prompts(head: Head, prompts: Sequence[tuple[int, ...]], *, use_cache: bool) -> _Prompts:
    ids, mask = head.pad(prompts, left=True)
    output = head.model(
        input_ids=ids,
        attention_mask=mask,
        position_ids=(mask.cumsum(dim=-1) - 1).clamp(min=0),
        use_cache=use_cache,
        logits_to_keep=1,
    )
    return _Prompts(output.logits[:, -1].float().log_softmax(dim=-1), mask, output.cache)


def _read_on(head: Head, prompts: _Prompts, part: Sequence[tuple[int, tuple[int, ...]]]) -> torch.Tensor:
    """Log-probabilities of the token after each token of the beginnings, (contexts, longest, vocabulary)."""
    ids, mask = head.pad([beginning for _, beginning in part])
    chosen = head.tensor([index for index, _ in part])
    cache = copy.deepcopy(prompts.cache)
    cache.reorder_cache(chosen)  # as beam search does: any number of rows may go on from one prompt
    before = prompts.mask[chosen]
    logits: torch.Tensor = head.model(
        input_ids=ids,
        attention_mask=torch.cat([before, mask], dim=1),
        position_ids=before.sum(dim=-1, keepdim=True) + torch.arange(ids.shape[1], device=ids.device),
        cache=cache,
        use_cache=True,
    ).logits
    return logits.float().log_softmax(dim=-1)


def _chunks(
    contexts: Sequence[tuple[int, tuple[int, ...]]], vocabulary: int
) -> list[Sequence[tuple[int, tuple[int, ...]]]]:
    """Parts of which the logits fit in memory together."""
    longest = max((len(beginning) for _, beginning in contexts), default=1)
    size = max(1, LOGITS_AT_ONCE // (longest * vocabulary))
    return [contexts[first : first + size] for first in range(0, len(contexts), size)]
