"""The families of models side by side: who sees whom, and what comes out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from bot.inference.heads.inspection.attention_weights import Part
from bot.pictures.masks import Mask, mask_maps
from bot.pictures.masks import who_sees_whom as in_words
from bot.pictures.wording import percent
from bot.replies.reply import Drawing
from bot.tasks.attention_masks import WhoSeesWhom

PARTS = {Part.ENCODER: "Encoder", Part.DECODER: "Decoder", Part.CROSS: "Cross-attention"}
VERDICT = (
    "Three families: an **encoder** reads the whole text at once and makes a vector of each token; a **decoder** sees "
    "only what came before, so it can write the next token; an **encoder-decoder** reads like the one and writes "
    "like the other, and its cross-attention joins both."
)


def family_of(found: WhoSeesWhom) -> str:
    """Return the name of the family that has these parts."""
    parts = {mask.part for mask in found.masks}
    if len(parts) > 1:
        return "Encoder-decoder"
    return PARTS[next(iter(parts))]


def masks_in_words(found: WhoSeesWhom) -> list[str]:
    """Return a line for each mask."""
    several = len(found.masks) > 1
    said = ((PARTS[mask.part], in_words(mask.visible)) for mask in found.masks)
    return [f"{part}: {one}" if several else one[0].upper() + one[1:] for part, one in said]


def out_of(found: WhoSeesWhom) -> tuple[str, str]:
    """Return what comes out in words, and the model's own words in it, which are not ours."""
    if len({mask.part for mask in found.masks}) > 1 and found.probability is None:
        return "Out comes a text:", found.outcome
    if found.probability is None:
        return "Out comes a vector for each token.", ""
    kind = "a token to go on with" if found.masks[0].part is Part.DECODER and len(found.masks) == 1 else "a label"
    return f"Out comes {kind}, with {percent(found.probability)}:", found.outcome


def families_drawing(names: Sequence[str], results: Sequence[Any]) -> Drawing:
    """Return the picture of all masks; the results are those of the checkpoints that answered."""
    masks = [
        Mask(name, PARTS[mask.part], mask.visible)
        for name, result in zip(names, results, strict=True)
        for mask in result.seen.masks
    ]
    return Drawing("families.png", partial(mask_maps, masks, "Who sees whom"))
