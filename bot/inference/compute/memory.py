"""The memory of devices: when it has run out, and how to free it."""

from __future__ import annotations

import gc

from bot.inference.compute.collection import collect_everything


def free_memory() -> None:
    """Free unreferenced tensors."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def free_checkpoints() -> None:
    """Free unreferenced checkpoints, whose heads and operations refer to each other, and unreferenced tensors."""
    collect_everything()
    free_memory()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the device or the machine had no memory left."""
    if isinstance(error, MemoryError):
        return True
    # On the CPU and on MPS PyTorch raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or ("alloc" in str(error).lower() and "memory" in str(error).lower())
    )
