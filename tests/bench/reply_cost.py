"""`python -m tests.bench.reply_cost --beside FOLDER`: what a reply costs beside that of another checkout.

A person asks `/sentiment` and opens Show the work, through the real bot in a simulated Discord with a tiny checkpoint,
so nearly all time is Python. The processes take turns, and their processor time is counted, which depends less on
what else the machine does. `--locale de` has this checkout's bot answer in a made-up language with a whole catalogue.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

import typer

from tests.bench import reply_process

HERE = Path(__file__).parents[2]
WARM_UP = 3
"""Rounds of each that don't count."""

Round = Mapping[str, float]
"""Processor seconds of a reply, by its kind."""


class Replies:
    """A process that answers in rounds."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def round(self) -> Round:
        """Answer one round."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        found: Round = json.loads(self._process.stdout.readline())
        return found


@contextlib.contextmanager
def answering(tree: Path, replies: int, locale: str | None = None) -> Iterator[Replies]:
    """Start a process of a checkout.

    Args:
        replies: of each kind in a round.
        locale: in which it answers; None for English.
    """
    # With -P, it imports the checkout's modules, and none from beside the script.
    command = [sys.executable, "-P", reply_process.__file__, "--replies", str(replies)]
    command += [] if locale is None else ["--locale", locale]
    pipe = subprocess.PIPE
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=tree, env=environment) as process:
        try:
            yield Replies(process)
        finally:
            process.kill()


def measure(trees: Sequence[Path], replies: int, rounds: int, locale: str | None) -> list[tuple[Round, Round]]:
    """Return pairs of rounds, the other checkout's first.

    Args:
        trees: the other checkout, and this one.
        locale: of this one's answers.
    """
    other, this = trees
    with answering(other, replies) as before, answering(this, replies, locale) as after:
        pairs = []
        for index in range(WARM_UP + rounds):
            order = (before, after) if index % 2 else (after, before)
            seen = {one: one.round() for one in order}
            pairs.append((seen[before], seen[after]))
    return pairs[WARM_UP:]


def summary(pairs: Sequence[tuple[Round, Round]]) -> Iterator[str]:
    """Yield a line for each kind of reply."""
    for kind in pairs[0][0]:
        ratios = sorted(after[kind] / before[kind] for before, after in pairs)
        quarter = len(ratios) // 4
        was, now = (median(one[kind] for one in side) for side in zip(*pairs, strict=True))
        yield (
            f"{kind}: {1000 * now:.2f} ms of processor time beside {1000 * was:.2f} ms (medians of {len(ratios)}), "
            f"{now / was:.3f} times as much; quartiles of pairs {ratios[quarter]:.3f} to {ratios[-1 - quarter]:.3f}"
        )


def main() -> None:
    """Run the measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.reply_cost", description=__doc__)
    parser.add_argument("--beside", type=Path, default=HERE, help="another checkout; where not given, this one")
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--replies", type=int, default=10, help="of each kind in a round")
    parser.add_argument("--locale", help="of this checkout's answers; where not given, English")
    options = parser.parse_args()
    pairs = measure([options.beside.resolve(), HERE], options.replies, options.rounds, options.locale)
    for line in summary(pairs):
        typer.echo(line)


if __name__ == "__main__":
    main()
