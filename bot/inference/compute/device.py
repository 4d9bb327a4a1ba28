"""Devices, and the data types that checkpoints are loaded in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from bot.errors import SettingsError
from bot.locales.message import later

if TYPE_CHECKING:
    import torch

PRECISIONS = ("float32", "bfloat16", "float16", "int8")


@dataclass(frozen=True)
class Device:
    """A device with its data type."""

    name: str
    """As PyTorch writes it: `cpu`, `cuda:0`, `mps`."""
    precision: str
    """One of `PRECISIONS`."""

    @classmethod
    def choose(cls, name: str = "auto", precision: str = "auto") -> Device:
        """Return the best device of this machine, or the named one.

        Raises:
            SettingsError: this machine has no such device, or there is no such precision.
        """
        name = _best_device() if name == "auto" else _checked_device(name)
        if precision == "auto":
            precision = _best_precision(name)
        if precision not in PRECISIONS:
            raise SettingsError(
                later(
                    "PRECISION is {precision!r}: it must be auto, {precisions}.",
                    precision=precision,
                    precisions=", ".join(PRECISIONS),
                )
            )
        return cls(name, precision)

    @classmethod
    def choose_all(cls, names: str = "auto", precision: str = "auto") -> tuple[Device, ...]:
        """Return the devices of a comma-separated list, or the best one.

        Raises:
            SettingsError: this machine lacks one of them, or one is listed twice.
        """
        each = [name.strip() for name in names.split(",")]
        if len(each) > 1 and not all(name and name != "auto" for name in each):
            raise SettingsError(
                later(
                    "DEVICES is {names!r}: write auto alone, or names with commas between them, such as cuda:0,cuda:1.",
                    names=names,
                )
            )
        devices = tuple(cls.choose(name, precision) for name in each)
        for device in devices:
            # A machine with several sockets may list its CPU several times.
            if not device.on_cpu and devices.count(device) > 1:
                raise SettingsError(
                    later(
                        "DEVICES is {names!r}: {name} is listed twice, and there is only one.",
                        names=names,
                        name=device.name,
                    )
                )
        return devices

    @property
    def dtype(self) -> torch.dtype:
        """The data type that checkpoints are loaded in."""
        import torch

        # int8 weights are quantised after loading.
        dtype: torch.dtype = getattr(torch, self.best_precision if self.precision == "int8" else self.precision)
        return dtype

    @property
    def best_precision(self) -> str:
        """The fastest floating-point data type on this device."""
        return _best_precision(self.name)

    @property
    def on_cpu(self) -> bool:
        """Whether it is the CPU, whose memory and cores everything else shares."""
        return self.name == "cpu"

    def reason_for(self, dtype: str) -> str:
        """Return why a checkpoint computes in a floating-point data type here, in a clause for the bot's owner."""
        if self.precision not in ("int8", self.best_precision):
            return f"{dtype}: set by PRECISION"
        if self.name == "mps":
            return f"{dtype}: the default on mps"
        verb = "multiplies it" if dtype == "bfloat16" else "does not multiply bfloat16"
        return f"{dtype}: this {'CPU' if self.on_cpu else 'GPU'} {verb} natively"


Devices: TypeAlias = Device | Sequence[Device]


def listed(devices: Devices) -> tuple[Device, ...]:
    """Return all devices as a tuple."""
    return (devices,) if isinstance(devices, Device) else tuple(devices)


def disable_cudnn_attention(device: Device) -> None:
    """Have PyTorch's own kernels compute attention on a GPU, in the whole process."""
    # On newer GPUs PyTorch prefers cuDNN's kernels. They make a plan for each new shape, and messages and decode steps
    # have a new shape each time: on an H200 a plan takes 45 ms, the whole forward pass of a DistilBERT 3 ms.
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
            later(
                "DEVICES has {name!r}, and this machine has no such device. Use auto, cpu, cuda:0 or mps, or several "
                "of them with commas, such as cuda:0,cuda:1.",
                name=name,
            )
        ) from None
    return "cuda:0" if name == "cuda" else name


def _best_precision(device: str) -> str:
    import torch

    # bfloat16 only if the hardware multiplies it: emulated, it is slower than float32.
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.get_device_capability(device) >= (8, 0) else "float16"
    if device == "mps":
        return "float16"
    able = torch.cpu.get_capabilities()
    return "bfloat16" if any(map(able.get, ("avx512_bf16", "amx_bf16", "bf16"))) else "float32"
