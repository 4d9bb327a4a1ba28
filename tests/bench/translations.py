"""Translations whose true origins are known, as cases of `tests.bench.faithfulness`."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.coalitions import Table
from bot.tasks.work.units import Units, words_of
from bot.tasks.work.writing_evidence import written_value
from bot.tasks.work.written_words import written_words
from tests.bench.erasure import Case, WrittenWord, by_token, judge_of
from tests.bench.parallel_sentences import Pair, pairs
from tests.bench.translator_training import train, translation

TRAINED_ON = 64_000
HELD_OUT = 200


def translated_cases(number: int, say: Callable[[str], None]) -> Iterator[Case]:
    """Train a translator, and yield sentences that it was not trained on.

    Args:
        say: told how many of the `HELD_OUT` sentences are translated rightly.
    """
    every = pairs(seed=0)  # no two are the same
    learnt, held_out = list(islice(every, TRAINED_ON)), list(islice(every, max(HELD_OUT, number)))
    with tempfile.TemporaryDirectory() as folder:
        train(Path(folder), learnt)
        head: Any = load_head(Path(folder), Device("cpu", "float32"))
    yield from islice(right_cases(head, held_out, say), number)


def right_cases(head: Any, sentences: Sequence[Pair], say: Callable[[str], None]) -> Iterator[Case]:
    """Yield the sentences that a translator translates rightly: only of these the origins are known."""
    right = [pair for pair in sentences if translation(head, pair.english)[0] == pair.german]
    say(f"translator: right in {len(right)} of {len(sentences)} sentences")
    for pair in right:
        yield _case(head, pair)


def _case(head: Any, pair: Pair) -> Case:
    _, written = translation(head, pair.english)
    value = written_value(head, TranslateRequest(pair.english, "de"), written)
    units = Units("word", tuple(words_of(pair.english)))
    judge = by_token(judge_of(Table(units, value)), len(written))
    return Case(head, units, value, (judge,), written=written, words=_words(head, pair, written))


def _words(head: Any, pair: Pair, written: tuple[int, ...]) -> tuple[WrittenWord, ...]:
    """Return the written words, without the end-of-sequence token, which comes from no word."""
    found = [word for word in written_words(head, written) if word.text in pair.german.split()]
    assert [word.text for word in found] == pair.german.split(), (found, pair)
    return tuple(WrittenWord(word.places, origins) for word, origins in zip(found, pair.origins, strict=True))
