"""Tiny random checkpoints of each architecture, made on the spot.

They know nothing, but they compute as their large sisters do, so that their answers can be compared with transformers'
own. Weights are drawn wide, so that different inputs give clearly different outputs.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import sentencepiece
import torch
import transformers
from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

CORPUS = [
    "I love to hate this course, and I hate to love it.",
    "This movie was so inspiring! The actors were wonderful, and the music was better still.",
    "What a terrible day: the train was late, the coffee was cold and the rain would not stop.",
    "The capital of France is Paris, and the capital of Germany is Berlin.",
    "In this course, we will teach you how to build, train and share models.",
    "I love apples. We have promises to keep. Apples are sour, and lemons are sourer.",
    "Politics, sports and entertainment are the labels; business, science and travel are others.",
    "Who wrote this book? Nobody knows, but everybody has read it at least twice.",
    "The quick brown fox jumps over the lazy dog while the old man looks at the sea.",
    "translate English to German: Good morning, how are you today? Guten Morgen, wie geht es dir?",
    "translate English to French: Thank you very much. Merci beaucoup, à bientôt.",
    "Das Wetter ist heute schön, und die Äpfel sind sauer. Où est la gare?",
    "0 1 2 3 4 5 6 7 8 9 10 11 12 100 2024",
]

TEXTS = [
    "I love to hate this course",
    "Great.",
    "What a terrible day, and the coffee was cold!",
    "The music was better than the movie, but nobody knows who wrote it.",
    "apples are sour.",
    "We have promises to keep.",
    "Everybody has read this book at least twice, " * 3,
    "Où est la gare? Ça va 😀",
]
"""Texts of different lengths to try the checkpoints with."""

LONG_CONTEXT = 1024
SHORT_CONTEXT = 128
VOCABULARY = 450
CHAT_TEMPLATE = """{% for message in messages %}{{ message['role'] + ': ' + message['content'] + eos_token + '\n' }}\
{% endfor %}{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"""
LETTERS = 257
"""A byte-level vocabulary of this size knows every byte, and no word."""


def build_all(folder: Path) -> dict[str, Path]:
    """Build every checkpoint under `folder` that is not there yet; its name → its folder."""
    built = {}
    for name, build in BUILDERS.items():
        built[name] = folder / name
        if built[name].exists():
            continue
        with torch.random.fork_rng():
            torch.manual_seed(sum(map(ord, name)))
            build(built[name])
    return built


def distilbert(folder: Path, heads: int = 4) -> None:
    """A DistilBERT classifier with the labels NEGATIVE and POSITIVE."""
    tokenizer = _wordpiece()
    config = transformers.DistilBertConfig(
        vocab_size=len(tokenizer),
        dim=32,
        hidden_dim=64,
        n_layers=2,
        n_heads=heads,
        max_position_embeddings=SHORT_CONTEXT,
        initializer_range=0.3,
        id2label={0: "NEGATIVE", 1: "POSITIVE"},
        label2id={"NEGATIVE": 0, "POSITIVE": 1},
        pad_token_id=tokenizer.pad_token_id,
    )
    _save(folder, transformers.DistilBertForSequenceClassification(config), tokenizer)


def roberta(folder: Path) -> None:
    """A RoBERTa masked language model, whose positions start after the padding index."""
    tokenizer = _byte_level(roberta_specials=True)
    config = transformers.RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=SHORT_CONTEXT + 2,
        type_vocab_size=1,
        initializer_range=0.3,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    _save(folder, transformers.RobertaForMaskedLM(config), tokenizer)


def bart_mnli(folder: Path) -> None:
    """A BART classifier for natural language inference, with the labels of facebook/bart-large-mnli."""
    tokenizer = _byte_level(roberta_specials=True)
    labels = ["contradiction", "neutral", "entailment"]
    config = transformers.BartConfig(
        **_encoder_decoder(tokenizer),
        init_std=0.3,
        num_labels=3,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
        bos_token_id=tokenizer.bos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=tokenizer.eos_token_id,
    )
    _save(folder, transformers.BartForSequenceClassification(config), tokenizer)


def llama(folder: Path, *, context: int = LONG_CONTEXT, vocabulary: int = VOCABULARY) -> None:
    """A Llama whose tokenizer adds no begin-of-text token, as SmolLM2's."""
    tokenizer = _byte_level(roberta_specials=False, vocabulary=vocabulary)
    tokenizer.model_max_length = context
    tokenizer.chat_template = CHAT_TEMPLATE
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=context,
        initializer_range=0.3,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=None,
    )
    _save(folder, transformers.LlamaForCausalLM(config), tokenizer)


NER_LABELS = ("O", "B-PER", "I-PER", "B-LOC", "I-LOC", "ORG")
"""Of both kinds: with the beginning marked, and plain."""


def bert_ner(folder: Path) -> None:
    """A BERT token classifier, whose WordPiece tokenizer marks what continues a word."""
    config = _bert(tokenizer := _wordpiece(), id2label=dict(enumerate(NER_LABELS)))
    _save(folder, transformers.BertForTokenClassification(config), tokenizer)


def roberta_ner(folder: Path) -> None:
    """A RoBERTa token classifier, whose byte-level tokenizer marks no words."""
    tokenizer = _byte_level(roberta_specials=True)
    config = transformers.RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=SHORT_CONTEXT + 2,
        type_vocab_size=1,
        initializer_range=0.3,
        pad_token_id=tokenizer.pad_token_id,
        id2label=dict(enumerate(NER_LABELS)),
    )
    _save(folder, transformers.RobertaForTokenClassification(config), tokenizer)


def bert_squad(folder: Path) -> None:
    """A BERT for extractive question answering, which is told by token types which of the texts is the question."""
    tokenizer = _wordpiece()
    tokenizer.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    _save(folder, transformers.BertForQuestionAnswering(_bert(tokenizer)), tokenizer)


def minilm(folder: Path) -> None:
    """A sentence encoder with the files of sentence-transformers: the mean of its tokens, of 64 at most."""
    tokenizer = _wordpiece()
    _save(folder, transformers.BertModel(_bert(tokenizer)), tokenizer)
    kinds = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [{"type": f"sentence_transformers.models.{kind}", "path": path} for kind, path in kinds.items()]
    pooling = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True, "pooling_mode_max_tokens": False}
    (folder / "1_Pooling").mkdir()
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling" / "config.json").write_text(json.dumps({"word_embedding_dimension": 32, **pooling}))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 64, "do_lower_case": False}))


def bart(folder: Path) -> None:
    """A BART that writes, as those that were trained to summarise: without a prefix."""
    tokenizer = _byte_level(roberta_specials=True)
    config = transformers.BartConfig(
        **_encoder_decoder(tokenizer),
        init_std=0.3,
        bos_token_id=tokenizer.bos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        forced_eos_token_id=None,
    )
    _save(folder, transformers.BartForConditionalGeneration(config), tokenizer)


def gpt2(folder: Path) -> None:
    """A GPT-2, whose positions are learned, and whose tokenizer adds nothing and has no token for padding."""
    tokenizer = _byte_level(roberta_specials=False)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer),
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=LONG_CONTEXT,
        initializer_range=0.3,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    tokenizer.model_max_length = LONG_CONTEXT
    _save(folder, transformers.GPT2LMHeadModel(config), tokenizer)


def gpt_neo(folder: Path) -> None:
    """A GPT-Neo, of whose layers every second one looks only at the tokens nearby."""
    tokenizer = _byte_level(roberta_specials=False)
    config = transformers.GPTNeoConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_layers=2,
        num_heads=4,
        attention_types=[[["global", "local"], 1]],
        window_size=16,
        max_position_embeddings=LONG_CONTEXT,
        initializer_range=0.3,
        bos_token_id=tokenizer.eos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    tokenizer.model_max_length = LONG_CONTEXT
    _save(folder, transformers.GPTNeoForCausalLM(config), tokenizer)


def bert(folder: Path) -> None:
    """A BERT masked language model, lower-cased as bert-base-uncased."""
    tokenizer = _wordpiece()
    _save(folder, transformers.BertForMaskedLM(_bert(tokenizer)), tokenizer)


def bert_sentiment(folder: Path) -> None:
    """A BERT classifier with labels of its own."""
    tokenizer = _wordpiece()
    labels = ["negative", "neutral", "positive"]
    config = _bert(tokenizer, id2label=dict(enumerate(labels)), label2id={name: at for at, name in enumerate(labels)})
    _save(folder, transformers.BertForSequenceClassification(config), tokenizer)


def t5(folder: Path) -> None:
    """A T5, which is told the languages by a prefix."""
    tokenizer = _unigram()
    config = transformers.T5Config(
        vocab_size=len(tokenizer),
        d_model=32,
        d_kv=8,
        d_ff=64,
        num_layers=2,
        num_heads=4,
        initializer_factor=4.0,
        feed_forward_proj="gated-gelu",
        tie_word_embeddings=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        decoder_start_token_id=tokenizer.pad_token_id,
    )
    _save(folder, transformers.T5ForConditionalGeneration(config), tokenizer)


def marian(folder: Path) -> None:
    """A Marian of one pair, English to German, that searches with beams, as the published ones do."""
    folder.mkdir(parents=True)
    spm = _sentencepiece(model := io.BytesIO())
    for name in ("source.spm", "target.spm"):
        (folder / name).write_bytes(model.getvalue())
    pieces = [spm.id_to_piece(index) for index in range(3, spm.get_piece_size())]
    vocabulary = {token: index for index, token in enumerate(["</s>", "<unk>", *pieces, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = transformers.MarianTokenizer(
        source_spm=str(folder / "source.spm"),
        target_spm=str(folder / "target.spm"),
        vocab=str(folder / "vocab.json"),
        source_lang="en",
        target_lang="de",
        model_max_length=SHORT_CONTEXT,
    )
    config = transformers.MarianConfig(
        **_encoder_decoder(tokenizer),
        init_std=0.3,
        decoder_vocab_size=len(tokenizer),
        decoder_start_token_id=tokenizer.pad_token_id,
        forced_eos_token_id=tokenizer.eos_token_id,
        scale_embedding=True,
    )
    model = transformers.MarianMTModel(config)
    model.generation_config.num_beams = 3
    model.generation_config.bad_words_ids = [[tokenizer.pad_token_id]]
    _save(folder, model, tokenizer)


def m2m100(folder: Path) -> None:
    """An M2M100, which has a token for each of its hundred languages."""
    folder.mkdir(parents=True)
    spm = _sentencepiece(model := io.BytesIO())
    (folder / "sentencepiece.bpe.model").write_bytes(model.getvalue())
    pieces = [spm.id_to_piece(index) for index in range(3, spm.get_piece_size())]
    vocabulary = {token: index for index, token in enumerate(["<s>", "<pad>", "</s>", "<unk>", *pieces])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    tokenizer = transformers.M2M100Tokenizer(
        vocab_file=str(folder / "vocab.json"),
        spm_file=str(folder / "sentencepiece.bpe.model"),
        src_lang="en",
        tgt_lang="de",
        model_max_length=SHORT_CONTEXT,
    )
    # The languages' tokens come after the vocabulary, and after them eight that mean nothing.
    size = len(vocabulary) + len(tokenizer.lang_code_to_id) + tokenizer.num_madeup_words
    config = transformers.M2M100Config(
        **{**_encoder_decoder(tokenizer), "vocab_size": size},
        init_std=0.6,
        bos_token_id=tokenizer.bos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=False,
    )
    _save(folder, transformers.M2M100ForConditionalGeneration(config), tokenizer)


def nllb(folder: Path) -> None:
    """An NLLB: M2M100's architecture with codes such as `deu_Latn`."""
    languages = ["eng_Latn", "deu_Latn", "fra_Latn", "zho_Hans", "zho_Hant", "swh_Latn"]
    vocabulary, merges = _metaspace_bpe(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer = transformers.NllbTokenizer(
        vocab=vocabulary,
        merges=merges,
        src_lang="eng_Latn",
        tgt_lang="deu_Latn",
        extra_special_tokens=languages,
        model_max_length=SHORT_CONTEXT,
    )
    config = transformers.M2M100Config(
        **_encoder_decoder(tokenizer),
        init_std=0.6,
        bos_token_id=tokenizer.bos_token_id,
        decoder_start_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=False,
    )
    _save(folder, transformers.M2M100ForConditionalGeneration(config), tokenizer)


BUILDERS: Mapping[str, Callable[[Path], None]] = {
    "distilbert": distilbert,
    "wide_heads": partial(distilbert, heads=2),
    "roberta": roberta,
    "bart_mnli": bart_mnli,
    "llama": llama,
    "gpt2": gpt2,
    "gpt_neo": gpt_neo,
    "bert": bert,
    "bert_sentiment": bert_sentiment,
    "t5": t5,
    "marian": marian,
    "m2m100": m2m100,
    "nllb": nllb,
    "bart": bart,
    "bert_ner": bert_ner,
    "roberta_ner": roberta_ner,
    "bert_squad": bert_squad,
    "minilm": minilm,
}


def _bert(tokenizer: Any, **options: Any) -> Any:
    return transformers.BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=SHORT_CONTEXT,
        initializer_range=0.3,
        pad_token_id=tokenizer.pad_token_id,
        **options,
    )


def _encoder_decoder(tokenizer: Any) -> dict[str, Any]:
    return {
        "vocab_size": len(tokenizer),
        "d_model": 32,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "encoder_attention_heads": 4,
        "decoder_attention_heads": 4,
        "encoder_ffn_dim": 64,
        "decoder_ffn_dim": 64,
        "max_position_embeddings": LONG_CONTEXT if not tokenizer.model_max_length < LONG_CONTEXT else 512,
        "pad_token_id": tokenizer.pad_token_id,
        "eos_token_id": tokenizer.eos_token_id,
    }


def _save(folder: Path, model: Any, tokenizer: Any) -> None:
    transformers.utils.logging.disable_progress_bar()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _corpus() -> Iterator[str]:
    yield from CORPUS
    yield from (line.lower() for line in CORPUS)


def _wordpiece() -> Any:
    """BERT's tokenizer, lower-cased."""
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(_wordpiece_vocabulary(specials), unk_token="[UNK]"))
    tokenizer.add_special_tokens(specials)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_input_names=["input_ids", "attention_mask"],
        model_max_length=SHORT_CONTEXT,
    )


def _wordpiece_vocabulary(specials: list[str]) -> dict[str, int]:
    """The same in every run: the trainer numbers the letters inside words as its hash map happens to hold them,
    and breaks ties by these numbers, unless they are given to it beforehand."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    letters = sorted({letter for line in _corpus() for letter in tokenizer.normalizer.normalize_str(line)} - {" "})
    known = [*specials, *(f"##{letter}" for letter in letters)]
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=known, show_progress=False)
    tokenizer.train_from_iterator(_corpus(), trainer)
    return tokenizer.get_vocab()


def _byte_level(*, roberta_specials: bool, vocabulary: int = VOCABULARY) -> Any:
    """Byte-level BPE: RoBERTa's, with a mask that eats the space before it, or GPT-2's, which adds nothing."""
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"] if roberta_specials else ["<|endoftext|>"]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        _corpus(),
        trainers.BpeTrainer(
            vocab_size=vocabulary, special_tokens=specials, initial_alphabet=alphabet, show_progress=False
        ),
    )
    if not roberta_specials:
        end = "<|endoftext|>"
        return transformers.PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, bos_token=end, eos_token=end, unk_token=end, model_max_length=LONG_CONTEXT
        )
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
        model_max_length=SHORT_CONTEXT,
        model_input_names=["input_ids", "attention_mask"],
    )


def _metaspace_bpe(specials: list[str]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """NLLB's vocabulary and merges."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(
        _corpus(), trainers.BpeTrainer(vocab_size=300, special_tokens=specials, show_progress=False)
    )
    model = json.loads(tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


def _unigram() -> Any:
    """T5's tokenizer: Unigram, the end marked by `</s>`."""
    specials = ["<pad>", "</s>", "<unk>"]
    spm = _sentencepiece(io.BytesIO(), size=300)  # tokenizers' own trainer finds others in every run
    pieces = [(spm.id_to_piece(index), spm.get_score(index)) for index in range(3, spm.get_piece_size())]
    tokenizer = Tokenizer(models.Unigram([*((one, 0.0) for one in specials), *pieces], unk_id=2))
    tokenizer.add_special_tokens(specials)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", pair="$A </s> $B </s>", special_tokens=[("</s>", 1)]
    )
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=SHORT_CONTEXT,
        model_input_names=["input_ids", "attention_mask"],
    )


def _sentencepiece(file: io.BytesIO, size: int = 250) -> Any:
    """Train a sentencepiece model and write it to `file`."""
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=_corpus(),
        model_writer=file,
        vocab_size=size,
        hard_vocab_limit=False,
        minloglevel=2,
        num_threads=1,
    )
    return sentencepiece.SentencePieceProcessor(model_proto=file.getvalue())


def unigram_ner(folder: Path) -> None:
    """A token classifier whose SentencePiece tokenizer counts the space before a word, and reads compatibility forms.

    XLM-RoBERTa's is like this. It is in no preset, so it is built only where it is asked for.
    """
    tokenizer = _compatible_unigram()
    config = _bert(tokenizer, id2label=dict(enumerate(NER_LABELS)))
    _save(folder, transformers.BertForTokenClassification(config), tokenizer)


def unigram_squad(folder: Path) -> None:
    """The same tokenizer before a question-answering head."""
    tokenizer = _compatible_unigram()
    _save(folder, transformers.BertForQuestionAnswering(_bert(tokenizer)), tokenizer)


def roberta_squad(folder: Path) -> None:
    """A RoBERTa for extractive question answering, whose byte-level tokenizer makes several tokens of an emoji."""
    tokenizer = _byte_level(roberta_specials=True)
    config = transformers.RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=SHORT_CONTEXT + 2,
        type_vocab_size=1,
        initializer_range=0.3,
        pad_token_id=tokenizer.pad_token_id,
    )
    _save(folder, transformers.RobertaForQuestionAnswering(config), tokenizer)


def _compatible_unigram() -> Any:
    tokenizer = _unigram()
    tokenizer.backend_tokenizer.normalizer = normalizers.NFKC()
    tokenizer.cls_token = "</s>"
    return tokenizer
