"""The parts of a model that attend, in words."""

from __future__ import annotations

from bot.inference.heads.inspection.attention_weights import Part
from bot.locales.message import _, later
from bot.tasks.attention_view import Heads, Shown

PARTS = {
    # Translators: the parts of a model that attend, as headings.
    Part.ENCODER: later("Encoder"),
    Part.DECODER: later("Decoder"),
    Part.CROSS: later("Cross-attention"),
}


def source_in_words(shown: Shown) -> str:
    """Return the part, layer and head of weights: the title of their reply and their picture."""
    part, heads = str(PARTS[shown.part]), shown.number_of_heads
    if shown.view.heads is Heads.ROLLOUT:
        return _rollout(part, shown)
    # Translators: {part} is "Encoder", "Decoder" or "Cross-attention"; the next three begin in the same way.
    if shown.view.heads is Heads.ALL:
        return _(
            "{part}, layer {layer} of {layers}, all {heads} heads",
            part=part,
            layer=shown.layer,
            layers=shown.layers,
            heads=heads,
        )
    if shown.view.heads is Heads.ARRIVING:
        # Translators: what arrives at each token from the others.
        return _("{part}, layer {layer} of {layers}, what arrives", part=part, layer=shown.layer, layers=shown.layers)
    if shown.view.head is None:
        return _(
            "{part}, layer {layer} of {layers}, average of {heads} heads",
            part=part,
            layer=shown.layer,
            layers=shown.layers,
            heads=heads,
        )
    return _(
        "{part}, layer {layer} of {layers}, head {head} of {heads}",
        part=part,
        layer=shown.layer,
        layers=shown.layers,
        head=shown.view.head,
        heads=heads,
    )


def _rollout(part: str, shown: Shown) -> str:
    # Translators: {part} is "Encoder" or "Decoder"; attention rollout multiplies the weights of several layers.
    if shown.layer == 1:
        return _("{part}, layer 1 of {layers}, rollout", part=part, layers=shown.layers)
    return _("{part}, layers 1 to {layer} of {layers}, rollout", part=part, layer=shown.layer, layers=shown.layers)
