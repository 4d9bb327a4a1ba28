"""What replies cost beside another checkout's."""

from __future__ import annotations

import re

from tests.bench.reply_cost import HERE, answering, summary


def test_a_process_answers_round_after_round() -> None:
    with answering(HERE, replies=1) as replies:
        first, second = replies.round(), replies.round()

    assert first.keys() == second.keys() == {"/sentiment", "Show the work"}
    assert min(*first.values(), *second.values()) > 0


def test_the_ratio_is_that_of_the_medians() -> None:
    pairs = [({"a": 0.002}, {"a": 0.003}), ({"a": 0.002}, {"a": 0.003}), ({"a": 0.002}, {"a": 0.2})]
    [line] = summary(pairs)

    assert re.match(r"a: 3\.00 ms .* beside 2\.00 ms .* 1\.500 times as much", line)
