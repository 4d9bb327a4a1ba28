"""The results of `/attention` as replies."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import Answer
from bot.pictures.attention import attention_map
from bot.pictures.grid import largest, matrix
from bot.pictures.picture import Picture
from bot.pictures.wording import quoted as in_quotes
from bot.replies.components.attention_menus import AttentionMenus
from bot.replies.formatting.text import escape, quoted
from bot.replies.reply import Colour, Draft, Drawing, Reply
from bot.tasks.attention import MOST_TOKENS, AttentionRequest, AttentionResult
from bot.tasks.attention_view import ANY_VIEW, Heads, Shown

QUOTE = 300
"""Units of a quoted text, which the picture shows again."""
NAMED = 3
"""How many pairs of tokens are named."""
SHORTENED = f"Only the first {MOST_TOKENS} tokens are read and shown."
ABOUT = {
    Part.ENCODER: "Each token looks at all tokens of the text.",
    Part.DECODER: "Each token looks at itself and at those before it; later ones are hidden from it.",
    Part.CROSS: "Each token of the decoder looks at the tokens that the encoder has read.",
}
ROLLOUT = (
    "Rollout multiplies the weights of all layers up to this one, with the residual connections past them. It "
    "estimates how much of each token has arrived where."
)


def render(request: AttentionRequest, answer: Answer[AttentionResult]) -> Reply:
    """Render the text, the layer and head, and their strongest weights; the picture shows all weights."""
    result = answer.result
    draft = Draft(Colour.WORK, _source(result.shown))
    texts = [request.text] if request.second is None else [request.text, request.second]
    draft.lines = [*(draft.fit(text, QUOTE, quoted) for text in texts), "", ABOUT[result.shown.part]]
    if result.shown.view.heads is Heads.ROLLOUT:
        draft.lines.append(ROLLOUT)
    strongest = _strongest(result)
    draft.lines += ["", f"Strongest: {escape(strongest)}."]
    whole = "\n\n".join([*texts, f"{_source(result.shown)}\nStrongest: {strongest}."])
    reply = draft.reply("attention", answer, whole, SHORTENED if result.shortened else None)
    menus = AttentionMenus(replace(request, view=ANY_VIEW), result.shown)
    return replace(reply, drawing=Drawing("attention.png", partial(_draw, result)), pages=menus)


def _draw(result: AttentionResult) -> Picture:
    shown = result.shown
    queries, keys = ([token.text for token in side] for side in (result.queries, result.keys))
    return attention_map(queries, keys, shown.weights, _source(shown), causal=shown.is_causal)


def _source(shown: Shown) -> str:
    """Return the part, layer and head of the weights in words."""
    part = "Cross-attention" if shown.part is Part.CROSS else f"{shown.part}".capitalize()
    if shown.view.heads is Heads.ROLLOUT:
        layers = f"layer 1 of {shown.layers}" if shown.layer == 1 else f"layers 1 to {shown.layer} of {shown.layers}"
        return f"{part}, {layers}, rollout"
    layer = f"{part}, layer {shown.layer} of {shown.layers}"
    if shown.view.head is None:
        return f"{layer}, average of {shown.number_of_heads} heads"
    return f"{layer}, head {shown.view.head} of {shown.number_of_heads}"


def _strongest(result: AttentionResult) -> str:
    """Return the largest weights in words."""
    weights = matrix(result.shown.weights, len(result.queries), len(result.keys))
    if result.shown.is_causal and len(weights) > 1:
        weights[0] = -np.inf  # the first token sees only itself, with a weight of 1
    return ", ".join(
        f"{in_quotes(result.queries[row].text)} to {in_quotes(result.keys[column].text)} {weights[row, column]:.2f}"
        for row, column in largest(weights, NAMED)
    )
