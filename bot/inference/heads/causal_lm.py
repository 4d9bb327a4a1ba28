"""A decoder: continue a text, or say how likely a continuation is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from bot.errors import ModelUnavailable
from bot.inference.heads.generation.continuous_batching import Decoder, Generated, Generation, Rows
from bot.inference.heads.generation.cuda_graphs import RecordedSteps, recorded_steps
from bot.inference.heads.generation.padded_session import PaddedRows
from bot.inference.heads.generation.ragged_session import RaggedRows, can_be_ragged
from bot.inference.heads.generation.token_logprobs import end_ids, rereading
from bot.inference.heads.head import Head, on_device
from bot.inference.heads.inspection.integrated_gradients import Stretch, StretchScores, attribution_operation
from bot.inference.heads.invariance.batch_invariance import Company, Numbers, company_of
from bot.inference.heads.scoring import Continuations, LogProbs, next_token_log_probs, score
from bot.inference.operations import Budget, Operation, Row
from bot.inference.soundness import none_above
from bot.inference.task import HeadKind
from bot.text.characters import REPLACEMENT_CHARACTER

SAMPLES = tuple(
    Continuations(tuple(range(3, 3 + length)), candidates)
    for length, candidates in (
        (5, ((3,), (4,), (5,), (6, 7), (8,))),
        (37, ((3, 4, 5), (3, 4, 6), (5, 6), (7,))),
        (2, ((5, 6, 7, 3, 4, 8),)),
    )
)
"""Prompts of unlike lengths, to see whether rows have the same numbers in any company. Any tokens serve."""


class CausalLM(Head):
    """`AutoModelForCausalLM`.

    Attributes:
        score: outputs, per candidate, the log-probabilities of its tokens given the prompt and the tokens before.
        next_token: outputs the log-probabilities of the token after the prompt, shape (vocabulary,), float32; the
            row's candidates are not used.
        generate: outputs the continuation.
        reread: outputs what the model thought at each place of a text that was written.
        attribute: the operation that tells which tokens speak for some words rather than others.
    """

    kind = HeadKind.CAUSAL_LM

    def set_up(self) -> None:
        scoring = Budget(1_024, rows=64) if self.device.on_cpu else Budget(16_384, rows=256)
        generating = Budget(4_096, rows=16) if self.device.on_cpu else Budget(65_536, rows=64)
        self._recorded = recorded_steps(self)
        self.score: Operation[Continuations, list[LogProbs]] = Operation(
            "score", self._score, scoring, is_sound=none_above
        )
        self.next_token: Operation[Continuations, LogProbs] = Operation(
            "next_token", self._next_token, scoring, is_sound=none_above
        )
        self.generate: Operation[Generation, Generated] = Operation.iterative("generate", self._decoder, generating)
        self.reread = rereading(self)
        self.attribute: Operation[Stretch, StretchScores] = attribution_operation(self)

    @property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end a text."""
        return end_ids(self)

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids of a text at the start of a context, with the begin-of-text token where the model has one."""
        return tuple(self.tokenize(text))

    def encode_rest(self, text: str) -> tuple[int, ...]:
        """Token ids of a text that follows another one: no special tokens."""
        return tuple(self.tokenize(text, add_special_tokens=False))

    def beginning(self, text: str, tokens: int) -> str:
        """The first tokens of a text."""
        return self._part(text, tokens, keep_end=False)

    def ending(self, text: str, tokens: int) -> str:
        """The last tokens of a text."""
        return self._part(text, tokens, keep_end=True)

    def fit(self, text: str, needed: Callable[[str], int], *, keep_end: bool = False) -> tuple[str, bool]:
        """As much of a text as the context has room for, and whether anything was cut off.

        Args:
            text: what may be cut, at its end unless `keep_end`.
            needed: how many tokens are read in all if the text is this; a longer text needs more.

        Raises:
            ModelUnavailable: the context is too short even for what is read around the text.
        """
        if needed(text) <= self.context_length:
            return text, False
        if needed("") > self.context_length:
            raise ModelUnavailable(
                f"This checkpoint reads {self.context_length:,} tokens at most, which is too few for this command. "
                "Whoever runs this bot can set another one."
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
        return part.strip(REPLACEMENT_CHARACTER)  # what is left of a character whose bytes were cut apart

    @property
    def vocabulary_size(self) -> int:
        """Tokens that the tokenizer knows and the model has a logit for."""
        return min(len(self.tokenizer), int(self.model.config.get_text_config().vocab_size))

    def decode_each(self, ids: Iterable[int]) -> list[str]:
        """The text of each token by itself."""
        with self._tokenizer_lock:
            texts: list[str] = self.tokenizer.batch_decode([[token] for token in ids])
            return texts

    def continuations(self, prompt: Sequence[int], candidates: Sequence[Sequence[int]]) -> Row[Continuations]:
        """A row for `score` or `next_token`."""
        inputs = Continuations(tuple(prompt), tuple(map(tuple, candidates)))
        return Row(inputs, inputs.tokens)

    def generation(self, prompt: Sequence[int], max_new_tokens: int, **options: Any) -> Row[Generation]:
        """A row for `generate`."""
        inputs = Generation(tuple(prompt), max_new_tokens, **options)
        return Row(inputs, len(inputs.prompt) + max_new_tokens)

    @property
    def company(self) -> Company:
        """How rows share forward passes of `score` and `next_token`. Found out when it is first asked for, on the
        device's thread."""
        return company_of(self, len(SAMPLES), lambda company: partial(self._numbers, company))

    def _numbers(self, company: Company, samples: Sequence[int]) -> list[Numbers]:
        """The log-probabilities that the test rows get."""
        found = score(self, company, [SAMPLES[sample] for sample in samples])
        return [[torch.from_numpy(np.concatenate(each))] for each in found]

    @on_device
    def _next_token(self, rows: Sequence[Row[Continuations]]) -> list[LogProbs]:
        return next_token_log_probs(self, self.company, [row.inputs.prompt for row in rows])

    @on_device
    def _score(self, rows: Sequence[Row[Continuations]]) -> list[list[LogProbs]]:
        return score(self, self.company, [row.inputs for row in rows])

    def _decoder(self, alone: bool) -> Decoder:
        # Whoever is alone is promised the same text each time, so its steps are always computed in the same way.
        return Decoder(self, self.end_ids, lambda: rows_of(self, None if alone else self._recorded), exact=alone)


def rows_of(head: Head, recorded: RecordedSteps | None = None) -> Rows[Sequence[int]]:
    """What a decoder remembers of its rows: others can join them wherever its cache allows it."""
    return RaggedRows(head, recorded) if can_be_ragged(head) else PaddedRows(head)
