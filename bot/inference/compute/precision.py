"""Why a checkpoint computes in a data type, in a clause for the person who runs the bot."""

from __future__ import annotations

from bot.inference.compute.device import Device


def reason_of(device: Device, dtype: str) -> str:
    """Return why a checkpoint on a device computes in a floating-point data type."""
    if device.precision not in ("int8", device.best_precision):
        return f"{dtype}: set by PRECISION"
    if device.name == "mps":
        return f"{dtype}: the default on mps"
    processor = "CPU" if device.on_cpu else "GPU"
    if dtype == "bfloat16":
        return f"{dtype}: this {processor} multiplies it natively"
    return f"{dtype}: this {processor} does not multiply bfloat16 natively"
