"""The corpus: the same for everybody, of the promised lengths, and no message twice."""

from __future__ import annotations

from collections import Counter

import pytest

from bot.benchmark.corpus import BLOCK, LONG, SHORT, Corpus, length, read_sentences
from bot.benchmark.workload import REQUESTS


def test_the_same_seed_gives_the_same_messages() -> None:
    assert Corpus(3).take(5) == Corpus(3).take(5)
    assert Corpus(3).take(5) != Corpus(4).take(5)


def test_what_is_taken_goes_on_where_it_ended() -> None:
    corpus = Corpus()
    assert corpus.take(2) + corpus.take(3) == Corpus().take(5)


def test_each_block_has_the_same_mix_of_lengths() -> None:
    messages = Corpus().take(20)
    for start in range(0, len(messages), BLOCK):
        lengths = sorted(map(length, messages[start : start + BLOCK]))
        assert lengths[-1] in LONG
        assert all(one in SHORT for one in lengths[:-1])
        assert set(lengths[:2]) <= {5, 6}
        assert lengths[-2] >= 35
        assert 13 <= lengths[(BLOCK - 1) // 2] <= 16


def test_long_messages_are_of_either_half_in_turn() -> None:
    messages = Corpus().take(4)
    longest = [max(map(length, messages[start : start + BLOCK])) for start in range(0, len(messages), BLOCK)]
    assert [one >= LONG[len(LONG) // 2] for one in longest] == [False, True, False, True]


def test_no_message_comes_twice() -> None:
    counted = Counter(Corpus().take(1_000))
    assert max(counted.values()) == 1


def test_messages_are_made_of_the_sentences() -> None:
    words = set(" ".join(read_sentences()).split())
    for message in Corpus().take(3):
        assert set(message.split()[1:-1]) <= words


@pytest.mark.parametrize("task", REQUESTS)
def test_every_message_is_a_valid_request(task: str) -> None:
    for message in Corpus(1).take(50):
        REQUESTS[task](message)
