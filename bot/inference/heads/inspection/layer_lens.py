"""What a model would predict after each of its layers, and what each layer adds to the prediction.

Sources: nostalgebraist: interpreting GPT: the logit lens, 2020; Elhage et al.: A Mathematical Framework for Transformer
Circuits, 2021 (direct logit attribution).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from bot.inference.heads.checkpoint import Checkpoint
from bot.inference.heads.inspection.final_norm import FinalNorm
from bot.inference.heads.inspection.hidden_states import Reading
from bot.inference.heads.stacks import hooked, layers_of, states_of, with_states
from bot.inference.operations import Budget, Operation, Row
from bot.inference.soundness import none_above
from bot.inference.task import HeadKind

WRITES = (HeadKind.CAUSAL_LM, HeadKind.SEQ2SEQ_LM)


@dataclass(frozen=True)
class LensReading:
    """What is read, and which prediction is looked at."""

    reading: Reading
    position: int
    """Of the token at which the prediction is made: the decoder's, if there is one; negative from the end. A sequence
    classifier predicts at a place of its own."""
    token: int | None = None
    """What speaks for the positive direction: a token's id, or a label's; None for the likeliest."""
    other: int | None = None
    """What it is compared with; None for the likeliest other."""

    @property
    def row(self) -> Row[LensReading]:
        """A row for `lens`."""
        return Row(self, len(self.reading.ids) + len(self.reading.decoder_ids))


@dataclass(frozen=True)
class Lens:
    """A prediction after each layer: of the embeddings first, (layers + 1,) each."""

    token: int
    other: int
    likeliest: npt.NDArray[np.int64]
    """Ids of tokens, or of labels."""
    likeliest_probs: npt.NDArray[np.float32]
    probs: npt.NDArray[np.float32]
    """Of `token`."""
    differences: npt.NDArray[np.float64]
    """The logit of `token` minus that of `other`."""
    shares: npt.NDArray[np.float64]
    """What each layer adds to the last difference; the first one is the embeddings'. With `rest` they sum to it."""
    rest: float
    """Of the last difference, what no layer has added: the biases of the final normalisation and of the head."""
    is_direct: bool
    """The shares are measured with the final normalisation as it is at the end (direct logit attribution); otherwise
    they are the changes of `differences`, because what follows the layers is not linear."""
    difference: float
    """The last difference once more, by the model's ordinary pass."""


def lens_operation(checkpoint: Checkpoint, kind: HeadKind) -> Operation[LensReading, Lens | None]:
    """Make the operation; it outputs None if the architecture's layers are not known. Each row is read alone."""

    def run(rows: Sequence[Row[LensReading]]) -> list[Lens | None]:
        return [_look(checkpoint, kind, row.inputs) for row in rows]

    return Operation("lens", run, Budget(padded_tokens=checkpoint.context_length, rows=1), is_sound=none_above)


@torch.inference_mode()
def _look(checkpoint: Checkpoint, kind: HeadKind, asked: LensReading) -> Lens | None:
    layers = layers_of(checkpoint.model, "decoder" if checkpoint.model.config.is_encoder_decoder else "")
    if not layers:
        return None
    states, right = _states(checkpoint, kind, asked, layers)
    tail = _Tail(checkpoint, kind, asked, layers[-1])
    logits = tail.logits(states)
    token = int(right.argmax()) if asked.token is None else asked.token
    others = right.clone()
    others[token] = -torch.inf
    other = int(others.argmax()) if asked.other is None else asked.other
    differences = (logits[:, token].double() - logits[:, other].double()).cpu().numpy()
    shares, rest, is_direct = np.diff(differences, prepend=0.0), 0.0, False
    if tail.norm is not None and (found := _direct(tail, states, token, other)) is not None:
        shares, rest, is_direct = *found, True
    probs = logits.softmax(dim=-1)
    best, ids = probs.max(dim=-1)
    return Lens(
        token,
        other,
        ids.cpu().numpy(),
        best.cpu().numpy(),
        probs[:, token].cpu().numpy(),
        differences,
        shares,
        rest,
        is_direct,
        float(right[token].double() - right[other].double()),
    )


def _states(
    checkpoint: Checkpoint, kind: HeadKind, asked: LensReading, layers: Sequence[nn.Module]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the states at the position, (layers + 1, hidden), and the logits that the model makes of the last one."""
    position = asked.position
    if kind is HeadKind.SEQUENCE_CLASSIFIER:  # BERT's relatives look at the first token, BART at the last
        position = -1 if checkpoint.model.config.is_encoder_decoder else 0
    found: list[torch.Tensor] = []

    def before(module: nn.Module, arguments: tuple[torch.Tensor, ...], named: dict[str, torch.Tensor]) -> None:
        found.append((arguments[0] if arguments else named["hidden_states"])[0, position].clone())

    def after(module: nn.Module, arguments: object, output: object) -> None:
        found.append(states_of(output)[0, position].clone())

    options: dict[str, object] = {"use_cache": False} if kind in WRITES else {}
    if kind is HeadKind.CAUSAL_LM:  # logits of other positions would take long
        options["logits_to_keep"] = checkpoint.tensor([position % len(asked.reading.ids)])
    reading = asked.reading
    handle = layers[0].register_forward_pre_hook(before, with_kwargs=True)
    try:
        with hooked([(layer, after) for layer in layers]):
            inputs = checkpoint.inputs(reading.ids, reading.type_ids, reading.decoder_ids)
            logits = checkpoint.model(**inputs, **options).logits[0]
    finally:
        handle.remove()
    if logits.ndim == 2:
        logits = logits[0 if kind is HeadKind.CAUSAL_LM else position]
    return torch.stack(found), logits.float()


class _Tail:
    """What follows the last layer: it is run on states of our choice, by the model's own code.

    Attributes:
        norm: the module that reads the last layer's output first, if it is a normalisation.
        output: of `norm` or of the last layer, in the last run, (rows, 1, hidden).
    """

    def __init__(self, checkpoint: Checkpoint, kind: HeadKind, asked: LensReading, last: nn.Module) -> None:
        self._checkpoint, self._kind, self._asked, self._last = checkpoint, kind, asked, last
        self._replaced: torch.Tensor | None = None
        inside = {id(module) for module in last.modules()}
        self._norms = [
            module
            for module in checkpoint.model.modules()
            if "norm" in type(module).__name__.lower() and id(module) not in inside
        ]
        self.norm: nn.Module | None = None
        self.output: torch.Tensor | None = None

    def logits(self, states: torch.Tensor) -> torch.Tensor:
        """Return the logits of each state, (rows, vocabulary or labels), float32."""
        reading, kind, rows = self._asked.reading, self._kind, len(states)
        # A text of a single token for each state: nothing behind the layers looks at other tokens. BART's classifier
        # looks for the token that ends a text.
        one = reading.ids[-1:] if kind is HeadKind.SEQUENCE_CLASSIFIER else reading.ids[:1]
        types = None if reading.type_ids is None else reading.type_ids[:1]
        inputs = self._checkpoint.inputs(one, types, reading.decoder_ids[:1], batch=rows)
        options = {"use_cache": False} if kind in WRITES else {}

        def replace(module: nn.Module, arguments: object, output: object) -> object:
            self._replaced = states[:, None].to(states_of(output).dtype)
            return with_states(output, self._replaced)

        def watch(module: nn.Module, arguments: tuple[object, ...], output: torch.Tensor) -> None:
            if arguments and arguments[0] is self._replaced:
                self.norm, self.output = module, output

        hooks = [(self._last, replace), *((norm, watch) for norm in self._norms)]
        with hooked(hooks):
            logits: torch.Tensor = self._checkpoint.model(**inputs, **options).logits
        return logits.reshape(rows, -1).float()

    def directions(self, state: torch.Tensor, tokens: Sequence[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the logits of tokens, and their gradients at the output of `norm`, (tokens, hidden), float64."""
        assert self.norm is not None
        normalised: list[torch.Tensor] = []

        def keep(module: nn.Module, arguments: object, output: torch.Tensor) -> torch.Tensor:
            normalised.append(output.detach().requires_grad_())
            return normalised[-1]

        with torch.inference_mode(mode=False), torch.enable_grad(), hooked([(self.norm, keep)]):
            logits = self.logits(state[None].clone())[0]
            gradients = [torch.autograd.grad(logits[token], normalised[0], retain_graph=True)[0] for token in tokens]
        return logits[list(tokens)].detach().double(), torch.stack(gradients)[:, 0, 0].double()


def _direct(tail: _Tail, states: torch.Tensor, token: int, other: int) -> tuple[npt.NDArray[np.float64], float] | None:
    """Return what each state adds to the last difference of logits, and the rest; None if this cannot be told."""
    assert tail.norm is not None
    assert tail.output is not None
    frozen = FinalNorm.of(tail.norm, states[-1], tail.output[-1, 0])
    if frozen is None:
        return None
    logits, directions = tail.directions(states[-1], (token, other))
    direction = directions[0] - directions[1]
    added = torch.cat([states[:1].double(), states[1:].double() - states[:-1].double()])
    shares = (frozen.scaled(added) * direction).sum(dim=-1).cpu().numpy()
    return shares, float(logits[0] - logits[1]) - float(shares.sum())
