"""The messages that simulated people send: of mixed length, the same for the same seed, and no two alike.

Lengths are those of a chat: nineteen of twenty messages have 5 to 40 words and punctuation marks, the shorter the
commoner (as many have 5 to 14 as have 15 to 40), and one has 100 to 250. Each twenty consecutive messages have this
mix, so that a short measurement costs as much per message as a long one.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from importlib import resources
from itertools import islice

BLOCK = 20
"""Messages in which the lengths are mixed as they are in all."""
SHORT, LONG = range(5, 41), range(100, 251)
"""Lengths in words and punctuation marks: for usual words a tokenizer makes one token of each."""

_PIECES = re.compile(r"[\w']+|[^\w\s]")


def read_sentences() -> list[str]:
    """The sentences that come with the bot."""
    content = resources.files("bot.benchmark").joinpath("corpus.toml").read_text(encoding="utf-8")
    sentences: list[str] = tomllib.loads(content)["sentences"]
    return sentences


def length(text: str) -> int:
    """Words and punctuation marks."""
    return len(_PIECES.findall(text))


class Corpus:
    """An endless supply of messages; each is given out once."""

    def __init__(self, seed: int = 0) -> None:
        self._messages = _messages(seed)

    def take(self, blocks: int) -> list[str]:
        """The next messages, so many times twenty."""
        return list(islice(self._messages, blocks * BLOCK))


def _messages(seed: int) -> Iterator[str]:
    random_state = random.Random(seed)
    sentences = read_sentences()
    given: set[str] = set()
    for number, wanted in enumerate(_lengths(random_state)):
        text = _message(random_state, sentences, wanted)
        for _ in range(100):
            if text not in given:
                break
            text = _message(random_state, sentences, wanted)
        else:
            text = f"{text} {number}"  # all that can be made at this length has been said
        given.add(text)
        yield text


def _lengths(random_state: random.Random) -> Iterator[int]:
    """Blocks of lengths: short ones, spread evenly on a logarithmic scale, and one of the long ones' halves in turn."""
    middle = len(LONG) // 2
    halves = LONG[:middle], LONG[middle:]
    number = 0
    while True:
        block = [_short((place + random_state.random()) / (BLOCK - 1)) for place in range(BLOCK - 1)]
        block.append(random_state.choice(halves[number % 2]))
        random_state.shuffle(block)
        yield from block
        number += 1


def _short(share: float) -> int:
    """The length that a share of the short messages, 0 to 1, does not exceed."""
    times: float = (SHORT[-1] / SHORT[0]) ** share
    return round(SHORT[0] * times)


def _message(random_state: random.Random, sentences: list[str], wanted: int) -> str:
    """So many words and marks of sentences in random order, beginning anywhere in the first."""
    first = random_state.choice(sentences)
    starts = [piece.start() for piece in _PIECES.finditer(first)]
    text = first[random_state.choice(starts[: len(starts) // 2]) :]
    while length(text) < wanted:
        text += f" {random_state.choice(sentences)}"
    ends = [piece.end() for piece in _PIECES.finditer(text)]
    return text[: ends[wanted - 1]]
