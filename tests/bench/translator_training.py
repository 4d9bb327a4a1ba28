"""A small T5 that translates simple sentences, trained from scratch in a minute or two.

No encoder-decoder with real weights is at hand where only package registries can be reached. This one has two and two
layers, and a task that it can learn completely: `/translate` from English to German, of what `parallel_sentences`
makes. Its tokenizer has a token for each word of these.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

from bot.inference.operations import run_task
from bot.tasks import translate
from bot.tasks.translate import TranslateRequest
from tests.bench.parallel_sentences import Pair

PREFIX = "translate English to German: "
"""What `/translate` puts before the text for a T5."""
BATCH = 64
LEARNING_RATE = 3e-3
SPECIAL_TOKENS = ("<pad>", "</s>", "<unk>")


def train(folder: Path, sentences: Sequence[Pair]) -> None:
    """Train a translator, the same each time, which sees each sentence once, and save the checkpoint."""
    tokenizer = _tokenizer([text for pair in sentences for text in (PREFIX + pair.english, pair.german)])
    starts = range(0, len(sentences), BATCH)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.T5ForConditionalGeneration(_config(tokenizer))
        model.train()
        learning = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE)
        rates = torch.optim.lr_scheduler.OneCycleLR(learning, LEARNING_RATE, total_steps=len(starts), pct_start=0.1)
        for first in starts:
            learning.zero_grad()
            torch.autograd.backward(_loss(model, tokenizer, sentences[first : first + BATCH]))
            learning.step()
            rates.step()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _tokenizer(texts: Sequence[str]) -> Any:
    """Make a tokenizer as T5's, with `▁` where a word begins and `</s>` at the end. Tokens are words and marks."""
    apart = pre_tokenizers.Sequence([pre_tokenizers.Metaspace(), pre_tokenizers.Punctuation()])
    words = sorted({word for text in texts for word, _ in apart.pre_tokenize_str(text)})
    known = {word: index for index, word in enumerate((*SPECIAL_TOKENS, *words))}
    pad, end, unknown = SPECIAL_TOKENS
    tokenizer = Tokenizer(models.WordLevel(known, unk_token=unknown))
    tokenizer.add_special_tokens(list(SPECIAL_TOKENS))
    tokenizer.pre_tokenizer = apart
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"$A {end}", pair=f"$A {end} $B {end}", special_tokens=[(end, known[end])]
    )
    names = ["input_ids", "attention_mask"]
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, eos_token=end, unk_token=unknown, model_input_names=names
    )


def _config(tokenizer: Any) -> Any:
    return transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=64,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        feed_forward_proj="gated-gelu",
        dropout_rate=0.0,  # no sentence is seen twice
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )


def _loss(model: Any, tokenizer: Any, batch: Sequence[Pair]) -> torch.Tensor:
    read = tokenizer([PREFIX + pair.english for pair in batch], return_tensors="pt", padding=True)
    wanted = tokenizer([pair.german for pair in batch], return_tensors="pt", padding=True)["input_ids"]
    loss: torch.Tensor = model(**read, labels=wanted.masked_fill(wanted == tokenizer.pad_token_id, -100)).loss
    return loss


def translation(head: Any, english: str) -> tuple[str, tuple[int, ...]]:
    """Return what `/translate` answers, and its token ids."""
    found = run_task(translate.rewrite(head, TranslateRequest(english, "de")))
    return found.text, found.ids
