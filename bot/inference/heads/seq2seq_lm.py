"""An encoder-decoder: reads a text, writes another."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from transformers.modeling_outputs import BaseModelOutput

from bot.inference.batching import alike
from bot.inference.heads.base import Head
from bot.inference.heads.encoder_input import encoder_budget
from bot.inference.heads.rereading import rereading
from bot.inference.heads.sampling import RowStop
from bot.inference.language_pairs import LanguagePairs
from bot.inference.languages import language
from bot.inference.steps import Budget, Operation, Row
from bot.inference.task import HeadKind

WASTE = 0.6
"""Most padding among texts that are written together. It costs little there: most of the time goes to the weights."""
_LANGUAGE_TOKEN = re.compile(r"[a-z]{2,3}_[A-Za-z]{2,4}")
"""NLLB's `deu_Latn` and mBART's `de_DE`."""


@dataclass(frozen=True)
class SourceText:
    """A text to rewrite, as token ids.

    Attributes:
        ids: what the encoder reads, special tokens included.
        start: what the decoder starts from: its start token, then the target language's where the model has one.
        max_new_tokens: the most tokens to write.
        truncated: whether the end of the text was left out, because it exceeds the context length.
    """

    ids: tuple[int, ...]
    start: tuple[int, ...]
    max_new_tokens: int
    truncated: bool


class Seq2SeqLM(Head):
    """`AutoModelForSeq2SeqLM`.

    Attributes:
        rewrite: the operation; its outputs are the token ids that the decoder wrote.
        reread: outputs what the model thought at each place of a text that was written.
    """

    kind = HeadKind.SEQ2SEQ_LM

    def set_up(self) -> None:
        budget = Budget(4_096, rows=16, waste=WASTE) if self.device.on_cpu else Budget(32_768, rows=64, waste=WASTE)
        self._reading = encoder_budget(self.device)
        self.rewrite: Operation[SourceText, tuple[int, ...]] = Operation("rewrite", self._rewrite, budget)
        self.reread = rereading(self)

    def encode(
        self, text: str, *, max_new_tokens: int, source: str | None = None, target: str | None = None
    ) -> Row[SourceText]:
        """Tokenise a source text.

        Args:
            text: with its task prefix, where the model wants one.
            max_new_tokens: the most tokens to write.
            source: the tokenizer's own code of the text's language, for multilingual models.
            target: the tokenizer's own code of the language to write.
        """
        with self._tokenizer_lock:
            if source is not None:
                self.tokenizer.src_lang = source
            whole = self.tokenizer(text)["input_ids"]
            ids = self.tokenizer(text, truncation=True, max_length=self.context_length)["input_ids"]
        inputs = SourceText(tuple(ids), self._start(target), max_new_tokens, len(whole) > len(ids))
        return Row(inputs, len(ids) + max_new_tokens)

    @property
    def model_type(self) -> str:
        """The architecture's short name, as in `config.json`: `t5`, `marian`, `m2m_100`."""
        return str(self.model.config.model_type)

    @cached_property
    def language_codes(self) -> tuple[str, ...]:
        """The tokenizer's own codes of its languages (`de`, `deu_Latn`, `de_DE`), where it has tokens for them."""
        codes = getattr(self.tokenizer, "lang_code_to_id", None)
        if codes:
            return tuple(codes)
        return tuple(token for token in self.tokenizer.all_special_tokens if _LANGUAGE_TOKEN.fullmatch(token))

    @cached_property
    def target_prefixes(self) -> dict[str, str]:
        """What a Marian checkpoint with several target languages wants in front of the text, by language code."""
        prefixes = getattr(self.tokenizer, "supported_language_codes", None) or []
        return {str(prefix).strip("<>"): str(prefix) for prefix in prefixes}

    @cached_property
    def languages(self) -> LanguagePairs:
        """What it translates: as the catalogue declares, else as the tokenizer tells, else what T5 was trained on."""
        if self.declared_languages is not None:
            return self.declared_languages
        if self.language_codes:
            return LanguagePairs.among(language(code).code for code in self.language_codes)
        source = getattr(self.tokenizer, "source_lang", None)
        target = getattr(self.tokenizer, "target_lang", None)
        if source and (targets := tuple(self.target_prefixes) or ((target,) if target else ())):
            return LanguagePairs.of((source, one) for one in targets)
        return LanguagePairs.of(("en", one) for one in ("de", "fr", "ro"))

    def _start(self, target: str | None) -> tuple[int, ...]:
        first = self.model.generation_config.decoder_start_token_id
        start = self.model.config.decoder_start_token_id if first is None else first
        if target is None:
            return (int(start),)
        return (int(start), self._language_id(target))

    def _language_id(self, code: str) -> int:
        ids = getattr(self.tokenizer, "lang_code_to_id", None) or {}
        return int(ids[code] if code in ids else self.tokenizer.convert_tokens_to_ids(code))

    @torch.inference_mode()
    def _rewrite(self, rows: Sequence[Row[SourceText]]) -> list[tuple[int, ...]]:
        inputs = [row.inputs for row in rows]
        encoded, mask = self._encode([one.ids for one in inputs])
        # Rows whose start has a language token must not share a batch with rows without: tasks use one form a model.
        start = self.tensor([one.start for one in inputs])
        with self.threads.chosen("write", len(rows)) as this:
            output: torch.Tensor = self.model.generate(
                encoder_outputs=BaseModelOutput(last_hidden_state=encoded),
                attention_mask=mask,
                decoder_input_ids=start,
                max_new_tokens=max(one.max_new_tokens for one in inputs),
                do_sample=False,
                stopping_criteria=[self._stop(rows, start.shape[1])],
            )
            this.parts = output.shape[1]
        return [
            tuple(new[start.shape[1] :][: one.max_new_tokens].tolist()) for one, new in zip(inputs, output, strict=True)
        ]

    def _encode(self, sources: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
        """The encoder's hidden states, (batch, sequence, hidden), and the attention mask, (batch, sequence).

        What is written together need not be read together: only texts of similar length share a forward pass.
        """
        _, mask = self.pad(sources)
        states: torch.Tensor | None = None
        for places in alike([len(ids) for ids in sources], self._reading):
            ids, part = self.pad([sources[place] for place in places])
            found = self.model.get_encoder()(input_ids=ids, attention_mask=part).last_hidden_state
            if states is None:
                states = found.new_zeros(*mask.shape, found.shape[-1])
            states[self.tensor(places), : ids.shape[1]] = found
        assert states is not None
        return states, mask

    @staticmethod
    def _stop(rows: Sequence[Row[SourceText]], width: int) -> RowStop:
        def ended(row: int, new: torch.Tensor) -> bool:
            return rows[row].abandoned or len(new) >= rows[row].inputs.max_new_tokens

        return RowStop(ended, len(rows), width)
