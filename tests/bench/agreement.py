"""Whether contenders give the same answers: a fast one that computes something else sets no limit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from bot.benchmark.comparison import Say
from bot.benchmark.options import SLOW
from bot.inference.heads.head import Head
from tests.bench.limit import offline
from tests.bench.tuning import Tuned
from tests.bench.workload import Workload

COMPARED, COMPARED_IF_SLOW = 100, 20
"""Requests."""


async def differences(reference: Head, contenders: Mapping[str, Tuned], workload: Workload, say: Say) -> list[str]:
    """Return how many answers of each contender differ from the checkpoint's own in float32, in a line for the reader.

    Answers are labels, the likeliest word at a mask, or all tokens of a translation.
    """
    right = offline(workload.task, reference)
    if right.answer is None:
        return []
    say(f"{workload.name}: comparing answers")
    requests = workload.take(COMPARED_IF_SLOW if workload.name in SLOW else COMPARED)
    answers = await asyncio.to_thread(right.answer, requests, right.sizes[0])
    found = []
    for name, one in contenders.items():
        if (theirs := await one.contender.answers(requests)) is not None:
            found.append(f"{name} {differing(theirs, answers)}")
    return [f"Answers that are not the checkpoint's in float32, of {_counted(answers)}: {', '.join(found)}."]


def _counted(answers: Sequence[object]) -> str:
    kinds = len({repr(answer) for answer in answers})
    return (
        f"{len(answers)} ({kinds} different ones)" if kinds > 1 else f"{len(answers)} (all alike, so this says little)"
    )


def differing(one: Sequence[object], other: Sequence[object]) -> int:
    """Return how many answers to the same requests differ; raise `ValueError` if there are more of one."""
    return sum(mine != theirs for mine, theirs in zip(one, other, strict=True))
