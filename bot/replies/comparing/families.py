"""The families of models side by side: who sees whom, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from bot.inference.heads.inspection.attention_weights import Part
from bot.locales.message import _, in_context, later
from bot.locales.numbers import percent
from bot.pictures.masks import Mask, mask_maps
from bot.pictures.masks import who_sees_whom as in_words
from bot.replies.reply import Drawing
from bot.replies.results.attention_parts import PARTS
from bot.tasks.attention_masks import WhoSeesWhom

VERDICT = later(
    "Three families: an **encoder** reads the whole text at once and makes a vector of each token; a **decoder** sees "
    "only what came before, so it can write the next token; an **encoder-decoder** reads like the one and writes "
    "like the other, and its cross-attention joins both."
)


def family_of(found: WhoSeesWhom) -> str:
    """Return the name of the family that has these parts."""
    parts = {mask.part for mask in found.masks}
    if len(parts) > 1:
        # Translators: a family of models, as a heading.
        return in_context("heading", "Encoder-decoder")
    return str(PARTS[next(iter(parts))])


def masks_in_words(found: WhoSeesWhom) -> list[str]:
    """Return a line for each mask."""
    several = len(found.masks) > 1
    said = ((str(PARTS[mask.part]), in_words(mask.visible)) for mask in found.masks)
    # Translators: {part} is such as "Encoder", and {masks} a sentence. French has a space before the colon.
    return [_("{part}: {masks}", part=part, masks=one) if several else one[:1].upper() + one[1:] for part, one in said]


def out_of(found: WhoSeesWhom) -> tuple[str, str]:
    """Return what comes out in words, and the model's own words in it, which are not ours."""
    if len({mask.part for mask in found.masks}) > 1 and found.probability is None:
        return _("Out comes a text:"), found.outcome
    if found.probability is None:
        return _("Out comes a vector for each token."), ""
    share = percent(found.probability)
    # Translators: a text of the model's own follows each of these, with the probability that the model gives it.
    if found.masks[0].part is Part.DECODER and len(found.masks) == 1:
        return _("Out comes a token to go on with, with {share}:", share=share), found.outcome
    return _("Out comes a label, with {share}:", share=share), found.outcome


def families_drawing(names: Sequence[str], results: Sequence[Any]) -> Drawing:
    """Return the picture of all masks; the results are those of the checkpoints that answered."""
    masks = [
        Mask(name, str(PARTS[mask.part]), mask.visible)
        for name, result in zip(names, results, strict=True)
        for mask in result.seen.masks
    ]
    return Drawing("families.png", partial(mask_maps, masks, _("Who sees whom")))
