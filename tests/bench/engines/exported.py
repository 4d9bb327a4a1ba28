"""What engines are given: a checkpoint's float32 weights, and an example of its inputs."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch

from bot.inference.heads.head import Head
from tests.bench.encoding import Logits, asked_mask, input_names

EXAMPLES = ("The coffee was cold.", "The train was late, and she told nobody about it.")
"""Texts of different lengths: a mask without padding would be dropped from an exported model."""


def example_of(head: Head) -> dict[str, torch.Tensor]:
    """Return a padded batch of an encoder's inputs, (2, tokens) each."""
    mask = head.tokenizer.mask_token or ""
    encoded = head.tokenizer([f"{text} {mask}" for text in EXAMPLES], padding=True, return_tensors="pt")
    return {name: encoded[name] for name in input_names(head)}


def logits_of(task: str, head: Head) -> Logits:
    """Return the module that an encoder's engine computes for a task."""
    return Logits(head, asked_mask(task, head))


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep exporters' remarks about other people's code to themselves."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with (
            warnings.catch_warnings(),
            Path(os.devnull).open("w", encoding="utf-8") as nowhere,
            contextlib.redirect_stdout(nowhere),
            contextlib.redirect_stderr(nowhere),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def cores() -> int:
    """Return how many cores engines may use: as many as PyTorch does."""
    return torch.get_num_threads()
