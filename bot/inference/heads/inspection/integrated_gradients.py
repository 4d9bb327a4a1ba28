"""Integrated gradients: which tokens speak for an answer.

Source: Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks, 2017, arXiv:1703.01365. The integral is
captum's, by Gauss-Legendre quadrature.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from transformers import PreTrainedModel

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.inspection.stretches import LabelLogit, Stretch
from bot.inference.operations import Budget, Operation, Row

Words = torch.Tensor
"""Word embeddings, (batch, tokens, hidden), float32."""


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


def load_captum() -> None:
    """Import captum, which takes a second or two the first time."""
    import captum.attr  # noqa: F401


def attribution_operation(checkpoint: Checkpoint) -> Operation[Stretch, StretchScores]:
    """Make the operation that computes integrated gradients. Each row is a batch of its own."""

    def run(rows: Sequence[Row[Stretch]]) -> list[StretchScores]:
        checkpoint.model.requires_grad_(False)  # gradients are wanted of the embeddings only
        return [_scores(checkpoint, row.inputs) for row in rows]

    return Operation("attribute", run, Budget(padded_tokens=1, rows=1))


@torch.enable_grad()
def _scores(checkpoint: Checkpoint, stretch: Stretch) -> StretchScores:
    from captum.attr import IntegratedGradients

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

    hooks = [module.register_forward_hook(replace) for module in _word_embeddings(model)]
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


def _word_embeddings(model: PreTrainedModel) -> list[nn.Module]:
    """Return the modules that look up words: an encoder and its decoder often have one each, of the same weights."""
    table: nn.Embedding = model.get_input_embeddings()
    address = table.weight.data_ptr()
    return [
        module for module in model.modules() if isinstance(module, nn.Embedding) and module.weight.data_ptr() == address
    ]
