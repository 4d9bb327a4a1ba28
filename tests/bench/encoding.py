"""The requests of an encoder's task as sorted batches, and its logits as answers: the same for every contender."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import torch

from bot.inference.heads.head import Head
from bot.inference.requests import Request
from bot.inference.task import HeadKind
from bot.tasks.zeroshot import HYPOTHESIS

T = TypeVar("T")
Requests: TypeAlias = Sequence[Request[object]]
Inputs: TypeAlias = Mapping[str, torch.Tensor]
"""The arguments of a model, (rows, tokens) each, padded on the right."""
Forward: TypeAlias = Callable[[Iterable[Inputs]], Iterable[torch.Tensor]]
"""Computes batches, side by side if it can; yields the logits of each, in their order."""
Row: TypeAlias = dict[str, list[int]]
TASKS = {
    "sentiment": HeadKind.SEQUENCE_CLASSIFIER,
    "fill": HeadKind.MASKED_LM,
    "zeroshot": HeadKind.SEQUENCE_CLASSIFIER,
}


class Encoding:
    """How the requests of a task are answered at once, by anything that computes an encoder's logits.

    Texts are tokenized here, and answers are read from probabilities here, so every contender's time has both in it.

    Args:
        task: one of `TASKS`.
    """

    def __init__(self, task: str, head: Head) -> None:
        self._task = task
        self._head = head

    def answer(self, requests: Requests, size: int, forward: Forward) -> list[int]:
        """Answer requests in batches of a size: each with the id of a class or a token, or a label's index."""
        rows = self._rows(requests)
        together = len(rows) // len(requests)  # for the pairs of a text and its labels `size` counts requests
        # The longest first: one of several lanes that ends with a long batch lets the others wait.
        order = sorted(range(len(rows)), key=lambda index: -len(rows[index]["input_ids"]))
        chunks = list(chunked(order, size * together))
        found: dict[int, float] = {}
        logits = forward(self._padded([rows[index] for index in chunk]) for chunk in chunks)
        for chunk, output in zip(chunks, logits, strict=True):
            found |= zip(chunk, self._read(output, requests), strict=True)
        if together == 1:
            return [int(found[index]) for index in range(len(rows))]
        firsts = range(0, len(rows), together)
        return [max(range(together), key=lambda label: found[first + label]) for first in firsts]

    def _rows(self, requests: Any) -> list[Row]:
        match self._task:
            case "sentiment":
                return self._encode([request.text for request in requests])
            case "fill":
                return self._encode([self._head.tokenizer.mask_token.join(request.parts) for request in requests])
            case _:
                texts = [request.text for request in requests for _ in request.labels]
                return self._encode(texts, [HYPOTHESIS.format(label) for one in requests for label in one.labels])

    def _read(self, logits: torch.Tensor, requests: Any) -> list[float]:
        """Return each row's likeliest class or token, or its label's logit for entailment."""
        if self._task == "zeroshot":  # a softmax over the labels would leave them in this order
            return list(logits.float()[:, self._entailment].cpu().tolist())
        best = logits.float().softmax(dim=-1).topk(requests[0].top_k if self._task == "fill" else 1)
        return list(best.indices[:, 0].cpu().tolist())

    @property
    def _entailment(self) -> int:
        found: int | None = getattr(self._head, "entailment", None)
        return -1 if found is None else found

    def _encode(self, texts: Sequence[str], pairs: Sequence[str] | None = None) -> list[Row]:
        truncation = True if pairs is None else "only_first"
        encoded = self._head.tokenizer(texts, pairs, truncation=truncation, max_length=self._head.context_length)
        names = [name for name in input_names(self._head) if name != "attention_mask"]
        return [{name: encoded[name][index] for name in names} for index in range(len(texts))]

    def _padded(self, rows: Sequence[Row]) -> Inputs:
        inputs: dict[str, torch.Tensor] = {}
        for name in rows[0]:
            inputs[name], inputs["attention_mask"] = self._head.pad([row[name] for row in rows])
        return inputs


class Logits(torch.nn.Module):
    """A model that returns only its logits.

    Args:
        mask: the id of the token at which logits are wanted, of which each text has one; None if they are of texts.
        everywhere: whether the logits of all tokens are computed before, as the worker does.
    """

    def __init__(self, head: Head, mask: int | None = None, *, everywhere: bool = False) -> None:
        super().__init__()
        self.model: Any = head.model
        self._options = {"use_cache": False} if head.model.config.is_encoder_decoder else {}
        self._mask = mask
        self._everywhere = everywhere
        self._masks = threading.local()  # lanes share the model
        if mask is not None and not everywhere:
            self.model.get_output_embeddings().register_forward_pre_hook(self._keep_masks)

    def forward(
        self, input_ids: torch.Tensor, attention_mask: torch.Tensor, token_type_ids: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Compute logits, (rows, classes) or (rows, vocabulary)."""
        types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        masks = None if self._mask is None else (input_ids == self._mask).int().argmax(dim=1)
        self._masks.positions = masks
        try:
            output = self.model(input_ids=input_ids, attention_mask=attention_mask, **types, **self._options)
        finally:
            self._masks.positions = None
        logits: torch.Tensor = output.logits
        return _at(masks, logits) if self._everywhere and masks is not None else logits

    def _keep_masks(self, layer: torch.nn.Module, arguments: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        # The vocabulary's matrix is as large as the six layers before it, and only the mask's row of it is asked for.
        positions = getattr(self._masks, "positions", None)
        if positions is None:
            return arguments
        [hidden] = arguments
        return (_at(positions, hidden),)


def _at(positions: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
    """Return each row's state at its position, (rows, …)."""
    return states[torch.arange(states.shape[0], device=states.device), positions]


def asked_mask(task: str, head: Head) -> int | None:
    """Return the id of the token at which a task wants logits; None if it wants those of texts."""
    mask: int | None = head.tokenizer.mask_token_id if task == "fill" else None
    return mask


def input_names(head: Head) -> list[str]:
    """Return the names of an encoder's arguments, in the order of `Logits.forward`."""
    known = ("input_ids", "attention_mask", "token_type_ids")
    return [name for name in known if name in head.tokenizer.model_input_names]


def chunked(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Divide a list into parts of a size, the last of which may be smaller."""
    return (items[start : start + size] for start in range(0, len(items), size))
