"""Why a text ends, for commands that have rules for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from bot.tasks.prompts.writing import Decode
from bot.tasks.work.blocks import Page, Quote
from bot.tasks.work.pages import page
from bot.tasks.work.texts import Sentence, Words, grouped, spaced
from bot.tasks.work.wording import sentence
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM


def ending_page(why: Words, ids: Sequence[int], text_of: Decode, whole_of: Decode, end: int) -> Page:
    """Show why a text ends, and what was cut off there.

    Args:
        ids: generated tokens, without the one that ended the text.
        text_of: decodes them, with U+FFFD at the end for half a character.
        whole_of: decodes them without half a character at the end.
        end: index in their text at which the answer ends. White space behind it does not count as cut off.
    """
    rest = text_of(ids)[end:]
    if not rest.strip():
        return page("ending", why)
    kept = bisect_left(range(len(ids)), end, key=lambda number: len(whole_of(ids[:number])))
    half = sentence("ending.half") if set(rest.strip()) == {REPLACEMENT_CHARACTER} else None
    cut_off = sentence("ending.cut-off", tokens=grouped(len(ids)), kept=grouped(kept))
    return page("ending", (spaced(why, half),), cut_off, Quote(rest.strip("\n")))


def without_end(head: CausalLM, ids: Sequence[int]) -> tuple[int, ...]:
    """Return generated tokens, at least one, without the one that ended the text."""
    return tuple(ids[:-1] if ids[-1] in head.end_ids else ids)


def half_character(head: CausalLM | Seq2SeqLM, ids: Sequence[int]) -> Sentence | None:
    """Say that a text ends with half a character, which its answer does not show; None if it does not."""
    return None if head.whole_tokens(ids) == len(ids) else sentence("ending.half")


def without_rule(head: CausalLM, ids: Sequence[int], most: int, ends: Container[int]) -> Sentence:
    """Say why a text ends although no rule of its command has ended it.

    Args:
        ids: generated tokens, with the one that ended the text if one did; at least one.
        most: how many it might have had.
        ends: tokens that end it.
    """
    if ids[-1] in ends:
        return sentence("ending.by-model", token=head.tokens(ids[-1:])[0].text)
    if len(ids) >= most:
        return sentence("ending.at-most", most=grouped(most))
    return sentence("ending.stopped", tokens=grouped(len(ids)), most=grouped(most))
