"""Where the forward passes run, and in which data type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.errors import SettingsError

if TYPE_CHECKING:
    import torch

PRECISIONS = ("float32", "bfloat16", "float16")


@dataclass(frozen=True)
class Device:
    """A device and the data type that checkpoints are loaded in on it.

    Attributes:
        name: as PyTorch writes it: `cpu`, `cuda:0`, `mps`.
        precision: one of `PRECISIONS`.
    """

    name: str
    precision: str

    @classmethod
    def choose(cls, name: str = "auto", precision: str = "auto") -> Device:
        """Pick the best device there is, or check the one that was asked for.

        Raises:
            SettingsError: there is no such device on this machine, or no such precision.
        """
        name = _best_device() if name == "auto" else _checked_device(name)
        if precision == "auto":
            precision = _best_precision(name)
        if precision not in PRECISIONS:
            raise SettingsError(f"PRECISION is {precision!r}: it must be auto, {', '.join(PRECISIONS)}.")
        return cls(name, precision)

    @property
    def dtype(self) -> torch.dtype:
        """The PyTorch data type of the weights."""
        import torch

        dtype: torch.dtype = getattr(torch, self.precision)
        return dtype

    @property
    def on_cpu(self) -> bool:
        """Whether memory and cores are shared with everything else."""
        return self.name == "cpu"


def _best_device() -> str:
    import torch

    if torch.cuda.is_available():
        return "cuda:0"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _checked_device(name: str) -> str:
    import torch

    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise SettingsError(
            f"DEVICES is {name!r}, and this machine has no such device. Use auto, cpu, cuda:0 or mps."
        ) from None
    return "cuda:0" if name == "cuda" else name


def _best_precision(device: str) -> str:
    """bfloat16 only where the hardware multiplies it: emulated it is slower than float32."""
    import torch

    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float16"
    if device == "mps":
        return "float16"
    able = torch.cpu.get_capabilities()
    return "bfloat16" if able.get("avx512_bf16") or able.get("amx_bf16") or able.get("bf16") else "float32"
