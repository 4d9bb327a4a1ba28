"""A sentiment classifier from an encoder of sentences, trained in a minute on the labelled sentences.

No classifier with real weights is at hand where only package registries can be reached; the encoder of the starter
preset is. Half of the `dev` sentences train it and the other half are left to be explained, and the other way round.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
import transformers

from bot.evaluation.labelled import read_examples
from bot.tasks.sentiment import ANCHORS, SentimentRequest

LABELS = ("NEGATIVE", "POSITIVE")
EPOCHS = 10
BATCH = 8
LEARNING_RATE = 5e-5

Labelled: TypeAlias = tuple[str, int]
"""A text and the id of its label."""


@dataclass(frozen=True)
class Fold:
    """A checkpoint, and the sentences that it was not trained on."""

    folder: Path
    held_out: tuple[Labelled, ...]


def labelled(half: str) -> list[Labelled]:
    """Return the sentences of `dev` or `test` with their labels."""
    asked = [one for one in read_examples(half) if isinstance(one.request, SentimentRequest)]
    return [(one.request.subject, int("positive" in one.accepted)) for one in asked]


def folds(encoder: Path, folder: Path) -> Iterator[Fold]:
    """Train two classifiers from an encoder's folder, and save them in another one."""
    every = labelled("dev")
    plain = [(text, label) for pair in ANCHORS for text, label in zip(pair, (1, 0), strict=True)]
    # Sentences come in pairs, a positive and a negative one about the same thing.
    halves = [[one for index, one in enumerate(every) if index // 2 % 2 == half] for half in (0, 1)]
    for index, (learnt, held_out) in enumerate((halves, halves[::-1])):
        made = folder / f"fold-{index}"
        train(encoder, made, [*learnt, *plain])
        yield Fold(made, tuple(held_out))


def train(encoder: Path, folder: Path, sentences: Sequence[Labelled]) -> None:
    """Train all layers and a new classification head, the same way each time, and save the checkpoint."""
    torch.manual_seed(0)
    names = {"id2label": dict(enumerate(LABELS)), "label2id": {name: index for index, name in enumerate(LABELS)}}
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(encoder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(encoder, dtype=torch.float32, **names)
    model.train()
    learning = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
    order, shuffle = list(sentences), random.Random(0)
    for _ in range(EPOCHS):
        shuffle.shuffle(order)
        for first in range(0, len(order), BATCH):
            texts, labels = zip(*order[first : first + BATCH], strict=True)
            read = tokenizer(list(texts), return_tensors="pt", padding=True)
            loss = torch.nn.functional.cross_entropy(model(**read).logits, torch.tensor(labels))
            learning.zero_grad()
            torch.autograd.backward(loss)
            learning.step()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
