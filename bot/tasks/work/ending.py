"""Why a text ends where it does, for commands that have rules for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

from bot.tasks.prompts.writing import Decode
from bot.tasks.work.blocks import Page, Quote
from bot.tasks.work.pages import page
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

HALF = "The tokens at the end are only a part of a character, so the answer leaves them out."


def ending_page(why: str, tokens: int, kept: int, rest: str = "") -> Page:
    """Show why a text ends, and what was cut off there.

    Args:
        tokens: how many were written, without the one that ended the text.
        kept: how many of them the answer takes.
        rest: the text behind it, which was cut off; "" for none.
    """
    if not rest:
        return page("ending", why)
    said = f"The answer takes {kept:,} of the {tokens:,} written tokens. This was cut off:"
    return page("ending", why, said, Quote(rest.strip("\n")))


def cut_off(why: str, ids: Sequence[int], text_of: Decode, whole_of: Decode, end: int) -> Page:
    """Return the page on the ending of a text.

    Args:
        why: it ends there.
        ids: what was written, without the token that ended the text.
        text_of: makes text of them, with U+FFFD at its end for half a character.
        whole_of: the same without half a character at its end.
        end: index into their text behind which nothing is shown. White space does not count as something.
    """
    rest = text_of(ids)[end:]
    if not rest.strip():
        return ending_page(why, len(ids), len(ids))
    kept = bisect_left(range(len(ids)), end, key=lambda number: len(whole_of(ids[:number])))
    is_half = set(rest.strip()) == {REPLACEMENT_CHARACTER}
    return ending_page(f"{why} {HALF}" if is_half else why, len(ids), kept, rest)


def without_end(head: CausalLM, ids: Sequence[int]) -> tuple[int, ...]:
    """Return what was written, at least one token, without the one that ended the text."""
    return tuple(ids[:-1] if ids[-1] in head.end_ids else ids)


def half_character(head: CausalLM | Seq2SeqLM, ids: Sequence[int]) -> str:
    """Say that a text ends with half a character, which its answer does not show; "" if it does not."""
    return "" if head.whole_tokens(ids) == len(ids) else HALF


def without_rule(head: CausalLM, ids: Sequence[int], most: int, ends: Container[int]) -> str:
    """Say why a text ends that no rule of its command has ended.

    Args:
        ids: what was written, with the token that ended the text if one did; at least one.
        most: how many tokens it might have had.
        ends: tokens that end it.
    """
    if ids[-1] in ends:
        [token] = head.tokens(ids[-1:])
        return f"The model ended the text itself: it wrote the token {token.text}, which says so."
    if len(ids) >= most:
        return f"The model would have gone on, but it had written {most:,} tokens, which is as much as it may here."
    return (
        f"The model would have gone on, but was stopped after {len(ids):,} of at most {most:,} tokens: by the Stop "
        "button, or because its time was over."
    )
