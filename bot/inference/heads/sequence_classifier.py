"""An encoder with a classification head: sentiment, and natural language inference for zero-shot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from bot.inference.heads.encoder_input import EncoderHead, EncoderInput, encoder_budget
from bot.inference.heads.inspection.integrated_gradients import Stretch, StretchScores, attribution_operation
from bot.inference.operations import Operation, Row
from bot.inference.task import HeadKind

_CLASSES = (2, 3)
"""How many a natural language inference model has: entailment or not, or also whether neither is meant."""


class SequenceClassifier(EncoderHead):
    """`AutoModelForSequenceClassification`.

    Attributes:
        labels: the names of the classes, by id.
        independent: whether each class has a probability of its own (sigmoid), instead of all of them sharing one
            (softmax).
        classify: the operation; its outputs are logits of shape (labels,), float32.
        attribute: the operation that tells which tokens speak for a label.
    """

    kind = HeadKind.SEQUENCE_CLASSIFIER

    def set_up(self) -> None:
        config = self.model.config
        self.labels = tuple(str(config.id2label[index]) for index in range(config.num_labels))
        self.independent = config.problem_type == "multi_label_classification" or config.num_labels == 1
        self.classify: Operation[EncoderInput, npt.NDArray[np.float32]] = Operation(
            "classify", self.run, encoder_budget(self.device)
        )
        self.attribute: Operation[Stretch, StretchScores] = attribution_operation(self)

    @property
    def entailment(self) -> int | None:
        """The id of the entailment class where this is a natural language inference model, else None.

        A checkpoint whose classes have no names counts as one where it has as many as such a model: transformers'
        pipeline takes the last one then.
        """
        if self._unnamed and len(self.labels) in _CLASSES:
            return len(self.labels) - 1
        return next((index for index, label in enumerate(self.labels) if _is_entailment(label)), None)

    @property
    def contradiction(self) -> int | None:
        """The id of the class that entailment is measured against where each label is judged on its own.

        It is the one that is called so, wherever it stands; with two classes, the other one. Only where no name tells,
        this is transformers' own rule: the first class, or the last one where the first is entailment. transformers'
        pipeline always follows that rule, and measures against `neutral` where the order is entailment, contradiction,
        neutral.
        """
        entailment = self.entailment
        if entailment is None:
            return None
        others = [index for index in range(len(self.labels)) if index != entailment]
        named = [index for index in others if self.labels[index].casefold().startswith("contra")]
        if named or len(others) == 1:
            return [*named, *others][0]
        return len(self.labels) - 1 if entailment == 0 else 0

    @property
    def _unnamed(self) -> bool:
        """Whether the classes have no names but those that transformers gives them."""
        return all(label == f"LABEL_{index}" for index, label in enumerate(self.labels))

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[npt.NDArray[np.float32]]:
        logits: torch.Tensor = self.read(rows).logits
        return list(logits.float().cpu().numpy())


def _is_entailment(label: str) -> bool:
    return label.casefold().startswith("entail")
