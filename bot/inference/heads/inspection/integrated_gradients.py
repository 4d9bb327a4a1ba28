"""Which tokens speak for an answer: integrated gradients along a stretch of the path from a baseline to the text.

The path is the straight line between the word embeddings of the baseline and those of the text. Integrals over
stretches of it add up to the integral over all of it, so each row is one stretch: a bounded piece of work, between two
of which the device serves others. Positions, segments and attention masks are the text's everywhere on the path.

Source: Sundararajan, Taly, Yan: Axiomatic Attribution for Deep Networks, 2017, arXiv:1703.01365. The integral is
captum's, by Gauss-Legendre quadrature.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bot.inference.operations import Budget, Operation, Row

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

Words = torch.Tensor
"""Word embeddings, (batch, tokens, hidden), float32."""


@dataclass(frozen=True)
class LabelLogit:
    """What is explained: the logit of a sequence classifier's label, by its id."""

    label: int


@dataclass(frozen=True)
class Contrast:
    """What is explained: by how much a causal language model would rather go on with some words than with others.

    It is the mean, over pairs, of the difference of the words' summed log-probabilities.

    Attributes:
        wanted: token ids of the words that count for.
        unwanted: those of the words that count against, as many; none where the words are taken by themselves.
    """

    wanted: tuple[tuple[int, ...], ...]
    unwanted: tuple[tuple[int, ...], ...]

    @property
    def signed(self) -> list[tuple[tuple[int, ...], float]]:
        """Each word with its factor."""
        share = 1 / len(self.wanted)
        return [*((word, share) for word in self.wanted), *((word, -share) for word in self.unwanted)]

    @property
    def passes(self) -> dict[tuple[int, ...], list[tuple[tuple[int, ...], float]]]:
        """What is read after the text, each with the words that it has all tokens of but the last."""
        beginnings = sorted({word[:-1] for word, _ in self.signed}, key=len, reverse=True)
        passes: dict[tuple[int, ...], list[tuple[tuple[int, ...], float]]] = {}
        for word, factor in self.signed:
            longest = next(one for one in beginnings if one[: len(word) - 1] == word[:-1])
            passes.setdefault(longest, []).append((word, factor))
        return passes


Target: TypeAlias = LabelLogit | Contrast


@dataclass(frozen=True)
class Stretch:
    """A stretch of the path from a baseline to a text.

    Attributes:
        ids: token ids of the text, with everything that the model reads around it.
        type_ids: which of two texts each token belongs to; None where the model does not ask.
        baseline: token ids of the same length; where they equal the text's, nothing is attributed.
        start: where the stretch begins, from 0 (the baseline).
        end: where it ends, to 1 (the text).
        points: at how many places between gradients are taken.
    """

    ids: tuple[int, ...]
    type_ids: tuple[int, ...] | None
    baseline: tuple[int, ...]
    target: Target
    start: float = 0.0
    end: float = 1.0
    points: int = 8

    @property
    def tokens(self) -> int:
        """How many are read for one gradient."""
        if isinstance(self.target, LabelLogit):
            return len(self.ids)
        return sum(len(self.ids) + len(beginning) for beginning in self.target.passes)

    @property
    def row(self) -> Row[Stretch]:
        """A row for `attribute`."""
        return Row(self, self.tokens * self.points)


@dataclass(frozen=True)
class StretchScores:
    """What a stretch adds.

    Attributes:
        scores: of each token, (tokens,), float64.
        difference: by how much the target grows along it: what the scores sum to where the integral is exact.
    """

    scores: npt.NDArray[np.float64]
    difference: float

    @property
    def error(self) -> float:
        """By how much the scores miss the difference."""
        return float(self.scores.sum()) - self.difference


def load_captum() -> None:
    """Import captum, on another thread than the device's: the first time takes a second or two."""
    import captum.attr  # noqa: F401


def attribution_operation(head: Head) -> Operation[Stretch, StretchScores]:
    """The operation of a head that has logits for labels, or for the next token. Each row is a batch of its own."""

    def run(rows: Sequence[Row[Stretch]]) -> list[StretchScores]:
        head.model.requires_grad_(False)  # gradients are wanted of the embeddings only
        return [_scores(head, row.inputs) for row in rows]

    return Operation("attribute", run, Budget(padded_tokens=1, rows=1))


@torch.enable_grad()
def _scores(head: Head, stretch: Stretch) -> StretchScores:
    from captum.attr import IntegratedGradients

    ids = head.tensor(stretch.ids)
    embed = head.model.get_input_embeddings()
    text, baseline = embed(ids)[None].float(), embed(head.tensor(stretch.baseline))[None].float()
    start, end = (baseline + place * (text - baseline) for place in (stretch.start, stretch.end))

    def forward(words: Words) -> torch.Tensor:
        with _words_replaced(head.model, ids, words):
            return _value(head, stretch, len(words))

    scores = IntegratedGradients(forward).attribute(end, start, n_steps=stretch.points)
    # With gradients too: int8 layers compute a little differently without.
    ends = forward(torch.cat([start, end]).requires_grad_())
    summed = scores[0].cpu().double().sum(dim=-1).numpy()
    first, last = ends.detach().cpu().double().tolist()
    return StretchScores(summed, last - first)


def _value(head: Head, stretch: Stretch, batch: int) -> torch.Tensor:
    """The target for each row of a batch of equal texts, (batch,), float32."""
    target = stretch.target
    if isinstance(target, LabelLogit):
        logits: torch.Tensor = head.model(**_inputs(head, stretch, batch)).logits
        return logits[:, target.label].float()
    value = torch.zeros(batch, device=head.device.name)
    for beginning, words in target.passes.items():
        inputs = _inputs(head, stretch, batch, beginning)
        output = head.model(**inputs, use_cache=False, logits_to_keep=len(beginning) + 1)
        log_probs = output.logits.float().log_softmax(dim=-1)
        for word, factor in words:
            value = value + factor * log_probs[:, head.tensor(range(len(word))), head.tensor(word)].sum(dim=-1)
    return value


def _inputs(head: Head, stretch: Stretch, batch: int, after: tuple[int, ...] = ()) -> dict[str, torch.Tensor]:
    ids = head.tensor([[*stretch.ids, *after]] * batch)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if stretch.type_ids is not None:
        inputs["token_type_ids"] = head.tensor([stretch.type_ids] * batch)
    return inputs


@contextmanager
def _words_replaced(model: nn.Module, ids: torch.Tensor, words: Words) -> Iterator[None]:
    """Have a model read other embeddings instead of those of some token ids, (tokens,), inside the body.

    Handing them over as `inputs_embeds` is not enough: models look at the ids too (BART for its decoder's input and
    for the end of the text, RoBERTa for the positions).
    """

    def replace(_: nn.Module, arguments: tuple[Any, ...], output: torch.Tensor) -> torch.Tensor:
        return _in_place(output, arguments[0], ids, words.to(output.dtype))

    hooks = [module.register_forward_hook(replace) for module in _word_embeddings(model)]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _in_place(output: torch.Tensor, read: torch.Tensor, ids: torch.Tensor, words: Words) -> torch.Tensor:
    """The output of an embedding that has read ids, with the words where they belong."""
    length = len(ids)
    if torch.equal(read[0, :length], ids):
        return torch.cat([words, output[:, length:]], dim=1)
    if torch.equal(read[0, 1:], ids[:-1]):  # BART's decoder reads the text one place later
        return torch.cat([output[:, :1], words[:, :-1]], dim=1)
    return output


def _word_embeddings(model: Any) -> list[nn.Module]:
    """The modules that look up words; an encoder and its decoder often have one each, of the same weights."""
    table: Callable[..., Any] = model.get_input_embeddings()
    address = table.weight.data_ptr()  # type: ignore[attr-defined]
    return [one for one in model.modules() if isinstance(one, nn.Embedding) and one.weight.data_ptr() == address]
