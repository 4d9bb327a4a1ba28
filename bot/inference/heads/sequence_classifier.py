"""An encoder with a classification head: sentiment, and natural language inference for zero-shot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from bot.inference.heads.attributions import Stretch, StretchScores, attribution_operation
from bot.inference.heads.encoder_input import EncoderHead, EncoderInput, encoder_budget
from bot.inference.steps import Operation, Row
from bot.inference.task import HeadKind


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
        """The id of the entailment class where this is a natural language inference model, else None."""
        for index, label in enumerate(self.labels):
            if label.lower().startswith("entail"):
                return index
        return None

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[npt.NDArray[np.float32]]:
        logits: torch.Tensor = self.read(rows).logits
        return list(logits.float().cpu().numpy())
