"""The memory of devices: when it has run out, and how to free it."""

from __future__ import annotations

import gc


def free_memory() -> None:
    """Free unreferenced tensors."""
    import torch

    gc.collect()  # heads and their operations refer to each other
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the device or the machine had no memory left."""
    if isinstance(error, MemoryError):
        return True
    # On the CPU and on MPS PyTorch raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError" or ("alloc" in str(error).lower() and "memory" in str(error).lower())
    )
