"""The results of `/attention` as replies."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import Answer
from bot.pictures.attention import Apart, attention_map
from bot.pictures.grid import largest, matrix
from bot.pictures.picture import Picture
from bot.pictures.wording import quoted as in_quotes
from bot.replies.components.attention_menus import AttentionMenus
from bot.replies.formatting.text import escape, quoted
from bot.replies.reply import Colour, Draft, Drawing, Reply
from bot.tasks.attention import MOST_TOKENS, AttentionRequest, AttentionResult
from bot.tasks.attention_sink import Sink, is_degenerate, sink_of
from bot.tasks.attention_view import ANY_VIEW, Heads, Shown

QUOTE = 300
"""Units of a quoted text, which the picture shows again."""
NAMED = 3
"""How many pairs of tokens are named."""
SHORTENED = f"Only the first {MOST_TOKENS} tokens are read and shown."
ABOUT = {
    Part.ENCODER: "Each token looks at all tokens of the text.",
    Part.DECODER: "Each token looks at itself and at those before it; later ones are hidden from it (masked).",
    Part.CROSS: "Each token of the decoder looks at the tokens that the encoder has read.",
}
ROLLOUT = (
    "Rollout multiplies the weights of all layers up to this one, and takes half of each token to pass by on the "
    "residual connection. That is an **estimate** of where each token comes from: it knows neither the values, nor the "
    "feed-forward networks, nor how much really passes by."
)
DEGENERATE = (
    "Here it says nothing: by this estimate all tokens would be made of the same ones, whatever the text says. Such a "
    "picture would mislead, so there is none. Please choose an earlier layer, the average of heads, or one head."
)
SINK = (
    "{token} alone gets {share:.2f} of all weight: an **attention sink**. Why models do this is an open question. It "
    "may be a place for weight that softmax must put somewhere ([Xiao et al. 2023](https://arxiv.org/abs/2309.17453)), "
    "a bias that training has built from a few huge numbers ([Sun et al. 2024](https://arxiv.org/abs/2402.17762)), or "
    "a way to keep tokens from being mixed too much ([Barbero et al. 2025](https://arxiv.org/abs/2504.02732)). It is "
    "shown apart, in grey."
)


def render(request: AttentionRequest, answer: Answer[AttentionResult]) -> Reply:
    """Render the text, the layer and head, and their strongest weights; the picture shows all weights."""
    result = answer.result
    draft = Draft(Colour.WORK, _source(result.shown))
    texts = [request.text] if request.second is None else [request.text, request.second]
    draft.lines = [*(draft.fit(text, QUOTE, quoted) for text in texts), "", ABOUT[result.shown.part]]
    if result.shown.view.heads is Heads.ROLLOUT:
        draft.lines.append(ROLLOUT)
    menus = AttentionMenus(replace(request, view=ANY_VIEW), result.shown)
    shortened = SHORTENED if result.shortened else None
    if result.shown.view.heads is Heads.ROLLOUT and is_degenerate(result.shown.weights):
        draft.lines += ["", DEGENERATE]
        return replace(draft.reply("attention", answer, "\n\n".join(texts), shortened), pages=menus)
    sink, strongest = _sink(result), _strongest(result)
    if sink is not None:
        token = escape(in_quotes(result.keys[sink.key].text))
        draft.lines += ["", SINK.format(token=token, share=sink.share)]
    said = "Strongest without it" if sink else "Strongest"
    draft.lines += ["", f"{said}: {escape(strongest)}."]
    whole = "\n\n".join([*texts, f"{_source(result.shown)}\n{said}: {strongest}."])
    reply = draft.reply("attention", answer, whole, shortened)
    return replace(reply, drawing=Drawing("attention.png", partial(_draw, result)), pages=menus)


def _draw(result: AttentionResult) -> Picture:
    shown, sink = result.shown, _sink(result)
    queries, keys = ([token.text for token in side] for side in (result.queries, result.keys))
    apart = None if sink is None else Apart(sink.key, sink.share)
    return attention_map(queries, keys, shown.weights, _source(shown), causal=shown.is_causal, apart=apart)


def _sink(result: AttentionResult) -> Sink | None:
    return sink_of(result.shown.weights, causal=result.shown.is_causal)


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
    """Return the largest weights in words, those of an attention sink left out."""
    weights = matrix(result.shown.weights, len(result.queries), len(result.keys))
    if result.shown.is_causal and len(weights) > 1:
        weights[0] = -np.inf  # the first token sees only itself, with a weight of 1
    if (sink := _sink(result)) is not None:
        weights[:, sink.key] = -np.inf
    return ", ".join(
        f"{in_quotes(result.queries[row].text)} to {in_quotes(result.keys[column].text)} {weights[row, column]:.2f}"
        for row, column in largest(weights, NAMED)
    )
