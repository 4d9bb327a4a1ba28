"""Faults of a device from which it does not recover in this process, such as an assertion in a CUDA kernel.

Source: https://docs.nvidia.com/cuda/cuda-runtime-api, "cudaError": the codes of which it says "the process must be
terminated and relaunched".
"""

from __future__ import annotations

import logging

from bot.errors import describe

log = logging.getLogger(__name__)

_FINAL = (
    "device-side assert",
    "illegal memory access",
    "illegal instruction",
    "misaligned address",
    "unspecified launch failure",
    "launch timed out",
    "invalid program counter",
    "hardware stack error",
    "address space",
    "uncorrectable",
    "context is destroyed",
    "unavailable",
    "unknown error",
    "driver shutting down",
    "no cuda-capable device",
)
"""Parts of the messages of these codes, in lower case."""


def is_final(error: BaseException) -> bool:
    """Return whether an error of a forward pass says that its device computes nothing more in this process."""
    text = str(error).lower()
    return isinstance(error, RuntimeError) and "cuda error" in text and any(part in text for part in _FINAL)


def still_computes(device: str) -> bool:
    """Return whether a device adds two numbers. On its thread, after a pass has failed for whatever reason.

    Args:
        device: as PyTorch writes it.
    """
    if device == "cpu":
        return True
    import torch

    try:
        return bool((torch.ones(2, device=device) + 1).sum().item() == 4)
    except RuntimeError as error:
        log.error("%s computes nothing more: %s", device, describe(error))
        return False
