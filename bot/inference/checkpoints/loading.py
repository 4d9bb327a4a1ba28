"""Loads a checkpoint from a folder onto a device."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.meta_model import MODEL_BUILDING
from bot.inference.checkpoints.weights import weight_files
from bot.inference.compute.device import Device, disable_cudnn_attention
from bot.inference.compute.libraries import compiler_deferred, import_all
from bot.inference.compute.memory import trim
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.task import HeadKind
from bot.locales.message import later

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from bot.inference.heads.head import Head

log = logging.getLogger(__name__)

_ENDINGS = {
    "ForSequenceClassification": HeadKind.SEQUENCE_CLASSIFIER,
    "ForMaskedLM": HeadKind.MASKED_LM,
    "ForCausalLM": HeadKind.CAUSAL_LM,
    "LMHeadModel": HeadKind.CAUSAL_LM,
    "ForConditionalGeneration": HeadKind.SEQ2SEQ_LM,
    "MTModel": HeadKind.SEQ2SEQ_LM,
    "ForTokenClassification": HeadKind.TOKEN_CLASSIFIER,
    "ForQuestionAnswering": HeadKind.QUESTION_ANSWERING,
    "Model": HeadKind.EMBEDDER,  # the last one, because others end in it too
}


def head_kind(architecture: str) -> HeadKind:
    """Return the kind of head for an architecture, the class name in `config.json`.

    Raises:
        ModelUnavailable: Glassbox has no head for it.
    """
    for ending, kind in _ENDINGS.items():
        if architecture.endswith(ending):
            return kind
    raise ModelUnavailable(
        later(
            # Translators: {architecture} is the name of a class, such as "BertForSequenceClassification".
            "A checkpoint with the architecture {architecture} is set, and I can use only classifiers of texts or "
            "tokens, masked and causal language models, encoder-decoders, sentence encoders and models for question "
            "answering.",
            architecture=architecture or "unknown",
        )
    )


def load_head(folder: Path, device: Device, languages: LanguagePairs | None = None, *, packed: bool = True) -> Head:
    """Load a checkpoint onto a device: safetensors only, and no code from the checkpoint.

    With the precision int8, the weights are quantised if they then pass the parity check; the head's `precision` and
    `precision_reason` tell the outcome.

    Args:
        languages: the pairs that the catalogue declares, if any.
        packed: whether linear layers may be packed for the CPU (see `bot.inference.compute.packed_linear`).

    Raises:
        ModelUnavailable: the folder cannot be loaded.
    """
    try:
        import_all()
        from bot.inference.compute.fused_linear import fuse
        from bot.inference.compute.mapped_files import leave_files
        from bot.inference.compute.packed_linear import pack

        head = _load(folder, device, languages)
        if packed:
            # In float32, packing is for batch invariance, which is promised for numbers; encoder-decoders give texts.
            is_useful = head.kind is not HeadKind.SEQ2SEQ_LM or head.precision != "float32"
            head.is_packed = is_useful and pack(head.model) > 0
            fuse(head.model)
        if device.on_cpu:
            leave_files(head.model, weight_files(folder))
            trim()
        return head
    except ModelUnavailable:
        raise
    except Exception as error:
        log.error("loading a checkpoint failed: %s", type(error).__name__)
        raise ModelUnavailable(
            later(
                "A checkpoint could not be loaded: its files are damaged, or are no transformers checkpoint. Whoever "
                "runs this bot can fetch it again with `python -m bot pull`."
            )
        ) from error


def _load(folder: Path, device: Device, languages: LanguagePairs | None) -> Head:
    head = _load_unrounded(folder, device, languages)
    if device.precision != "int8":
        return head
    from bot.inference.heads.quantization import quantise_to_int8

    quantised = quantise_to_int8(head)
    if quantised.accepted:
        head.precision = "int8"
    elif quantised.damaged:
        del head
        gc.collect()  # heads and their operations refer to each other; both copies may not fit
        head = _load_unrounded(folder, device, languages)
    head.precision_reason = quantised.reason
    return head


def _load_unrounded(folder: Path, device: Device, languages: LanguagePairs | None) -> Head:
    import transformers

    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.embedder import Embedder
    from bot.inference.heads.masked_lm import MaskedLM
    from bot.inference.heads.question_answering import QuestionAnswering
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM
    from bot.inference.heads.sequence_classifier import SequenceClassifier
    from bot.inference.heads.token_classifier import TokenClassifier

    heads: dict[HeadKind, tuple[Any, Callable[..., Head]]] = {
        HeadKind.SEQUENCE_CLASSIFIER: (transformers.AutoModelForSequenceClassification, SequenceClassifier),
        HeadKind.MASKED_LM: (transformers.AutoModelForMaskedLM, MaskedLM),
        HeadKind.CAUSAL_LM: (transformers.AutoModelForCausalLM, CausalLM),
        HeadKind.SEQ2SEQ_LM: (transformers.AutoModelForSeq2SeqLM, Seq2SeqLM),
        HeadKind.TOKEN_CLASSIFIER: (transformers.AutoModelForTokenClassification, TokenClassifier),
        HeadKind.EMBEDDER: (transformers.AutoModel, partial(Embedder.of_folder, folder)),
        HeadKind.QUESTION_ANSWERING: (transformers.AutoModelForQuestionAnswering, QuestionAnswering),
    }
    transformers.utils.logging.disable_progress_bar()
    disable_cudnn_attention(device)
    config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False)
    kind = head_kind((config.architectures or [""])[0])
    auto_model, head = heads[kind]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    weight_files(folder)  # raises an error if they are none that may be opened
    with MODEL_BUILDING, compiler_deferred():
        model, report = auto_model.from_pretrained(
            folder, dtype=device.dtype, use_safetensors=True, trust_remote_code=False, output_loading_info=True
        )
    _refuse_random(report["missing_keys"], kind)
    _drop_copies(tokenizer)
    loaded = head(model.eval().to(device.name), tokenizer, device)
    loaded.declared_languages = languages
    return loaded


def _drop_copies(tokenizer: PreTrainedTokenizerBase) -> None:
    """Drop the Python objects that a tokenizer was built from: 150 MB of Gemma's, beside its real vocabulary."""
    from transformers import TokenizersBackend

    if isinstance(tokenizer, TokenizersBackend):  # the other ones read it
        for name in ("_vocab", "_merges"):
            vars(tokenizer).pop(name, None)


def _refuse_random(missing: Collection[str], kind: HeadKind) -> None:
    """Refuse weights that lack tensors, in whose place transformers draws random numbers.

    Args:
        missing: the names of these tensors.
    """
    # Sentence encoders are published without this layer, and nothing here reads what it computes.
    needed = [name for name in missing if kind is not HeadKind.EMBEDDER or not name.startswith("pooler.")]
    if needed:
        log.error("%d tensors of a checkpoint are missing", len(needed))
        raise ModelUnavailable(
            later(
                "A checkpoint lacks some of its weights, so its answers would come from random numbers. Whoever runs "
                "this bot can copy or fetch the whole checkpoint again, or choose another one."
            )
        )
