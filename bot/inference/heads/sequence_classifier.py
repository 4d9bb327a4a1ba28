"""An encoder with a classification head: sentiment, and natural language inference for zero-shot."""

from __future__ import annotations

from collections.abc import Sequence

from bot.inference.heads.encoder_head import EncoderHead, EncoderInput, Floats
from bot.inference.heads.head import Loaded
from bot.inference.operations import Row
from bot.inference.task import HeadKind


class SequenceClassifier(EncoderHead):
    """`AutoModelForSequenceClassification`.

    Attributes:
        labels: the names of the classes, by id.
        independent: whether each class has a probability of its own (sigmoid, not softmax).
        classify: outputs logits, (labels,), float32.
    """

    kind = HeadKind.SEQUENCE_CLASSIFIER

    def __init__(self, *loaded: *Loaded) -> None:
        super().__init__(*loaded)
        config = self.model.config
        self.labels = tuple(str(config.id2label[index]) for index in range(config.num_labels))
        self.independent = config.problem_type == "multi_label_classification" or config.num_labels == 1
        self.classify = self.operation("classify")

    @property
    def entailment(self) -> int | None:
        """The id of the entailment class if this is a natural language inference model, else None."""
        unnamed = all(label == f"LABEL_{index}" for index, label in enumerate(self.labels))
        if unnamed and len(self.labels) in (2, 3):  # entailment or not, or neutral too
            return len(self.labels) - 1  # as transformers' pipeline does
        return next((index for index, label in enumerate(self.labels) if label.casefold().startswith("entail")), None)

    @property
    def contradiction(self) -> int | None:
        """The id of the class that entailment is measured against if each label is judged on its own.

        It is the class with that name, or the only other one, or as transformers chooses without looking at names: the
        first class, or the last one if the first is entailment.
        """
        entailment = self.entailment
        if entailment is None:
            return None
        others = [index for index in range(len(self.labels)) if index != entailment]
        named = [index for index in others if self.labels[index].casefold().startswith("contra")]
        if named or len(others) == 1:
            return [*named, *others][0]
        return len(self.labels) - 1 if entailment == 0 else 0

    def compute(self, rows: Sequence[Row[EncoderInput]]) -> list[Floats]:
        return list(self.forward(rows).logits.float().cpu().numpy())
