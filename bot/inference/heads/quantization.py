"""Quantising a checkpoint's weights to int8, kept only if the checkpoint still answers the same."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot.inference.compute.int8 import largest_inputs, obstacle, quantise
from bot.inference.heads.head import Head
from bot.inference.heads.parity import REHEARSAL, is_checkable, observer, parity_check

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Quantization:
    """The outcome of an attempt to quantise a checkpoint.

    Attributes:
        accepted: whether the head computes in int8 now.
        damaged: whether its weights are changed and must not be used: the checkpoint must be loaded again.
        reason: one clause.
    """

    accepted: bool
    damaged: bool
    reason: str


def quantise_to_int8(head: Head) -> Quantization:
    """Quantise a head's weights to int8 in place, and check that it still answers the same."""
    missing = obstacle(head.device)
    if missing is not None:
        return _refused(head, missing)
    if not is_checkable(head):
        return _refused(head, "there is no parity check for its kind")
    check = parity_check(head)
    largest = largest_inputs(head.model, observer(head, REHEARSAL))
    try:
        if not quantise(head.model, head.device, largest):
            return _refused(head, "it has no linear layers to round")
        parity = check()
    except Exception as error:
        log.warning("computing in int8 failed: %s", type(error).__name__)
        return _refused(head, "this checkpoint does not run in it", damaged=True)
    if parity.passed:
        return Quantization(accepted=True, damaged=False, reason=f"int8: {parity.finding}")
    return _refused(head, f"{parity.finding}; {parity.demand}", damaged=True)


def _refused(head: Head, why: str, *, damaged: bool = False) -> Quantization:
    return Quantization(accepted=False, damaged=damaged, reason=f"{head.precision} instead of int8: {why}")
