"""A decoder: continue a text, or say how likely a continuation is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from bot.inference.device import Device
from bot.inference.heads.base import Head, on_device
from bot.inference.heads.sampling import RowSampler, RowStop, Sampling
from bot.inference.language_pairs import LanguagePairs
from bot.inference.steps import Budget, Operation, Row
from bot.inference.task import HeadKind

LogProbs = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Continuations:
    """A prompt and candidate continuations of it, as token ids."""

    prompt: tuple[int, ...]
    candidates: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Generation:
    """A prompt to continue, as token ids, and how.

    Attributes:
        max_new_tokens: the most tokens to generate.
        stop: the row ends after the first token whose text holds this.
    """

    prompt: tuple[int, ...]
    max_new_tokens: int
    sampling: Sampling
    stop: str | None = None


@dataclass(frozen=True)
class Generated:
    """What was generated.

    Attributes:
        ids: the new tokens, without the end-of-text token.
        finished: whether the model ended the text itself, rather than reaching `max_new_tokens`.
    """

    ids: tuple[int, ...]
    finished: bool


class CausalLM(Head):
    """`AutoModelForCausalLM`.

    Attributes:
        score: outputs, per candidate, the log-probabilities of its tokens given the prompt and the tokens before.
        next_token: outputs the log-probabilities of the token after the prompt, shape (vocabulary,), float32; the
            row's candidates are not used.
        generate: outputs the continuation.
    """

    kind = HeadKind.CAUSAL_LM

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        device: Device,
        languages: LanguagePairs | None = None,
    ) -> None:
        super().__init__(model, tokenizer, device, languages)
        scoring = Budget(1_024, rows=64) if device.on_cpu else Budget(16_384, rows=256)
        generating = Budget(4_096, rows=16) if device.on_cpu else Budget(65_536, rows=64)
        self.score: Operation[Continuations, list[LogProbs]] = Operation("score", self._score, scoring)
        self.next_token: Operation[Continuations, LogProbs] = Operation("next_token", self._next_token, scoring)
        self.generate: Operation[Generation, Generated] = Operation("generate", self._generate, generating)

    @property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end a text."""
        declared = self.model.generation_config.eos_token_id
        ends = declared if isinstance(declared, list) else [declared]
        return frozenset(end for end in [*ends, self.tokenizer.eos_token_id] if isinstance(end, int))

    def encode(self, text: str) -> tuple[int, ...]:
        """Token ids of a text at the start of a context, with the begin-of-text token where the model has one."""
        return tuple(self.tokenize(text))

    def encode_rest(self, text: str) -> tuple[int, ...]:
        """Token ids of a text that follows another one: no special tokens."""
        return tuple(self.tokenize(text, add_special_tokens=False))

    def continuations(self, prompt: Sequence[int], candidates: Sequence[Sequence[int]]) -> Row[Continuations]:
        """A row for `score` or `next_token`."""
        inputs = Continuations(tuple(prompt), tuple(map(tuple, candidates)))
        longest = max(map(len, candidates), default=0)
        sequences = len(_contexts(inputs))
        return Row(inputs, (len(inputs.prompt) + max(0, longest - 1)) * sequences)

    def generation(self, prompt: Sequence[int], max_new_tokens: int, **options: Any) -> Row[Generation]:
        """A row for `generate`."""
        inputs = Generation(tuple(prompt), max_new_tokens, **options)
        return Row(inputs, len(inputs.prompt) + max_new_tokens)

    def _logits(self, sequences: Sequence[Sequence[int]], keep: int) -> torch.Tensor:
        """Logits at the last `keep` places of each sequence, (batch, keep, vocabulary), float32."""
        ids, mask = self.pad(sequences, left=True)
        positions = (mask.cumsum(dim=-1) - 1).clamp(min=0)
        logits: torch.Tensor = self.model(
            input_ids=ids, attention_mask=mask, position_ids=positions, use_cache=False, logits_to_keep=keep
        ).logits
        return logits.float()

    @on_device
    def _next_token(self, rows: Sequence[Row[Continuations]]) -> list[LogProbs]:
        logits = self._logits([row.inputs.prompt for row in rows], keep=1)
        return list(logits[:, -1].log_softmax(dim=-1).cpu().numpy())

    @on_device
    def _score(self, rows: Sequence[Row[Continuations]]) -> list[list[LogProbs]]:
        contexts: list[tuple[int, ...]] = []
        places = []
        for row in rows:
            wanted = _contexts(row.inputs)
            places.append([len(contexts) + index for index in wanted.values()])
            contexts.extend(row.inputs.prompt + beginning for beginning in wanted)
        longest = max((len(one) for row in rows for one in row.inputs.candidates), default=1)
        log_probs = self._logits(contexts, keep=longest).log_softmax(dim=-1)
        outputs = []
        for row, indices in zip(rows, places, strict=True):
            found = dict(zip(_contexts(row.inputs), indices, strict=True))
            outputs.append([self._pick(log_probs[found[one[:-1]]], one) for one in row.inputs.candidates])
        return outputs

    @staticmethod
    def _pick(log_probs: torch.Tensor, candidate: tuple[int, ...]) -> LogProbs:
        """The candidate's own log-probabilities from those at the end of its context, (keep, vocabulary)."""
        rows = log_probs[log_probs.shape[0] - len(candidate) :]
        picked = rows.gather(1, torch.tensor(candidate, device=rows.device).unsqueeze(1)).squeeze(1)
        result: LogProbs = picked.cpu().numpy()
        return result

    @on_device
    def _generate(self, rows: Sequence[Row[Generation]]) -> list[Generated]:
        inputs = [row.inputs for row in rows]
        ids, mask = self.pad([one.prompt for one in inputs], left=True)
        width = ids.shape[1]
        output = self.model.generate(
            input_ids=ids,
            attention_mask=mask,
            max_new_tokens=max(one.max_new_tokens for one in inputs),
            # The sampler below has drawn already: what is left is the one token with a finite score.
            do_sample=False,
            num_beams=1,
            temperature=None,
            top_p=None,
            top_k=None,
            logits_processor=[RowSampler([one.sampling for one in inputs])],
            stopping_criteria=[RowStop(lambda row, new: self._ended(rows[row], new), len(rows), width)],
            pad_token_id=self.pad_token_id,
            eos_token_id=sorted(self.end_ids) or None,
        )
        return [self._cut(one, new.tolist()) for one, new in zip(inputs, output[:, width:], strict=True)]

    def _ended(self, row: Row[Generation], new: torch.Tensor) -> bool:
        inputs = row.inputs
        if row.abandoned or len(new) >= inputs.max_new_tokens:
            return True
        return inputs.stop is not None and inputs.stop in self.decode(new[-1:].tolist())

    def _cut(self, inputs: Generation, new: list[int]) -> Generated:
        """What belongs to this row: rows that end early are padded to the longest."""
        new = new[: inputs.max_new_tokens]
        for index, token in enumerate(new):
            if token in self.end_ids:
                return Generated(tuple(new[:index]), finished=True)
            if inputs.stop is not None and inputs.stop in self.decode([token]):
                return Generated(tuple(new[: index + 1]), finished=True)
        return Generated(tuple(new), finished=False)


def _contexts(inputs: Continuations) -> dict[tuple[int, ...], int]:
    """What must be read after the prompt to score all candidates: each candidate but its last token, once.

    Candidates of one token need only the prompt, so any number of them cost one sequence.
    """
    distinct = dict.fromkeys(candidate[:-1] for candidate in inputs.candidates)
    return {beginning: index for index, beginning in enumerate(distinct)}
