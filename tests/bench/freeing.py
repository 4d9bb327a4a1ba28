"""`python -m tests.bench.freeing`: how long an eviction stops every thread, by its way of freeing a checkpoint."""

from __future__ import annotations

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import transformers

from bot.inference.checkpoints.freeing import free
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.collection import collect_everything, leave_out
from bot.inference.heads.head import Head
from tests import tiny
from tests.support import CPU

TIMES = 7
BEAT_SECONDS = 0.001
LAYERS = 12
"""Of the second checkpoint: BERT-base's shape, with random weights."""


def main() -> None:
    """Print the medians, for a tiny checkpoint and for a large one, beside all the tiny ones."""
    transformers.utils.logging.disable_progress_bar()
    with tempfile.TemporaryDirectory(prefix="glassbox-freeing-") as name:
        folders = tiny.build_all(Path(name) / "tiny")
        beside = [load_head(folder, CPU) for folder in folders.values()]
        tiny_one = folders["distilbert"]
        for what, folder in (("tiny", tiny_one), ("BERT-base", _large(tiny_one, Path(name) / "large"))):
            by_collection = _median(folder, _collect)
            by_hand = _median(folder, free)
            print(  # noqa: T201
                f"{what}, beside {len(beside)} others: garbage collection {1000 * by_collection:.1f} ms, "
                f"by hand {1000 * by_hand:.1f} ms, ratio {by_hand / by_collection:.3f}"
            )


def _large(like: Path, folder: Path) -> Path:
    transformers.AutoTokenizer.from_pretrained(like).save_pretrained(folder)
    config = transformers.BertConfig(num_hidden_layers=LAYERS, num_labels=2)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def _median(folder: Path, way: Callable[[list[Head]], None]) -> float:
    """Return the median of the longest pauses of another thread, in seconds."""
    pauses = []
    for _ in range(TIMES):
        heads = [load_head(folder, CPU)]
        leave_out()
        pauses.append(_longest_pause(partial(way, heads)))
    return statistics.median(pauses)


def _longest_pause(work: Callable[[], None]) -> float:
    """Return by how many seconds this thread was late at most, while another one did the work."""
    thread = threading.Thread(target=work)
    thread.start()
    longest, before = 0.0, time.perf_counter()
    while thread.is_alive():
        time.sleep(BEAT_SECONDS)
        now = time.perf_counter()
        longest, before = max(longest, now - before - BEAT_SECONDS), now
    return longest


def _collect(heads: list[Head]) -> None:
    heads.clear()
    collect_everything()


if __name__ == "__main__":
    main()
