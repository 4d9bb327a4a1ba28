"""Tokens as they follow in a text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from bot.inference.tokenization.tokens import Token

if TYPE_CHECKING:
    from bot.inference.heads.head import Head


def is_gap(token: Token) -> bool:
    """Return whether the next token cannot continue a word."""
    return token.special or token.text[-1:].isspace()


def as_they_follow(head: Head, ids: Iterable[int]) -> dict[int, str]:
    """Return each token as it would follow in a text: with a space before it if it begins a word."""
    distinct = list(dict.fromkeys(ids))
    alone = head.tokens(distinct)
    # Tokenizers hide the space of a text's first token, so each token is read behind another one.
    ordinary = next((token.id for token in alone if not is_gap(token)), None)
    if ordinary is None:
        return {token.id: token.text for token in alone}
    behind = head.tokens([one for token in distinct for one in (ordinary, token)])[1::2]
    spaced = {token.id for token in behind if token.starts_word and not token.special and not token.text[:1].isspace()}
    return {token.id: f" {token.text}" if token.id in spaced else token.text for token in behind}
