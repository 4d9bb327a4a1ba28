"""The memory of devices: when it has run out, and how to free it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from dataclasses import dataclass

from bot.inference.compute.collection import collect_everything


def free_memory() -> None:
    """Free unreferenced tensors."""
    gc.collect()  # what a failed pass has left may refer to itself
    free_cache()


@dataclass
class Shortage:
    """The memory runs out, perhaps again and again, until so few rows share a pass that they fit.

    Attributes:
        times: how often it has.
    """

    times: int = 0

    def free(self) -> None:
        """Free what a failed pass has left. Called outside of the handler of its error."""
        self.times += 1
        # Half as many rows usually fit, and nothing of the failed pass is left by then. To look for garbage stops every
        # thread for as long as a second, so that is tried once, if less does not do.
        if self.times == 2:
            free_memory()
        else:
            free_cache()


def free_cache() -> None:
    """Give back the memory that PyTorch and the C library keep for later."""
    import torch

    trim()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def trim() -> None:
    """Give back the memory that the C library keeps for later, where it is glibc."""
    # It keeps what lies between two blocks that are in use, and loading a checkpoint frees hundreds of megabytes there.
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def free_checkpoints() -> None:
    """Free unreferenced checkpoints, whose heads and operations refer to each other, and unreferenced tensors."""
    collect_everything()
    free_cache()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the device or the machine had no memory left."""
    if isinstance(error, MemoryError):
        return True
    # cuBLAS reserves its workspace when it is first used. On the CPU and on MPS PyTorch raises a plain RuntimeError.
    return isinstance(error, RuntimeError) and (
        type(error).__name__ == "OutOfMemoryError"
        or "CUBLAS_STATUS_ALLOC_FAILED" in str(error)
        or ("alloc" in str(error).lower() and "memory" in str(error).lower())
    )
