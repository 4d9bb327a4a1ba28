"""The results of `/attention` as replies."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import Answer
from bot.pictures.attention import ARRIVING, WEIGHT, Apart, attention_map
from bot.pictures.attention_heads import head_maps
from bot.pictures.attention_row import Seen, weight_row
from bot.pictures.grid import largest, matrix
from bot.pictures.picture import Picture
from bot.pictures.wording import quoted as in_quotes
from bot.replies.components.attention_menus import AttentionMenus
from bot.replies.components.buttons import MOST_OPTIONS
from bot.replies.formatting.text import escape, quoted
from bot.replies.reply import Colour, Draft, Drawing, Reply
from bot.replies.results.attention_worked import proof, steps_in_words, sum_proof
from bot.tasks.attention import MOST_TOKENS, AttentionRequest, AttentionResult
from bot.tasks.attention_habits import Habit, habit_of
from bot.tasks.attention_opened import strong_pairs
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

ALL_HEADS = (
    "Each head has queries, keys and values of its own, and so a way of looking of its own. Choose a head in the menu "
    "to see its tokens, and to work a weight out."
)
NORMS = (
    "A weight says how much a token is **looked at**; what it then **gives** is the weight times its value, through "
    "the layer's output projection. Here is the length of what arrives, by all heads together, as a share of each row "
    "([Kobayashi et al. 2020](https://arxiv.org/abs/2004.10102)): a token can get much weight and give nearly nothing."
)


def render(request: AttentionRequest, answer: Answer[AttentionResult]) -> Reply:
    """Render the text, the layer and head, and their strongest weights; the picture shows all weights."""
    result = answer.result
    draft = Draft(Colour.WORK, _source(result.shown))
    texts = [request.text] if request.second is None else [request.text, request.second]
    draft.lines = [*(draft.fit(text, QUOTE, quoted) for text in texts), "", ABOUT[result.shown.part]]
    if result.shown.view.heads is Heads.ROLLOUT:
        draft.lines.append(ROLLOUT)
    menus = AttentionMenus(replace(request, view=ANY_VIEW), result.shown, _pairs(result))
    shortened = SHORTENED if result.shortened else None
    if result.shown.view.heads is Heads.ROLLOUT and is_degenerate(result.shown.weights):
        draft.lines += ["", DEGENERATE]
        return replace(draft.reply("attention", answer, "\n\n".join(texts), shortened), pages=menus)
    if result.shown.view.heads is Heads.WORKED:
        return _worked(draft, answer, texts, menus, shortened)
    if result.shown.view.heads is Heads.ALL:
        return _all_heads(draft, answer, texts, menus, shortened)
    if result.shown.view.heads is Heads.ARRIVING:
        draft.lines += ["", *_arriving(result)]
    sink, strongest = _sink(result), _strongest(result)
    if sink is not None and result.shown.view.heads is not Heads.ARRIVING:
        token = escape(in_quotes(result.keys[sink.key].text))
        draft.lines += ["", SINK.format(token=token, share=sink.share)]
    said = "Strongest without it" if sink else "Strongest"
    draft.lines += ["", f"{said}: {escape(strongest)}."]
    whole = "\n\n".join([*texts, f"{_source(result.shown)}\n{said}: {strongest}."])
    reply = draft.reply("attention", answer, whole, shortened)
    return replace(reply, drawing=Drawing("attention.png", partial(_draw, result)), pages=menus)


def _worked(
    draft: Draft, answer: Answer[AttentionResult], texts: list[str], menus: AttentionMenus, shortened: str | None
) -> Reply:
    """Render one weight, step by step."""
    result = answer.result
    query, key = _chosen(result)
    names = [in_quotes(side[index].text) for side, index in ((result.queries, query), (result.keys, key))]
    said = f"How {names[0]} looks at {names[1]}: {result.shown.weights[query, key]:.4f}"
    steps = [f"{number}. {step}" for number, step in enumerate(steps_in_words(result), 1)]
    draft.lines += ["", f"**{escape(said)}**"]
    for step in steps:
        name, _, rest = step.partition(": ")
        draft.lines.append(f"**{name}:** {escape(rest)}")
    draft.lines += ["", escape(proof(result))]
    whole = "\n\n".join([*texts, "\n".join([_source(result.shown), said, *steps, proof(result)])])
    reply = draft.reply("attention", answer, whole, shortened)
    return replace(reply, drawing=Drawing("attention.png", partial(_draw_row, result)), pages=menus)


def _chosen(result: AttentionResult) -> tuple[int, int]:
    """Return the query and the key of the weight that is worked out, from 0."""
    view = result.shown.view
    assert view.query is not None
    assert view.key is not None
    return view.query - 1, view.key - 1


def _draw_row(result: AttentionResult) -> Picture:
    assert result.steps is not None
    query, key = _chosen(result)
    row = result.steps.row
    texts = [token.text for token in result.keys]
    seen = [Seen(*one) for one in zip(texts, row.products, row.scores, row.weights, row.visible, strict=True)]
    return weight_row(result.queries[query].text, seen, key, _source(result.shown))


def _all_heads(
    draft: Draft, answer: Answer[AttentionResult], texts: list[str], menus: AttentionMenus, shortened: str | None
) -> Reply:
    """Render all heads of a layer as small multiples."""
    habits = _habits(answer.result)
    order = sorted(range(len(habits)), key=lambda index: -habits[index].share)[:NAMED]
    clear = [
        f"head {index + 1} at {habits[index].what} ({habits[index].share:.2f})"
        for index in order
        if habits[index].share
    ]
    said = f"Clearest habits: {', '.join(clear)}." if clear else "No head here looks mostly at one place."
    draft.lines += ["", ALL_HEADS, "", said]
    whole = "\n\n".join([*texts, f"{_source(answer.result.shown)}\n{said}"])
    reply = draft.reply("attention", answer, whole, shortened)
    return replace(reply, drawing=Drawing("attention.png", partial(_draw_heads, answer.result)), pages=menus)


def _habits(result: AttentionResult) -> list[Habit]:
    shown = result.shown
    return [habit_of(one, causal=shown.is_causal, cross=shown.part is Part.CROSS) for one in shown.each]


def _draw_heads(result: AttentionResult) -> Picture:
    habits = [(habit.what, habit.share) for habit in _habits(result)]
    return head_maps(result.shown.each, habits, _source(result.shown), causal=result.shown.is_causal)


def _arriving(result: AttentionResult) -> list[str]:
    """Say what the norm-weighted view is, what it makes of the sink, and what proves it."""
    assert result.steps is not None
    lines = [NORMS]
    if (sink := result.sink_by_weight) is not None:
        rows = result.shown.weights[1:] if result.shown.is_causal else result.shown.weights
        token, share = escape(in_quotes(result.keys[sink.key].text)), float(rows[:, sink.key].mean())
        lines.append(f"{token} has {sink.share:.2f} of all weight, and {share:.2f} of all that arrives.")
    return [*lines, sum_proof(result.steps)]


def _pairs(result: AttentionResult) -> tuple[tuple[int, int, str], ...]:
    """Return the weights of the shown head that can be worked out: the chosen one, and the strongest."""
    shown = result.shown
    if shown.view.head is None:
        return ()
    found = strong_pairs(shown.weights, causal=shown.is_causal, most=MOST_OPTIONS)
    if shown.view.heads is Heads.WORKED:
        chosen = _chosen(result)
        found = [chosen, *(pair for pair in found if pair != chosen)][:MOST_OPTIONS]
    return tuple(
        (
            query + 1,
            key + 1,
            f"{in_quotes(result.queries[query].text)} to {in_quotes(result.keys[key].text)} "
            f"{shown.weights[query, key]:.2f}",
        )
        for query, key in found
    )


def _draw(result: AttentionResult) -> Picture:
    shown, sink = result.shown, _sink(result)
    queries, keys = ([token.text for token in side] for side in (result.queries, result.keys))
    apart = None if sink is None else Apart(sink.key, sink.share)
    quantity = ARRIVING if shown.view.heads is Heads.ARRIVING else WEIGHT
    return attention_map(
        queries, keys, shown.weights, _source(shown), causal=shown.is_causal, apart=apart, quantity=quantity
    )


def _sink(result: AttentionResult) -> Sink | None:
    return sink_of(result.shown.weights, causal=result.shown.is_causal)


def _source(shown: Shown) -> str:
    """Return the part, layer and head of the weights in words."""
    part = "Cross-attention" if shown.part is Part.CROSS else f"{shown.part}".capitalize()
    if shown.view.heads is Heads.ROLLOUT:
        layers = f"layer 1 of {shown.layers}" if shown.layer == 1 else f"layers 1 to {shown.layer} of {shown.layers}"
        return f"{part}, {layers}, rollout"
    layer = f"{part}, layer {shown.layer} of {shown.layers}"
    if shown.view.heads is Heads.ALL:
        return f"{layer}, all {shown.number_of_heads} heads"
    if shown.view.heads is Heads.ARRIVING:
        return f"{layer}, what arrives"
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
