"""Token log-probabilities of a text that is already written, by teacher forcing."""

# Decode steps do not keep their logits. One pass over the whole text gives the same numbers up to rounding, which a
# batch's shape decides.

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.heads.scoring import LOGITS_AT_ONCE, LogProbs
from bot.inference.operations import Budget, Operation, Row
from bot.inference.soundness import none_above

TOP = 11
"""Tokens that are kept of each position: the written one and ten others."""

Probabilities = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_LOGITS_MEASURED = 2**22
"""Logits that are measured at the same time. Several passes go over them, so they should fit into the CPU's cache."""
_BITS_OF_ONE = 30
"""float32 has fewer than two to the power of this numbers from 0 to 1."""


@dataclass(frozen=True)
class ForcedText:
    """A written text, as token ids. Prompt and text have at least one token."""

    prompt: tuple[int, ...]
    """What a decoder read before the text; the decoder's start in an encoder-decoder."""
    written: tuple[int, ...]
    """The text, with the end-of-sequence token if one ended it."""
    sampling: Sampling
    """The options that its tokens were drawn with; the seed doesn't matter."""
    source: tuple[int, ...] = ()
    """The encoder's input; empty if there is none."""
    keeps_logits: bool = False
    """Whether `TokenLogProbs.least_logits` are wanted: of a wide vocabulary they take a megabyte."""

    @property
    def row(self) -> Row[ForcedText]:
        """The row for `token_log_probs`."""
        return Row(self, len(self.source) + len(self.prompt) + len(self.written))

    @property
    def read(self) -> tuple[int, ...]:
        """The decoder's input: the last token is only predicted."""
        return (*self.prompt, *self.written[:-1])


@dataclass(frozen=True)
class TokenLogProbs:
    """A model's predictions at each position of a written text, (positions,) or (positions, `TOP`)."""

    log_probs: LogProbs
    """Of the written tokens, by the model alone."""
    entropy: npt.NDArray[np.float32]
    """Of each prediction by the model alone, in bits: how unsure it is, whichever token is taken."""
    drawn_with: Probabilities
    """The written tokens' probabilities after temperature and top_p. A token at the border of the nucleus may have 0,
    because a text that is read at once is rounded differently."""
    nucleus: Integers
    """How many tokens temperature and top_p left to draw from."""
    top: Integers
    """Ids of the likeliest tokens, in order."""
    top_logits: npt.NDArray[np.float32]
    top_log_probs: LogProbs
    top_drawn_with: Probabilities
    """0 if cut off."""
    least_logits: npt.NDArray[np.float32]
    """Those at the position of the least likely written token, (vocabulary,); (0,) if they are not wanted."""


def token_log_probs(checkpoint: Checkpoint) -> Operation[ForcedText, TokenLogProbs]:
    """Make the operation for written texts. Its rows run one at a time, unpadded."""

    @torch.inference_mode()
    def run(rows: Sequence[Row[ForcedText]]) -> list[TokenLogProbs]:
        return [_read(checkpoint, row.inputs) for row in rows]

    return Operation("token_log_probs", run, Budget(padded_tokens=1, rows=1), is_sound=none_above)


def _read(checkpoint: Checkpoint, text: ForcedText) -> TokenLogProbs:
    written = checkpoint.tensor(text.written)
    parts: list[dict[str, npt.NDArray[Any]]] = []
    lowest, least_logits = math.inf, np.empty(0, np.float32)
    first = 0
    for logits in _logits(checkpoint, text):
        for block in torch.split(logits, max(1, _LOGITS_MEASURED // logits.shape[-1])):
            part = _measure(block.float(), written[first : first + len(block)], text.sampling)
            if text.keeps_logits and (not parts or float(part["log_probs"].min()) < lowest):
                place = int(part["log_probs"].argmin())
                lowest, least_logits = float(part["log_probs"][place]), block[place].float().cpu().numpy().copy()
            parts.append(part)
            first += len(block)
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return TokenLogProbs(**joined, least_logits=least_logits)


def _logits(checkpoint: Checkpoint, text: ForcedText) -> Iterator[torch.Tensor]:
    """Yield logits of the written tokens' positions, in parts of (positions, vocabulary)."""
    # Usually there is one part. With a wide vocabulary, later parts continue from the KV cache of earlier ones.
    read = checkpoint.tensor([text.read])
    before = len(text.prompt) - 1
    at_once = max(1, LOGITS_AT_ONCE // checkpoint.logits_width)
    ends = [*range(at_once, len(text.written), at_once), len(text.written)]
    source = _encoded(checkpoint, text.source) if text.source else {}
    cache = None
    start = 0
    for first, end in zip([0, *ends], ends, strict=False):
        ids = read[:, start : before + end]
        options = {"cache": cache, "use_cache": len(ends) > 1}
        if source:
            output = checkpoint.model(decoder_input_ids=ids, **source, **options)
        else:
            output = checkpoint.model(input_ids=ids, logits_to_keep=end - first, **options)
        yield output.logits[0, first - end :]
        cache = output.cache
        start = before + end


def _encoded(checkpoint: Checkpoint, source: tuple[int, ...]) -> dict[str, object]:
    """Return the decoder's arguments for a source, which the encoder reads here."""
    ids, mask = checkpoint.pad([source])
    encoder = checkpoint.model.get_encoder()
    return {"encoder_outputs": encoder(input_ids=ids, attention_mask=mask), "attention_mask": mask}


def _measure(logits: torch.Tensor, written: torch.Tensor, sampling: Sampling) -> dict[str, npt.NDArray[Any]]:
    """Measure logits, (positions, vocabulary), float32, at which the written tokens, (positions,), were predicted.

    Returns:
        What `TokenLogProbs` has of each position.
    """
    chosen = written.unsqueeze(1)
    log_probs = logits.log_softmax(dim=-1)
    drawn_with = drawing_probabilities(logits, sampling)
    top_logits, top = logits.topk(min(TOP, logits.shape[-1]), dim=-1)
    found = {
        "log_probs": log_probs.gather(1, chosen).squeeze(1),
        # A logit of −∞ has a probability of 0, which takes no part.
        "entropy": torch.special.entr(log_probs.exp()).sum(dim=-1) / math.log(2),
        "drawn_with": drawn_with.gather(1, chosen).squeeze(1),
        "nucleus": (drawn_with > 0).sum(dim=-1),
        "top": top,
        "top_logits": top_logits,
        "top_log_probs": log_probs.gather(1, top),
        "top_drawn_with": drawn_with.gather(1, top),
    }
    return {name: values.cpu().numpy() for name, values in found.items()}


def drawing_probabilities(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """Return the distribution that tokens are drawn from, after temperature and top_p; 0 if a token is cut off.

    As in `sampling.draw`, a token is in the nucleus if the likelier ones have less than top_p together.

    Args:
        logits: (positions, vocabulary), float32; the result has the same shape.
    """
    if sampling.greedy:
        return torch.zeros_like(logits).scatter_(1, logits.argmax(dim=-1, keepdim=True), 1)
    probabilities = (logits / sampling.temperature).softmax(dim=-1)
    if sampling.top_p >= 1:
        return probabilities
    kept = torch.where(probabilities >= _least_kept(probabilities, sampling.top_p), probabilities, 0)
    return kept / kept.sum(dim=-1, keepdim=True)


def _least_kept(probabilities: torch.Tensor, top_p: float) -> torch.Tensor:
    """Return the smallest number such that all that are larger sum to less than top_p, (positions, 1)."""
    # Bisection takes a sixth of the time of sorting a vocabulary. Positive floats have the order of their bits, read as
    # integers, so the search ends at one number and needs no tolerance.
    high = probabilities.amax(dim=-1, keepdim=True).view(torch.int32)
    low = torch.zeros_like(high)
    for _ in range(_BITS_OF_ONE):
        middle = (low + high) // 2
        likelier = torch.where(probabilities > middle.view(torch.float32), probabilities, 0).sum(dim=-1, keepdim=True)
        enough = likelier < top_p
        high = torch.where(enough, middle, high)
        low = torch.where(enough, low, middle + 1)
    return high.view(torch.float32)
