"""A written text in words: runs of its tokens."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bot.tasks.work.layers import white_space
from bot.tasks.work.units import belongs, is_unspaced
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM


MOST_BYTES = 4
"""Of a character, and so of the tokens that share one; more belong to no character."""


@dataclass(frozen=True)
class WrittenWord:
    """A word that was written: its text, and the indices of its tokens."""

    text: str
    places: tuple[int, ...]


def written_words(head: CausalLM | Seq2SeqLM, written: Sequence[int]) -> list[WrittenWord]:
    """Divide a written text where its tokens begin words; in scripts without spaces, between any characters."""
    tokens = head.tokens(written)
    groups: list[list[int]] = []
    before = ""
    for run in _whole_characters(head, written):
        first = tokens[run[0]]
        text = first.text if first.special else head.decode([written[place] for place in run])
        is_after_space = bool(before) and not before.strip(" ")  # a space by itself belongs to the word behind it
        begins = (first.starts_word or _are_apart(before, text)) and not is_after_space
        if not groups or first.special or begins:
            groups.append(run)
            before = text
        else:
            groups[-1] += run
            before += text
    return [WrittenWord(_name(head, [written[place] for place in group]), tuple(group)) for group in groups]


def _whole_characters(head: CausalLM | Seq2SeqLM, written: Sequence[int]) -> Iterator[list[int]]:
    """Yield the places of tokens; those that share a character are together."""
    run: list[int] = []
    for place in range(len(written)):
        run.append(place)
        is_whole = not head.decode([written[at] for at in run]).endswith(REPLACEMENT_CHARACTER)
        if is_whole or len(run) == MOST_BYTES:
            yield run
            run = []
    if run:
        yield run


def _are_apart(before: str, after: str) -> bool:
    """Return whether a word ends between two texts that no space divides."""
    return (is_unspaced(before[-1:]) or is_unspaced(after[:1])) and not belongs(before, after)


def _name(head: CausalLM | Seq2SeqLM, ids: Sequence[int]) -> str:
    [first, *_] = head.tokens(ids)
    if first.special:
        return first.text
    text = head.decode(ids)
    return " ".join(text.split()) or white_space(text) or "∅"
