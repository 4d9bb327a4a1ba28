"""What PyTorch's libraries read from the environment when they are imported."""

from __future__ import annotations

from collections.abc import MutableMapping

KERNELS = 256
"""Those of oneDNN that are kept for later forward passes, by layer and number of rows; half a megabyte each."""
DEFAULTS = {
    # On the CPU, PyTorch's threads spin while they wait for each other. As soon as another process wants a core, that
    # makes a forward pass up to twenty times slower; spinning briefly costs a fifth if no other process does
    # (docs/experiments/threads.md).
    "GOMP_SPINCOUNT": "1000",
    # Both caches hold the same kernels, oneDNN's and that of its C++ wrapper in PyTorch: to bound one frees nothing.
    # With their own bounds, 1,024 each, memory grows by hundreds of megabytes in the first ten thousand requests.
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": str(KERNELS),
    "LRU_CACHE_CAPACITY": str(KERNELS),
}


def prepare(environment: MutableMapping[str, str]) -> None:
    """Set what the operator has not set. Called before PyTorch is imported."""
    for name, value in DEFAULTS.items():
        environment.setdefault(name, value)
