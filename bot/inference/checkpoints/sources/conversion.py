"""A script that converts a GGUF file: `conversion.py model|tokenizer <file> <target folder>`.

Exit status: 0 done, `CHANGED` if the written tokenizer gives other ids than the original, `FULL` if the disk is full,
anything else a failure, whose kind is the last line of the output. It imports nothing of the bot, so it runs however
the bot was installed.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path

CHANGED = 3
FULL = 5

# A tokenizer that is written and read again may lose leading spaces, characters outside the vocabulary, line breaks or
# runs of digits.
SAMPLES = ("I love apples.", " leading", "English: x\nGerman: Äpfel, ß 漢字 🙂", "\n\n tab\t", "1234567 __init__", "")

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
OFFLINE = {"local_files_only": True, "trust_remote_code": False}


def convert_model(file: Path, target: Path) -> int:
    """Write the weights to `target` as bf16 safetensors, with their configuration."""
    import torch
    from transformers import AutoModelForCausalLM, GgufConfig

    model = AutoModelForCausalLM.from_pretrained(
        file.parent,
        gguf_file=file.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),  # without it the model loads, but cannot be saved
        **OFFLINE,
    )
    model.save_pretrained(target)
    return 0


def convert_tokenizer(file: Path, target: Path) -> int:
    """Write the tokenizer to `target`, read it again, and compare both on `SAMPLES`."""
    from transformers import AutoTokenizer

    original = AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name, **OFFLINE)
    original.save_pretrained(target)
    # Read from a folder without the model's configuration, a tokenizer's class is found by its own files alone.
    written = AutoTokenizer.from_pretrained(target, **OFFLINE)
    special = "".join(f"a{token}b " for token in original.all_special_tokens)
    texts = [*SAMPLES, special]
    return 0 if original(texts)["input_ids"] == written(texts)["input_ids"] else CHANGED


def main(what: str, file: str, target: str) -> int:
    """Return the exit status."""
    try:
        return {"model": convert_model, "tokenizer": convert_tokenizer}[what](Path(file), Path(target))
    except Exception as error:
        sys.stdout.write(f"{type(error).__name__}\n")
        return FULL if _is_full(error) else 1


def _is_full(error: Exception) -> bool:
    # safetensors, which is written in Rust, has the system's error only in its text.
    return getattr(error, "errno", None) in _NO_ROOM or any(f"os error {number})" in str(error) for number in _NO_ROOM)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
