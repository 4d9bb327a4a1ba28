"""A decoder that continues a text, or scores continuations."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch

from bot.errors import ModelUnavailable
from bot.inference.heads.checkpoint import Checkpoint, on_device
from bot.inference.heads.generation.continuous_batching import Generated, Generation, ModelRunner, RunningBatch
from bot.inference.heads.generation.cuda_graphs import CudaGraphs, cuda_graphs
from bot.inference.heads.generation.padded_runner import PaddedRunner
from bot.inference.heads.generation.ragged_runner import RaggedRunner, can_be_ragged
from bot.inference.heads.generation.sampling import Sampling
from bot.inference.heads.generation.token_logprobs import token_log_probs
from bot.inference.heads.head import Head, Loaded
from bot.inference.heads.invariance.batch_invariance import BatchInvariance, Numbers, batch_invariance
from bot.inference.heads.scoring import Continuations, LogProbs, next_token_log_probs, score
from bot.inference.operations import Budget, Operation, Row
from bot.inference.soundness import none_above
from bot.inference.task import HeadKind
from bot.locales.message import later
from bot.locales.values import later_whole
from bot.text.characters import REPLACEMENT_CHARACTER

SAMPLES = tuple(
    Continuations(tuple(range(3, 3 + length)), candidates)
    for length, candidates in (
        (5, ((3,), (4,), (5,), (6, 7), (8,))),
        (37, ((3, 4, 5), (3, 4, 6), (5, 6), (7,))),
        (2, ((5, 6, 7, 3, 4, 8),)),
    )
)
"""Prompts of different lengths for the probe of batch invariance. Any tokens serve."""


class CausalLM(Head):
    """`AutoModelForCausalLM`.

    Attributes:
        score: outputs, per candidate, the log-probabilities of its tokens given the prompt and the tokens before.
        next_token: outputs the log-probabilities of the token after the prompt, (vocabulary,), float32; the row's
            candidates are not used.
        generate: outputs the continuation.
        token_log_probs: outputs log-probabilities at each position of a written text.
    """

    kind = HeadKind.CAUSAL_LM

    def __init__(self, *loaded: *Loaded) -> None:
        super().__init__(*loaded)
        scoring = Budget(1_024, rows=64) if self.device.on_cpu else Budget(16_384, rows=256)
        generating = Budget(4_096, rows=16) if self.device.on_cpu else Budget(65_536, rows=64)
        self._graphs = cuda_graphs(self)
        self.score = Operation("score", self._score, scoring, is_sound=none_above)
        self.next_token = Operation("next_token", self._next_token, scoring, is_sound=none_above)
        self.generate = Operation[Generation, Generated].iterative("generate", self._running_batch, generating)
        self.token_log_probs = token_log_probs(self)

    def encode(self, text: str) -> tuple[int, ...]:
        """Return token ids of a text at the start of a context, with the begin-of-text token if the model has one."""
        return tuple(self.tokenize(text))

    def encode_rest(self, text: str) -> tuple[int, ...]:
        """Return token ids of a text that follows another one, without special tokens."""
        return tuple(self.tokenize(text, add_special_tokens=False))

    def beginning(self, text: str, tokens: int) -> str:
        """Return the first tokens of a text."""
        return self._part(text, tokens, keep_end=False)

    def ending(self, text: str, tokens: int) -> str:
        """Return the last tokens of a text."""
        return self._part(text, tokens, keep_end=True)

    def fit(self, text: str, needed: Callable[[str], int], *, keep_end: bool = False) -> tuple[str, bool]:
        """Return as much of a text as the context has room for, and whether anything was cut off.

        Args:
            needed: counts the tokens that are read in all for a text, which grow with it.
            keep_end: cut the beginning, rather than the end.

        Raises:
            ModelUnavailable: the context is too short even for an empty text.
        """
        if needed(text) <= self.context_length:
            return text, False
        if needed("") > self.context_length:
            raise ModelUnavailable(
                later(
                    "This checkpoint reads {context_length} tokens at most, which is too few for this command. "
                    "Whoever runs this bot can set another one.",
                    context_length=later_whole(self.context_length),
                )
            )
        fewest, most = 0, len(self.encode_rest(text))
        while fewest < most:
            middle = (fewest + most + 1) // 2
            if needed(self._part(text, middle, keep_end=keep_end)) <= self.context_length:
                fewest = middle
            else:
                most = middle - 1
        return self._part(text, fewest, keep_end=keep_end), True

    def _part(self, text: str, tokens: int, *, keep_end: bool) -> str:
        ids = self.encode_rest(text)
        if len(ids) <= tokens:
            return text
        part = self.decode(ids[len(ids) - tokens :] if keep_end else ids[:tokens])
        return part.strip(REPLACEMENT_CHARACTER)  # a character whose bytes were cut apart

    @property
    def vocabulary_size(self) -> int:
        """Tokens that the tokenizer knows and the model has a logit for."""
        return min(len(self.tokenizer), self.logits_width)

    def decode_each(self, ids: Iterable[int]) -> list[str]:
        """Return the text of each token by itself."""
        with self._tokenizer_lock:
            texts: list[str] = self.tokenizer.batch_decode([[token] for token in ids])
            return texts

    def continuations(self, prompt: Sequence[int], candidates: Sequence[Sequence[int]]) -> Row[Continuations]:
        """Return a row for `score` or `next_token`."""
        return Continuations(tuple(prompt), tuple(map(tuple, candidates))).row

    def generation(
        self, prompt: Sequence[int], max_new_tokens: int, *, sampling: Sampling, stop: str | None = None
    ) -> Row[Generation]:
        """Return a row for `generate`."""
        return Generation(tuple(prompt), max_new_tokens, sampling, stop).row

    @property
    def batch_invariance(self) -> BatchInvariance:
        """The mode in which rows of `score` and `next_token` share forward passes; see `EncoderHead`."""
        return batch_invariance(self, len(SAMPLES), self._probed)

    def _probed(self, mode: BatchInvariance, samples: Sequence[int]) -> list[Numbers]:
        found = score(self, mode, [SAMPLES[sample] for sample in samples])
        return [[torch.from_numpy(np.concatenate(each))] for each in found]

    @on_device
    def _next_token(self, rows: Sequence[Row[Continuations]]) -> list[LogProbs]:
        return next_token_log_probs(self, self.batch_invariance, [row.inputs.prompt for row in rows])

    @on_device
    def _score(self, rows: Sequence[Row[Continuations]]) -> list[list[LogProbs]]:
        return score(self, self.batch_invariance, [row.inputs for row in rows])

    def _running_batch(self, alone: bool) -> RunningBatch[Generation]:
        # Seeded rows run alone and never use CUDA graphs, whose cache is free or not depending on others.
        graphs = None if alone else self._graphs
        return RunningBatch(self, self.end_ids, lambda: model_runner(self, graphs), exact=alone)


def model_runner(checkpoint: Checkpoint, graphs: CudaGraphs | None = None) -> ModelRunner[Sequence[int]]:
    """Return a model runner that rows can join, if the checkpoint's cache allows it."""
    return RaggedRunner(checkpoint, graphs) if can_be_ragged(checkpoint) else PaddedRunner(checkpoint)
