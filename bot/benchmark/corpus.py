"""The messages that simulated people send: of mixed length, the same for the same seed, and no two alike.

Lengths are those of a chat: nineteen of twenty messages have 5 to 40 words and punctuation marks, shorter ones more
often (as many have 5 to 14 as have 15 to 40), and one has 100 to 250. Each block of twenty consecutive messages has
this mix, so that a short measurement costs as much per message as a long one.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator
from importlib import resources
from itertools import count, islice

BLOCK = 20
SHORT, LONG = range(5, 41), range(100, 251)
"""Lengths in words and punctuation marks: a tokenizer makes about one token of each."""

_PIECES = re.compile(r"[\w']+|[^\w\s]")


def read_sentences() -> list[str]:
    """Return the sentences that messages are cut from."""
    content = resources.files("bot.benchmark").joinpath("corpus.toml").read_text(encoding="utf-8")
    sentences: list[str] = tomllib.loads(content)["sentences"]
    return sentences


def length(text: str) -> int:
    """Return the number of words and punctuation marks."""
    return len(_PIECES.findall(text))


class Corpus:
    """An endless supply of messages; each is given out once."""

    def __init__(self, seed: int = 0) -> None:
        self._messages = _messages(seed)

    def take(self, blocks: int) -> list[str]:
        """Return the next blocks of messages."""
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
            text = f"{text} {number}"  # every message of this length has been given out
        given.add(text)
        yield text


def _lengths(random_state: random.Random) -> Iterator[int]:
    """Yield blocks of short lengths, evenly spread on a logarithmic scale, with a long one of either half in turn."""
    middle = len(LONG) // 2
    halves = LONG[:middle], LONG[middle:]
    for number in count():
        shares = [(index + random_state.random()) / (BLOCK - 1) for index in range(BLOCK - 1)]
        block = [round(SHORT[0] * float((SHORT[-1] / SHORT[0]) ** share)) for share in shares]
        block.append(random_state.choice(halves[number % 2]))
        random_state.shuffle(block)
        yield from block


def _message(random_state: random.Random, sentences: list[str], wanted: int) -> str:
    """Return so many words and marks of sentences in random order, starting somewhere in the first."""
    first = random_state.choice(sentences)
    starts = [piece.start() for piece in _PIECES.finditer(first)]
    text = first[random_state.choice(starts[: len(starts) // 2]) :]
    while length(text) < wanted:
        text += f" {random_state.choice(sentences)}"
    ends = [piece.end() for piece in _PIECES.finditer(text)]
    return text[: ends[wanted - 1]]
