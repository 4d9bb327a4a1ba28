"""Texts that were written, read again: how likely was each token, what else could have stood there?

A text is written one token at a time, and what the model thought of the others is gone with the step. Reading the
whole text at once (teacher forcing) gives the same numbers for all places in one forward pass. They are those that the
text was written with up to rounding, because that depends on a batch's shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bot.inference.heads.generation.sampling import Sampling
from bot.inference.heads.head import Head
from bot.inference.heads.scoring import LOGITS_AT_ONCE, LogProbs
from bot.inference.operations import Budget, Operation, Row
from bot.inference.soundness import none_above

TOP = 11
"""Tokens that are kept of each place: the written one and ten others."""

Probabilities = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int64]

_LOGITS_MEASURED = 2**22
"""Logits that are measured at the same time: some passes go over them, so they had better stay in the cache."""
_BITS_OF_ONE = 30
"""The numbers from 0 to 1 in float32 are fewer than two to the power of this."""


@dataclass(frozen=True)
class Rereading:
    """A text that was written, as token ids.

    Attributes:
        prompt: what a decoder read before; of an encoder-decoder, what the decoder started from. At least one token.
        written: what was written, with the token that ended it, if one did. At least one token.
        sampling: how its tokens were drawn; the seed is of no interest.
        source: what the encoder read; empty where there is none.
    """

    prompt: tuple[int, ...]
    written: tuple[int, ...]
    sampling: Sampling
    source: tuple[int, ...] = ()

    @property
    def row(self) -> Row[Rereading]:
        """The row for `reread`."""
        return Row(self, len(self.source) + len(self.prompt) + len(self.written))

    @property
    def read(self) -> tuple[int, ...]:
        """What a decoder reads: the last token is only written."""
        return (*self.prompt, *self.written[:-1])


@dataclass(frozen=True)
class Reread:
    """What the model thought at each place of a written text.

    Attributes:
        log_probs: of the written tokens by the model alone, (places,).
        drawn_with: the written tokens' probabilities after temperature and top_p, (places,). A text that is read at
            once is rounded otherwise than one that is written, so a token at the border of the nucleus may have 0.
        nucleus: how many tokens temperature and top_p left to draw from, (places,).
        top: ids of the likeliest tokens, in order, (places, `TOP`).
        top_logits: their logits, (places, `TOP`).
        top_log_probs: their log-probabilities by the model alone, (places, `TOP`).
        top_drawn_with: their probabilities after temperature and top_p, (places, `TOP`); 0 where cut off.
    """

    log_probs: LogProbs
    drawn_with: Probabilities
    nucleus: Integers
    top: Integers
    top_logits: npt.NDArray[np.float32]
    top_log_probs: LogProbs
    top_drawn_with: Probabilities


def end_ids(head: Head) -> frozenset[int]:
    """Tokens that end a text."""
    declared = head.model.generation_config.eos_token_id
    ends = declared if isinstance(declared, list) else [declared]
    return frozenset(end for end in [*ends, head.tokenizer.eos_token_id] if isinstance(end, int))


def rereading(head: Head) -> Operation[Rereading, Reread]:
    """The operation of a causal language model or an encoder-decoder. Its rows run one at a time, without padding."""

    @torch.inference_mode()
    def run(rows: Sequence[Row[Rereading]]) -> list[Reread]:
        return [reread(head, row.inputs) for row in rows]

    return Operation("reread", run, Budget(padded_tokens=1, rows=1), is_sound=none_above)


def reread(head: Head, text: Rereading) -> Reread:
    """Read a written text again. The logits of a few tokens of a wide vocabulary are held at the same time."""
    written = head.tensor(text.written)
    parts: list[Reread] = []
    first = 0
    for logits in _logits(head, text):
        places = max(1, _LOGITS_MEASURED // logits.shape[-1])
        for start in range(0, len(logits), places):
            block = logits[start : start + places].float()
            parts.append(_measure(block, written[first : first + len(block)], text.sampling))
            first += len(block)
    names = [field.name for field in fields(Reread)]
    return Reread(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def _logits(head: Head, text: Rereading) -> Iterator[torch.Tensor]:
    """Logits of the written tokens' places, in parts of (places, vocabulary).

    Usually there is one. Where the vocabulary is too wide, later parts go on from the keys and values of earlier ones.
    """
    read = head.tensor([text.read])
    before = len(text.prompt) - 1
    at_once = max(1, LOGITS_AT_ONCE // int(head.model.config.get_text_config().vocab_size))
    ends = [*range(at_once, len(text.written), at_once), len(text.written)]
    source = _read_source(head, text.source)
    cache = None
    start = 0
    for first, end in zip([0, *ends], ends, strict=False):
        ids = read[:, start : before + end]
        options = {"cache": cache, "use_cache": len(ends) > 1}
        if source:
            output = head.model(decoder_input_ids=ids, **source, **options)
        else:
            output = head.model(input_ids=ids, logits_to_keep=end - first, **options)
        yield output.logits[0, first - end :]
        cache = output.cache
        start = before + end


def _read_source(head: Head, source: tuple[int, ...]) -> dict[str, Any]:
    """What an encoder-decoder's decoder is given of the source, which is read once."""
    if not source:
        return {}
    ids, mask = head.pad([source])
    return {"encoder_outputs": head.model.get_encoder()(input_ids=ids, attention_mask=mask), "attention_mask": mask}


def _measure(logits: torch.Tensor, written: torch.Tensor, sampling: Sampling) -> Reread:
    """What a few places' logits say.

    Args:
        logits: (places, vocabulary), float32.
        written: (places,).
    """
    chosen = written.unsqueeze(1)
    log_probs = logits.log_softmax(dim=-1)
    drawn_with = drawing_probabilities(logits, sampling)
    top_logits, top = logits.topk(min(TOP, logits.shape[-1]), dim=-1)
    return Reread(
        log_probs=_array(log_probs.gather(1, chosen).squeeze(1)),
        drawn_with=_array(drawn_with.gather(1, chosen).squeeze(1)),
        nucleus=_array((drawn_with > 0).sum(dim=-1)),
        top=_array(top),
        top_logits=_array(top_logits),
        top_log_probs=_array(log_probs.gather(1, top)),
        top_drawn_with=_array(drawn_with.gather(1, top)),
    )


def _array(values: torch.Tensor) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = values.cpu().numpy()
    return found


def drawing_probabilities(logits: torch.Tensor, sampling: Sampling) -> torch.Tensor:
    """The distribution that tokens are drawn from, after temperature and top_p; 0 where a token is cut off.

    It is that of `sampling.draw`: a token is in the nucleus if those that are likelier have less
    than top_p together.

    Args:
        logits: (places, vocabulary), float32.

    Returns:
        The same shape.
    """
    if sampling.greedy:
        return torch.zeros_like(logits).scatter_(1, logits.argmax(dim=-1, keepdim=True), 1)
    probabilities = (logits / sampling.temperature).softmax(dim=-1)
    if sampling.top_p >= 1:
        return probabilities
    kept = torch.where(probabilities >= _least_kept(probabilities, sampling.top_p), probabilities, 0)
    return kept / kept.sum(dim=-1, keepdim=True)


def _least_kept(probabilities: torch.Tensor, top_p: float) -> torch.Tensor:
    """The smallest number such that all that are larger sum to less than top_p, (places, 1).

    It is found by bisection, which takes a sixth of the time of sorting a vocabulary. Positive numbers are ordered as
    their bits are when read as an integer, so that the search ends at one number and needs no tolerance.
    """
    high = probabilities.amax(dim=-1, keepdim=True).view(torch.int32)
    low = torch.zeros_like(high)
    for _ in range(_BITS_OF_ONE):
        middle = (low + high) // 2
        likelier = torch.where(probabilities > middle.view(torch.float32), probabilities, 0).sum(dim=-1, keepdim=True)
        enough = likelier < top_p
        high = torch.where(enough, middle, high)
        low = torch.where(enough, low, middle + 1)
    return high.view(torch.float32)
