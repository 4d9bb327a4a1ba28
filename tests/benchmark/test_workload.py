"""The corpus: the same for everybody, of the promised lengths, and no message twice."""

from __future__ import annotations

from collections import Counter
from itertools import islice

import pytest

from bot.benchmark.workload import BLOCK, LONG, REQUESTS, SHORT, Workload, length, messages, read_sentences


def blocks(number: int, seed: int = 0) -> list[str]:
    return list(islice(messages(seed), number * BLOCK))


def test_the_same_seed_gives_the_same_messages() -> None:
    assert blocks(5, seed=3) == blocks(5, seed=3)
    assert blocks(5, seed=3) != blocks(5, seed=4)


def test_each_block_has_the_same_mix_of_lengths() -> None:
    taken = blocks(20)
    for start in range(0, len(taken), BLOCK):
        lengths = sorted(map(length, taken[start : start + BLOCK]))
        assert lengths[-1] in LONG
        assert all(one in SHORT for one in lengths[:-1])
        assert set(lengths[:2]) <= {5, 6}
        assert lengths[-2] >= 35
        assert 13 <= lengths[(BLOCK - 1) // 2] <= 16


def test_long_messages_are_of_either_half_in_turn() -> None:
    taken = blocks(4)
    longest = [max(map(length, taken[start : start + BLOCK])) for start in range(0, len(taken), BLOCK)]
    assert [one >= LONG[len(LONG) // 2] for one in longest] == [False, True, False, True]


def test_no_message_comes_twice() -> None:
    counted = Counter(blocks(1_000))
    assert max(counted.values()) == 1


def test_messages_are_made_of_the_sentences() -> None:
    words = set(" ".join(read_sentences()).split())
    for message in blocks(3):
        assert set(message.split()[1:-1]) <= words


def test_a_workload_goes_on_where_it_ended_with_a_whole_block() -> None:
    workload = Workload("sentiment")
    texts = [request.subject for request in workload.take(BLOCK + 1) + workload.take(2)]
    assert texts == [*blocks(1), blocks(2)[BLOCK], *blocks(3)[-BLOCK:][:2]]


@pytest.mark.parametrize("task", REQUESTS)
def test_every_message_is_a_valid_request(task: str) -> None:
    for message in blocks(50, seed=1):
        REQUESTS[task](message)
