"""Which data type a checkpoint computes in, and why, in a sentence for whoever runs the bot."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.inference.compute.device import Device

if TYPE_CHECKING:
    from bot.inference.heads.head import Head

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Rounding:
    """What became of rounding a checkpoint to int8.

    Attributes:
        accepted: whether the head computes in int8 now.
        damaged: whether its weights are rounded and must not be used.
        reason: one clause.
    """

    accepted: bool
    damaged: bool
    reason: str


def reason_of(device: Device, dtype: str) -> str:
    """Why a checkpoint on a device computes in a floating-point data type."""
    if device.precision not in ("int8", device.best_precision):
        return f"{dtype}: set by PRECISION"
    if device.name == "mps":
        return f"{dtype}: the default on mps"
    processor = "CPU" if device.on_cpu else "GPU"
    if dtype == "bfloat16":
        return f"{dtype}: this {processor} multiplies it natively"
    return f"{dtype}: this {processor} does not multiply bfloat16 natively"


def round_to_int8(head: Head) -> Rounding:
    """Round a head's weights to int8 in place, and keep that only if it still answers the same.

    Where the result is `damaged`, the checkpoint must be loaded again.
    """
    from bot.inference.compute.int8 import largest_inputs, obstacle, quantise
    from bot.inference.compute.parity import REHEARSAL, is_checkable, observer, parity_check

    missing = obstacle(head.device)
    if missing is not None:
        return Rounding(accepted=False, damaged=False, reason=_instead(head, missing))
    if not is_checkable(head):
        return Rounding(accepted=False, damaged=False, reason=_instead(head, "there is no parity check for its kind"))
    check = parity_check(head)
    largest = largest_inputs(head.model, observer(head, REHEARSAL))
    try:
        if not quantise(head.model, head.device, largest):
            return Rounding(accepted=False, damaged=False, reason=_instead(head, "it has no linear layers to round"))
        parity = check()
    except Exception as error:
        log.warning("computing in int8 failed: %s", type(error).__name__)
        return Rounding(accepted=False, damaged=True, reason=_instead(head, "this checkpoint does not run in it"))
    if parity.passed:
        return Rounding(accepted=True, damaged=False, reason=f"int8: {parity.finding}")
    return Rounding(accepted=False, damaged=True, reason=_instead(head, f"{parity.finding}; {parity.demand}"))


def _instead(head: Head, why: str) -> str:
    return f"{head.precision} instead of int8: {why}"
