"""Texts whose first tokens are given, so that the model goes on from there: what was kept, and another token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, TypeAlias

from pydantic import Field

from bot.errors import InvalidRequest
from bot.inference.operations import StopCriterion, TaskRun
from bot.locales.message import later

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.continuous_batching import Generated
    from bot.inference.heads.generation.sampling import Sampling

Begun: TypeAlias = Annotated[tuple[int, ...], Field(exclude_if=lambda ids: not ids)]
"""Token ids that a text begins with. Not in the JSON if there are none, so that versions without this field read it."""

UNKNOWN = later(
    "The model that is set for this command now is not the one that wrote this text, so it cannot go on from its "
    "tokens. Please ask again, and choose a token of the new answer."
)


def check_begun(begun: Sequence[int], most: int) -> None:
    """Raise `InvalidRequest` if a text of so many tokens cannot begin with these."""
    if len(begun) > most or min(begun, default=0) < 0:
        raise InvalidRequest(later("`begun` must be at most {most} ids of tokens, each of them 0 or more.", most=most))


def going_on(
    head: CausalLM,
    prompt: Sequence[int],
    begun: Sequence[int],
    most: int,
    samplings: Iterable[Sampling],
    *,
    ends: StopCriterion | None = None,
    alone: bool = False,
) -> TaskRun[list[Generated]]:
    """Generate a text for each sampling, each with the tokens that it begins with.

    Args:
        most: tokens of a text, with those that it begins with.
        ends: see `StopCriterion`; it is asked about whole texts.
        alone: see `Operation`.

    Raises:
        InvalidRequest: this checkpoint does not know one of the tokens.
    """
    from bot.inference.heads.generation.continuous_batching import Generated

    begun, samplings = tuple(begun), list(samplings)
    # On a GPU, an index outside of the embeddings ends the process.
    if not all(token < head.vocabulary_size for token in begun):
        raise InvalidRequest(UNKNOWN)
    if begun and begun[-1] in head.end_ids:
        return [Generated(begun[:-1], finished=True, end=begun[-1])] * len(samplings)
    if len(begun) >= most or (begun and ends is not None and ends(begun)):
        return [Generated(begun, finished=False)] * len(samplings)
    rows = [head.generation((*prompt, *begun), most - len(begun), sampling=sampling) for sampling in samplings]
    if ends is not None:
        for row in rows:
            row.stop_criterion = _of_whole_text(begun, ends) if begun else ends
    outputs = yield from head.generate(rows, alone=alone)
    return [replace(one, ids=(*begun, *one.ids)) for one in outputs]


def _of_whole_text(begun: tuple[int, ...], ends: StopCriterion) -> StopCriterion:
    return lambda ids: ends((*begun, *ids))


def taken_token(head: CausalLM, begun: Sequence[int]) -> str:
    """Return the last token that a text begins with, as text; "" if it begins with none."""
    return head.tokens(begun)[-1].text if begun else ""
