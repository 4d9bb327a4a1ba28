# (a tokenizer's tokens are no passwords)
"""The course's five checkpoints in full size, with random weights: as slow as the real ones, and from no hub.

They are built once and kept in the cache folder. Their tokenizers are trained on the corpus, and filled up to the sizes
of the real vocabularies with made-up words, so that every id that a model generates can be decoded.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.benchmark.workload import read_sentences
from bot.inference.checkpoints.catalogue import CheckpointSpec, FolderSource, Preset

VERSION = "1"
"""Part of the folder's name: a change of what is built here must change it."""
LABELS = ("contradiction", "neutral", "entailment")


@dataclass(frozen=True)
class Shape:
    """One architecture.

    Attributes:
        name: of the checkpoint that has this shape.
        build: returns a model and its tokenizer.
    """

    name: str
    build: Callable[[], tuple[Any, Any]]


def course_shapes(cache: Path, say: Callable[[str], None], tasks: Iterable[str]) -> Preset:
    """Return the preset of random checkpoints for some tasks; missing ones are built."""
    checkpoints = {
        task: CheckpointSpec(
            f"{COURSE[task].name} shape, random weights",
            FolderSource(_built(COURSE[task], cache / "shapes", say)),
            licence="none",
        )
        for task in tasks
    }
    return Preset("course shapes", "The course's architectures with random weights", checkpoints, {})


def _built(shape: Shape, cache: Path, say: Callable[[str], None]) -> Path:
    folder = cache / f"{shape.name}-{VERSION}"
    if folder.exists():
        return folder
    import torch
    import transformers

    say(f"Building {shape.name} with random weights, once.")
    transformers.utils.logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, tokenizer = shape.build()
    unfinished = folder.with_suffix(".unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    model.eval().to(torch.bfloat16).save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    unfinished.rename(folder)
    return folder


def _distilbert() -> tuple[Any, Any]:
    import transformers

    config = transformers.DistilBertConfig(
        id2label={0: "NEGATIVE", 1: "POSITIVE"}, label2id={"NEGATIVE": 0, "POSITIVE": 1}
    )
    return transformers.DistilBertForSequenceClassification(config), _wordpiece(config.vocab_size)


def _distilroberta() -> tuple[Any, Any]:
    import transformers

    config = transformers.RobertaConfig(
        vocab_size=50_265, num_hidden_layers=6, max_position_embeddings=514, type_vocab_size=1
    )
    return transformers.RobertaForMaskedLM(config), _byte_level(config.vocab_size, context=512)


def _smollm2() -> tuple[Any, Any]:
    import torch
    import transformers

    config = transformers.LlamaConfig(
        vocab_size=49_152,
        hidden_size=960,
        intermediate_size=2_560,
        num_hidden_layers=32,
        num_attention_heads=15,
        num_key_value_heads=5,
        max_position_embeddings=8_192,
        rope_parameters={"rope_type": "default", "rope_theta": 100_000.0},
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=0,
    )
    model = transformers.LlamaForCausalLM(config)
    with torch.no_grad():  # the end of a text is no likelier than any other token, so nothing ends early
        model.get_input_embeddings().weight[config.eos_token_id].zero_()
    return model, _gpt2(config.vocab_size, context=8_192)


def _flan_t5() -> tuple[Any, Any]:
    import torch
    import transformers

    config = transformers.T5Config(
        vocab_size=32_128,
        d_model=768,
        d_kv=64,
        d_ff=2_048,
        num_layers=12,
        num_heads=12,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    model = transformers.T5ForConditionalGeneration(config)
    with torch.no_grad():  # never the likeliest
        model.get_output_embeddings().weight[[config.pad_token_id, config.eos_token_id]] = 0.0
    return model, _unigram(config.vocab_size)


def _bart_large_mnli() -> tuple[Any, Any]:
    import transformers

    config = transformers.BartConfig(
        vocab_size=50_265,
        num_labels=3,
        id2label=dict(enumerate(LABELS)),
        label2id={one: at for at, one in enumerate(LABELS)},
    )
    return transformers.BartForSequenceClassification(config), _byte_level(config.vocab_size, context=1_024)


COURSE: Mapping[str, Shape] = {
    "sentiment": Shape("distilbert-sst2", _distilbert),
    "fill": Shape("distilroberta", _distilroberta),
    "generate": Shape("smollm2-360m", _smollm2),
    "translate": Shape("flan-t5-base", _flan_t5),
    "zeroshot": Shape("bart-large-mnli", _bart_large_mnli),
}


def _wordpiece(size: int) -> Any:
    """BERT's tokenizer, lower-cased."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=size, special_tokens=specials, show_progress=False)
    tokenizer.train_from_iterator(read_sentences(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=_filled_up(tokenizer, size, "{}"),
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=512,
    )


def _byte_level(size: int, context: int) -> Any:
    """RoBERTa's tokenizer, which BART shares."""
    import transformers
    from tokenizers import AddedToken, processors

    tokenizer = _bpe(size, ["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        cls_token="<s>",
        pad_token="<pad>",
        eos_token="</s>",
        sep_token="</s>",
        unk_token="<unk>",
        mask_token=AddedToken("<mask>", lstrip=True, special=True),
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=context,
    )


def _gpt2(size: int, context: int) -> Any:
    """SmolLM2's tokenizer: GPT-2's, which adds nothing before or after."""
    import transformers

    end = "<|endoftext|>"
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=_bpe(size, [end]), bos_token=end, eos_token=end, unk_token=end, model_max_length=context
    )


def _bpe(size: int, specials: list[str]) -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
    )
    # As they stand in a message: after another one, or at its start.
    tokenizer.train_from_iterator([*read_sentences(), *(f" {sentence}" for sentence in read_sentences())], trainer)
    return _filled_up(tokenizer, size, "Ġ{}")


def _unigram(size: int) -> Any:
    """T5's tokenizer, which marks the end."""
    import transformers
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors

    text = " ".join([*read_sentences(), "translate English to German:"])
    words = {f"▁{word}" for word in re.findall(r"[\w']+", text)}
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(word, -10.0) for word in sorted(words)]
    pieces += [(character, -12.0) for character in sorted({"▁", *text} - {" "})]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=2))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=_filled_up(tokenizer, size, "▁{}"),
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=512,
    )


def _filled_up(tokenizer: Any, size: int, form: str) -> Any:
    """Return the tokenizer with a vocabulary of this size, filled up with words that no text holds."""
    from tokenizers import Tokenizer

    description = json.loads(tokenizer.to_str())
    vocabulary = description["model"]["vocab"]
    words = [form.format(f"word{number}") for number in range(size - len(vocabulary))]
    if isinstance(vocabulary, dict):
        description["model"]["vocab"] = vocabulary | {word: len(vocabulary) + at for at, word in enumerate(words)}
    else:  # Unigram: pieces with their scores
        description["model"]["vocab"] = vocabulary + [[word, -100.0] for word in words]
    return Tokenizer.from_str(json.dumps(description))
