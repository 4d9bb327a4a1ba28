"""Where a text ends, of a command that has rules for it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.tasks.prompts.writing import Decode
from bot.tasks.work.pieces import Decision, Ending, Piece
from bot.text.characters import REPLACEMENT_CHARACTER

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM


def with_ending(pieces: Sequence[Piece], ending: Ending) -> tuple[Piece, ...]:
    """Pieces with one more, which stands before the decision."""
    decisions = [piece for piece in pieces if isinstance(piece, Decision)]
    return (*(piece for piece in pieces if not isinstance(piece, Decision)), ending, *decisions)


def with_remark(pieces: Sequence[Piece], remark: str) -> tuple[Piece, ...]:
    """Pieces whose decision has one more sentence, unless that is empty."""
    return tuple(
        replace(piece, sentence=f"{piece.sentence} {remark}") if remark and isinstance(piece, Decision) else piece
        for piece in pieces
    )


def without_end(head: CausalLM, ids: Sequence[int]) -> tuple[int, ...]:
    """What was written, of which there is at least one token, without the one that ended the text."""
    return tuple(ids[:-1] if ids[-1] in head.end_ids else ids)


HALF = "The tokens at the end are only a part of a character, so the answer leaves them out."


def cut_off(why: str, ids: Sequence[int], text_of: Decode, whole_of: Decode, end: int) -> Ending:
    """The ending of a text.

    Args:
        why: it ends there.
        ids: what was written, without the token that ended the text.
        text_of: makes text of them, with U+FFFD at its end for half a character.
        whole_of: the same without half a character at its end.
        end: index into their text behind which nothing is shown. White space does not count as something.
    """
    rest = text_of(ids)[end:]
    if not rest.strip():
        return Ending(why, len(ids), len(ids))
    kept = bisect_left(range(len(ids)), end, key=lambda number: len(whole_of(ids[:number])))
    return Ending(f"{why} {HALF}" if set(rest.strip()) == {REPLACEMENT_CHARACTER} else why, len(ids), kept, rest)


def half_character(head: CausalLM | Seq2SeqLM, ids: Sequence[int]) -> str:
    """A sentence that a text ends with half a character, which its answer does not show; "" where it does not."""
    return "" if head.whole_tokens(ids) == len(ids) else HALF


def without_rule(head: CausalLM, ids: Sequence[int], most: int, ends: Container[int]) -> str:
    """Why a text ends that no rule of its command has ended.

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
