"""Integrated gradients: which tokens speak for an answer. The pages have had them, until other methods proved better.

Source: Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks, 2017, arXiv:1703.01365. The integral is
captum's, by Gauss-Legendre quadrature.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from captum.attr import IntegratedGradients
from torch import nn
from transformers import PreTrainedModel

from bot.inference.heads.checkpoint import Checkpoint

Words = torch.Tensor
"""Word embeddings, (batch, tokens, hidden), float32."""


@dataclass(frozen=True)
class LabelLogit:
    """Explains the logit of a sequence classifier's label, by its id."""

    label: int


@dataclass(frozen=True)
class Contrast:
    """Explains by how much a causal language model prefers some next words to others.

    The value is the mean, over pairs, of the difference of the words' summed log-probabilities.
    """

    wanted: tuple[tuple[int, ...], ...]
    """Token ids of the preferred words."""
    unwanted: tuple[tuple[int, ...], ...]
    """Those of as many other words; none if the words are not compared with others."""

    @property
    def signed(self) -> list[tuple[tuple[int, ...], float]]:
        """Each word with its factor."""
        share = 1 / len(self.wanted)
        return [*((word, share) for word in self.wanted), *((word, -share) for word in self.unwanted)]

    @property
    def passes(self) -> dict[tuple[int, ...], list[tuple[tuple[int, ...], float]]]:
        """The beginnings that are read after the text, each with the words that it predicts."""
        # A word's last token is only predicted. Words that begin alike share a pass.
        beginnings = sorted({word[:-1] for word, _ in self.signed}, key=len, reverse=True)
        passes: dict[tuple[int, ...], list[tuple[tuple[int, ...], float]]] = {}
        for word, factor in self.signed:
            longest = next(beginning for beginning in beginnings if beginning[: len(word) - 1] == word[:-1])
            passes.setdefault(longest, []).append((word, factor))
        return passes


Target: TypeAlias = LabelLogit | Contrast


@dataclass(frozen=True)
class Stretch:
    """A stretch of the straight line from a baseline's word embeddings to those of a text."""

    ids: tuple[int, ...]
    """Token ids of the text, with everything that the model reads around it."""
    type_ids: tuple[int, ...] | None
    """Which of two texts each token belongs to; None if the model doesn't ask."""
    baseline: tuple[int, ...]
    """As many token ids. Tokens that equal the text's are attributed nothing."""
    target: Target
    start: float = 0.0
    """From 0, the baseline, to 1, the text."""
    end: float = 1.0
    points: int = 8
    """Points of the stretch at which gradients are taken."""

    @property
    def tokens(self) -> int:
        """Tokens that are read for one gradient."""
        if isinstance(self.target, LabelLogit):
            return len(self.ids)
        return sum(len(self.ids) + len(beginning) for beginning in self.target.passes)


@dataclass(frozen=True)
class StretchScores:
    """Integrated gradients over a stretch."""

    scores: npt.NDArray[np.float64]
    """Of each token, (tokens,)."""
    difference: float
    """By how much the target grows along the stretch: the sum of the scores, if the integral is exact."""

    @property
    def error(self) -> float:
        """The sum of the scores minus the difference."""
        return float(self.scores.sum()) - self.difference


@torch.enable_grad()
def gradients_along(checkpoint: Checkpoint, stretch: Stretch) -> StretchScores:
    """Integrate the gradients of a stretch's target; only those of the embeddings are wanted."""
    checkpoint.model.requires_grad_(False)
    ids = checkpoint.tensor(stretch.ids)
    embed = checkpoint.model.get_input_embeddings()
    text, baseline = embed(ids)[None].float(), embed(checkpoint.tensor(stretch.baseline))[None].float()
    start, end = (baseline + share * (text - baseline) for share in (stretch.start, stretch.end))

    def forward(words: Words) -> torch.Tensor:
        with _words_replaced(checkpoint.model, ids, words):
            return _value(checkpoint, stretch, len(words))

    scores = IntegratedGradients(forward).attribute(end, start, n_steps=stretch.points)
    # With gradients too: int8 layers compute a little differently without.
    ends = forward(torch.cat([start, end]).requires_grad_())
    summed = scores[0].cpu().double().sum(dim=-1).numpy()
    first, last = ends.detach().cpu().double().tolist()
    return StretchScores(summed, last - first)


def _value(checkpoint: Checkpoint, stretch: Stretch, batch: int) -> torch.Tensor:
    """Return the target's value for each row of a batch of equal texts, (batch,), float32."""
    target = stretch.target
    if isinstance(target, LabelLogit):
        inputs = checkpoint.inputs(stretch.ids, stretch.type_ids, batch=batch)
        logits: torch.Tensor = checkpoint.model(**inputs).logits
        return logits[:, target.label].float()
    value = torch.zeros(batch, device=checkpoint.device.name)
    for beginning, words in target.passes.items():
        inputs = checkpoint.inputs((*stretch.ids, *beginning), stretch.type_ids, batch=batch)
        output = checkpoint.model(**inputs, use_cache=False, logits_to_keep=len(beginning) + 1)
        log_probs = output.logits.float().log_softmax(dim=-1)
        for word, factor in words:
            positions, tokens = checkpoint.tensor(range(len(word))), checkpoint.tensor(word)
            value = value + factor * log_probs[:, positions, tokens].sum(dim=-1)
    return value


@contextmanager
def _words_replaced(model: PreTrainedModel, ids: torch.Tensor, words: Words) -> Iterator[None]:
    """Replace the embeddings of some token ids, (tokens,), inside the body."""
    # `inputs_embeds` is not enough: models read the ids too (BART for its decoder's input and for the end of the text,
    # RoBERTa for the positions).

    def replace(_: nn.Module, arguments: tuple[torch.Tensor], output: torch.Tensor) -> torch.Tensor:
        return _replaced(output, arguments[0], ids, words.to(output.dtype))

    hooks = [module.register_forward_hook(replace) for module in word_embeddings(model)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _replaced(output: torch.Tensor, read: torch.Tensor, ids: torch.Tensor, words: Words) -> torch.Tensor:
    """Return an embedding's output with `words` in place of the text's tokens, if it has read the text."""
    length = len(ids)
    if torch.equal(read[0, :length], ids):
        return torch.cat([words, output[:, length:]], dim=1)
    if torch.equal(read[0, 1:], ids[:-1]):  # BART's decoder reads the text one position later
        return torch.cat([output[:, :1], words[:, :-1]], dim=1)
    return output


def word_embeddings(model: PreTrainedModel) -> list[nn.Module]:
    """Return the modules that look up words: an encoder and its decoder often have one each, of the same weights."""
    table: nn.Embedding = model.get_input_embeddings()
    address = table.weight.data_ptr()
    return [
        module for module in model.modules() if isinstance(module, nn.Embedding) and module.weight.data_ptr() == address
    ]
