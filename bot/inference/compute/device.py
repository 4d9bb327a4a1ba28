"""Where the forward passes run, and in which data type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bot.errors import SettingsError

if TYPE_CHECKING:
    import torch

PRECISIONS = ("float32", "bfloat16", "float16", "int8")


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

    @classmethod
    def choose_all(cls, names: str = "auto", precision: str = "auto") -> tuple[Device, ...]:
        """The devices of a list with commas, or the best one there is.

        The CPU may be listed several times, for machines with several sockets.

        Raises:
            SettingsError: one of them is not to be had, or is listed in vain.
        """
        each = [name.strip() for name in names.split(",")]
        if len(each) > 1 and not all(name and name != "auto" for name in each):
            raise SettingsError(
                f"DEVICES is {names!r}: write auto alone, or names with commas between them, such as cuda:0,cuda:1."
            )
        devices = tuple(cls.choose(name, precision) for name in each)
        for device in devices:
            if not device.on_cpu and devices.count(device) > 1:
                raise SettingsError(f"DEVICES is {names!r}: {device.name} is listed twice, and there is only one.")
        return devices

    @property
    def dtype(self) -> torch.dtype:
        """The PyTorch data type that checkpoints are loaded in. Only afterwards are weights rounded to int8."""
        import torch

        name = self.best_precision if self.precision == "int8" else self.precision
        dtype: torch.dtype = getattr(torch, name)
        return dtype

    @property
    def best_precision(self) -> str:
        """The floating-point data type that is fastest here."""
        return _best_precision(self.name)

    @property
    def on_cpu(self) -> bool:
        """Whether memory and cores are shared with everything else."""
        return self.name == "cpu"


Devices: TypeAlias = Device | Sequence[Device]
"""One device, or several."""


def listed(devices: Devices) -> tuple[Device, ...]:
    """All of the devices."""
    return (devices,) if isinstance(devices, Device) else tuple(devices)


def disable_cudnn_attention(device: Device) -> None:
    """Have attention on a GPU computed by PyTorch's own kernels, in the whole process.

    PyTorch prefers cuDNN's on newer GPUs. These make a plan for each new shape, which takes 45 ms on an H200 where the
    whole forward pass of a DistilBERT takes 3, and messages, let alone the steps of a generation, have a new shape each
    time.
    """
    if device.name.startswith("cuda"):
        import torch

        torch.backends.cuda.enable_cudnn_sdp(False)


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
            f"DEVICES has {name!r}, and this machine has no such device. Use auto, cpu, cuda:0 or mps, or several of "
            "them with commas, such as cuda:0,cuda:1."
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
