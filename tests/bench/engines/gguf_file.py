"""A Llama's weights and tokenizer as a GGUF file, which llama.cpp reads.

Source: llama.cpp's converter `convert_hf_to_gguf.py`, which pip does not install.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from bot.inference.heads.head import Head

PARTS: Mapping[str, str] = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
"""transformers' names of weights, and llama.cpp's; those of a layer have its number before them."""
_OF_LAYER = re.compile(r"model\.layers\.(\d+)\.(.+)\.weight")


class NotConvertible(Exception):
    """A checkpoint that cannot be written as GGUF here: the message says what stands in the way."""


def write_gguf(head: Head, path: Path, precision: str) -> None:
    """Write a Llama's file; matrices in bfloat16 or float32, norms in float32.

    Raises:
        NotConvertible: it is no Llama, or its tokenizer divides words as llama.cpp does not.
    """
    from gguf import GGUFWriter

    config: Any = head.model.config
    if config.model_type != "llama" or config.rope_parameters.get("rope_type", "default") != "default":
        raise NotConvertible("its architecture")
    writer: Any = GGUFWriter(str(path), "llama")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(config.rope_parameters["rope_theta"])
    writer.add_vocab_size(config.vocab_size)
    _add_tokenizer(writer, head, config.vocab_size)
    for name, weight in _weights(head.model):
        _add_tensor(writer, name, weight, precision)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _weights(model: Any) -> list[tuple[str, torch.Tensor]]:
    found = []
    for name, weight in model.state_dict().items():
        if name == "lm_head.weight" and model.config.tie_word_embeddings:
            continue
        in_layer = _OF_LAYER.fullmatch(name)
        part = PARTS.get(in_layer[2] if in_layer else name.removesuffix(".weight"))
        if part is None:
            raise NotConvertible("its architecture")
        heads = {"attn_q": model.config.num_attention_heads, "attn_k": model.config.num_key_value_heads}.get(part)
        layer = f"blk.{in_layer[1]}." if in_layer else ""
        found.append((f"{layer}{part}.weight", weight if heads is None else _interleaved(weight, heads)))
    tied = model.config.tie_word_embeddings
    if len(found) != (2 if tied else 3) + (len(PARTS) - 3) * model.config.num_hidden_layers:
        raise NotConvertible("its layers")  # packed or fused ones keep their weights elsewhere
    return found


def _interleaved(weight: torch.Tensor, heads: int) -> torch.Tensor:
    """Order a projection's rows as llama.cpp rotates them: neighbours, rather than the halves of a head."""
    rows, columns = weight.shape
    return weight.reshape(heads, 2, rows // heads // 2, columns).swapaxes(1, 2).reshape(rows, columns)


def _add_tensor(writer: Any, name: str, weight: torch.Tensor, precision: str) -> None:
    from gguf import GGMLQuantizationType

    if precision != "bfloat16" or weight.dim() == 1:
        writer.add_tensor(name, weight.detach().float().contiguous().numpy())
        return
    halves: npt.NDArray[np.uint8] = weight.detach().to(torch.bfloat16).contiguous().view(torch.uint8).numpy()
    writer.add_tensor(name, halves, raw_dtype=GGMLQuantizationType.BF16)


def _add_tokenizer(writer: Any, head: Head, size: int) -> None:
    from gguf import TokenType

    backend: Any = head.tokenizer.backend_tokenizer
    described = json.loads(backend.to_str())
    special = {one["id"] for one in described["added_tokens"] if one["special"]}
    known = {number: token for token, number in backend.get_vocab(with_added_tokens=True).items()}
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in described["model"].get("merges", [])]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(_division(described))
    writer.add_token_list([known.get(number, f"[unused {number}]") for number in range(size)])
    writer.add_token_types(
        [
            TokenType.CONTROL if number in special else TokenType.NORMAL if number in known else TokenType.UNUSED
            for number in range(size)
        ]
    )
    writer.add_token_merges(merges)
    writer.add_add_bos_token(False)
    if (end := head.tokenizer.eos_token_id) is not None:
        writer.add_eos_token_id(end)


def _division(tokenizer: Mapping[str, Any]) -> str:
    """Return llama.cpp's name for how a byte-level tokenizer divides a text before merging."""
    steps = tokenizer["pre_tokenizer"] or {}
    parts = steps.get("pretokenizers", [steps])
    kinds = [part.get("type") for part in parts]
    plain = tokenizer["model"]["type"] == "BPE" and not tokenizer["normalizer"]
    if plain and kinds and kinds[-1] == "ByteLevel" and parts[-1]["use_regex"] and not parts[-1]["add_prefix_space"]:
        if kinds == ["ByteLevel"]:
            return "gpt-2"
        if kinds == ["Digits", "ByteLevel"] and parts[0]["individual_digits"]:
            return "smollm"
    raise NotConvertible("its tokenizer")
