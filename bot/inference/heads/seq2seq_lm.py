"""An encoder-decoder, which reads a text and writes another."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property, partial

import torch

from bot.errors import Unanswered
from bot.inference.heads.encoder_head import encoder_budget
from bot.inference.heads.generation.continuous_batching import Generated, RunningBatch
from bot.inference.heads.generation.cuda_graphs import CudaGraphs, cuda_graphs
from bot.inference.heads.generation.decoder_positions import PositionEmbeddings
from bot.inference.heads.generation.encoder_decoder_runner import EncoderDecoder, EncoderDecoderRunner
from bot.inference.heads.generation.generate_batch import GenerateBatch
from bot.inference.heads.generation.joinability import can_be_joined
from bot.inference.heads.generation.source_text import SourceText
from bot.inference.heads.generation.token_logprobs import token_log_probs
from bot.inference.heads.head import Head, Loaded
from bot.inference.languages.lookup import language
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.operations import Budget, Operation, Row, Session
from bot.inference.task import HeadKind

WASTE = 0.6
"""The largest share of padding in a running batch, where it costs little: most time goes to reading the weights."""
_LANGUAGE_TOKEN = re.compile(r"[a-z]{2,3}_[A-Za-z]{2,4}")
"""NLLB's `deu_Latn` and mBART's `de_DE`."""


class Seq2SeqLM(Head):
    """`AutoModelForSeq2SeqLM`.

    Attributes:
        rewrite: outputs the token ids that the decoder wrote.
        token_log_probs: outputs log-probabilities at each position of a written text.
    """

    kind = HeadKind.SEQ2SEQ_LM

    def __init__(self, *loaded: *Loaded) -> None:
        super().__init__(*loaded)
        # A row counts with all tokens that it may write, 400, of which a chat message needs thirty: on the CPU this is
        # room for sixteen messages.
        budget = Budget(8_192, rows=16, waste=WASTE) if self.device.on_cpu else Budget(32_768, rows=64, waste=WASTE)
        self.encoder_decoder = EncoderDecoder(self, self._encode, PositionEmbeddings(self))
        self._graphs = cuda_graphs(self, caches=2)
        self.rewrite: Operation[SourceText, tuple[int, ...]] = Operation.iterative("rewrite", self._session, budget)
        self.token_log_probs = token_log_probs(self)

    def encode(
        self,
        text: str,
        *,
        max_new_tokens: int,
        source: str | None = None,
        target: str | None = None,
        target_prefix: str = "",
    ) -> Row[SourceText]:
        """Tokenize a source text. Control tokens and language codes in it are read as text.

        Args:
            text: with its task prefix, if the model wants one.
            source: the tokenizer's own code of the text's language, for multilingual models.
            target: the tokenizer's own code of the language to write.
            target_prefix: one of `target_prefixes`, for checkpoints that have some.
        """
        prefixed = f"{target_prefix} {text}" if target_prefix else self._without_code(text)
        with self.literally:
            if source is not None:
                self.tokenizer.src_lang = source
            whole = self.tokenizer(prefixed)["input_ids"]
            ids = self.tokenizer(prefixed, truncation=True, max_length=self.context_length)["input_ids"]
        return SourceText(tuple(ids), self._start(target), max_new_tokens, len(whole) > len(ids)).row

    def _without_code(self, text: str) -> str:
        """Return a text at whose start a Marian tokenizer finds no `>>code<<`."""
        # SentencePiece drops the space.
        reads_codes = hasattr(self.tokenizer, "remove_language_code")
        return f" {text}" if reads_codes and text.startswith(">>") else text

    @property
    def model_type(self) -> str:
        """The architecture's short name, as in `config.json`: `t5`, `marian`, `m2m_100`."""
        return str(self.model.config.model_type)

    @cached_property
    def language_codes(self) -> tuple[str, ...]:
        """The tokenizer's own codes of its languages (`de`, `deu_Latn`, `de_DE`), if it has tokens for them."""
        codes = getattr(self.tokenizer, "lang_code_to_id", None)
        if codes:
            return tuple(codes)
        return tuple(token for token in self.tokenizer.all_special_tokens if _LANGUAGE_TOKEN.fullmatch(token))

    @cached_property
    def target_prefixes(self) -> dict[str, str]:
        """The prefixes of texts for a Marian checkpoint with several target languages, by language code."""
        prefixes = getattr(self.tokenizer, "supported_language_codes", None) or []
        return {str(prefix).strip("<>"): str(prefix) for prefix in prefixes}

    @cached_property
    def languages(self) -> LanguagePairs:
        """The pairs that it translates, from the catalogue or else the tokenizer; T5's if neither knows."""
        if self.declared_languages is not None:
            return self.declared_languages
        if self.language_codes:
            return LanguagePairs.among(language(code).code for code in self.language_codes)
        source = getattr(self.tokenizer, "source_lang", None)
        target = getattr(self.tokenizer, "target_lang", None)
        if source and (targets := tuple(self.target_prefixes) or ((target,) if target else ())):
            return LanguagePairs.of((source, code) for code in targets)
        return LanguagePairs.of(("en", code) for code in ("de", "fr", "ro"))

    def _start(self, target: str | None) -> tuple[int, ...]:
        first = self.model.generation_config.decoder_start_token_id
        start = int(self.model.config.decoder_start_token_id if first is None else first)
        return (start,) if target is None else (start, self._language_id(target))

    def _language_id(self, code: str) -> int:
        ids = getattr(self.tokenizer, "lang_code_to_id", None) or {}
        return int(ids[code] if code in ids else self.tokenizer.convert_tokens_to_ids(code))

    def _session(self, alone: bool) -> LazySession:
        return LazySession(partial(self._begin, None if alone else self._graphs))

    @torch.inference_mode()
    def _begin(self, graphs: CudaGraphs | None) -> Session[SourceText, Generated]:
        model = self.encoder_decoder
        if can_be_joined(model):
            return RunningBatch(self, self.end_ids, lambda: EncoderDecoderRunner(model, graphs))
        return GenerateBatch(model)

    def _encode(self, sources: Sequence[Sequence[int]]) -> torch.Tensor:
        """Return the encoder's hidden states of all tokens, one source after the other, (tokens, hidden)."""
        # Only texts of similar length share a pass of the encoder, even if their rows join in the same step.
        states: dict[int, torch.Tensor] = {}
        for batch in encoder_budget(self.device).split([len(ids) for ids in sources]):
            ids, mask = self.pad([sources[index] for index in batch])
            padded = self.model.get_encoder()(input_ids=ids, attention_mask=mask).last_hidden_state
            states |= {index: padded[row, : len(sources[index])] for row, index in enumerate(batch)}
        return torch.cat([states[index] for index in range(len(sources))])


class LazySession:
    """A session that finds out with its first step if rows can join; they stay together to the end if not."""

    def __init__(self, begin: Callable[[], Session[SourceText, Generated]]) -> None:
        self.joinable = True  # unknown before the first step
        self._begin = begin  # runs a probe, so it must be called on the device's thread
        self._session: Session[SourceText, Generated] | None = None
        self._joining: list[Row[SourceText]] = []

    def __len__(self) -> int:
        return len(self._joining) + (0 if self._session is None else len(self._session))

    def join(self, rows: Sequence[Row[SourceText]]) -> None:
        """Add rows, which begin with the next step."""
        self._joining += rows

    def step(self) -> None:
        """Give every row its next token, or all of its tokens if the rows stay together."""
        if self._session is None:
            self._session = self._begin()
        self._session.join(self._joining)
        self._joining = []
        self._session.step()
        self.joinable = self._session.joinable

    def leave(self) -> list[tuple[Row[SourceText], tuple[int, ...] | Unanswered]]:
        """Remove the finished rows; return each with the tokens that the decoder wrote, or with its error."""
        done = [] if self._session is None else self._session.leave()
        return [(row, output if isinstance(output, Unanswered) else output.written) for row, output in done]
