"""The results of `/attention` as replies."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np

from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import Answer
from bot.locales.lists import enumerated
from bot.locales.message import _, plural
from bot.locales.numbers import decimal
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
from bot.replies.results.attention_parts import source_in_words
from bot.replies.results.attention_texts import ABOUT, ALL_HEADS, DEGENERATE, NORMS, ROLLOUT, about_sink
from bot.replies.results.attention_worked import proof, steps_in_words, sum_proof
from bot.tasks.attention import MOST_TOKENS, AttentionRequest, AttentionResult
from bot.tasks.attention_habits import Habit, habit_of
from bot.tasks.attention_opened import strong_pairs
from bot.tasks.attention_sink import Sink, is_degenerate, sink_of
from bot.tasks.attention_view import ANY_VIEW, Heads

QUOTE = 300
"""Units of a quoted text, which the picture shows again."""
NAMED = 3
"""How many pairs of tokens are named."""


def _shortened() -> str:
    return plural(
        "Only the first {count} token is read and shown.",
        "Only the first {count} tokens are read and shown.",
        MOST_TOKENS,
    )


def render(request: AttentionRequest, answer: Answer[AttentionResult]) -> Reply:
    """Render the text, the layer and head, and their strongest weights; the picture shows all weights."""
    result = answer.result
    draft = Draft(Colour.WORK, source_in_words(result.shown))
    texts = [request.text] if request.second is None else [request.text, request.second]
    draft.lines = [*(draft.fit(text, QUOTE, quoted) for text in texts), "", str(ABOUT[result.shown.part])]
    if result.shown.view.heads is Heads.ROLLOUT:
        draft.lines.append(str(ROLLOUT))
    menus = AttentionMenus(replace(request, view=ANY_VIEW), result.shown, _pairs(result))
    shortened = _shortened() if result.shortened else None
    if result.shown.view.heads is Heads.ROLLOUT and is_degenerate(result.shown.weights):
        draft.lines += ["", str(DEGENERATE)]
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
        draft.lines += ["", about_sink(token, sink.share)]
    draft.lines += ["", _said(escape(strongest), without_sink=sink is not None)]
    plain = _said(strongest, without_sink=sink is not None)
    whole = "\n\n".join([*texts, f"{source_in_words(result.shown)}\n{plain}"])
    reply = draft.reply("attention", answer, whole, shortened)
    return replace(reply, drawing=Drawing("attention.png", partial(_draw, result)), pages=menus)


def _worked(
    draft: Draft, answer: Answer[AttentionResult], texts: list[str], menus: AttentionMenus, shortened: str | None
) -> Reply:
    """Render one weight, step by step."""
    result = answer.result
    query, key = _chosen(result)
    names = [in_quotes(side[index].text) for side, index in ((result.queries, query), (result.keys, key))]
    weight = decimal(float(result.shown.weights[query, key]), 4)
    said = _("How {query} looks at {key}: {weight}", query=names[0], key=names[1], weight=weight)
    steps = steps_in_words(result)
    draft.lines += ["", f"**{escape(said)}**"]
    for number, step in enumerate(steps, 1):
        # Translators: the name of a step of a calculation, and the step. French has a space before the colon.
        draft.lines.append(_("**{number}. {name}:** {text}", number=number, name=step.name, text=escape(step.text)))
    draft.lines += ["", escape(proof(result))]
    plain = [
        _("{number}. {name}: {text}", number=number, name=step.name, text=step.text)
        for number, step in enumerate(steps, 1)
    ]
    whole = "\n\n".join([*texts, "\n".join([source_in_words(result.shown), said, *plain, proof(result)])])
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
    return weight_row(result.queries[query].text, seen, key, source_in_words(result.shown))


def _all_heads(
    draft: Draft, answer: Answer[AttentionResult], texts: list[str], menus: AttentionMenus, shortened: str | None
) -> Reply:
    """Render all heads of a layer as small multiples."""
    habits = _habits(answer.result)
    order = sorted(range(len(habits)), key=lambda index: -habits[index].share)[:NAMED]
    clear = [
        _(
            # Translators: {place} is what this head mostly looks at, such as "the first token" or "itself".
            "head {head} at {place} ({share})",
            head=index + 1,
            place=habits[index].what,
            share=decimal(habits[index].share, 2),
        )
        for index in order
        if habits[index].share
    ]
    said = (
        # Translators: {habits} is a list of such as "head 3 at the first token (0.52)".
        _("Clearest habits: {habits}.", habits=enumerated(clear))
        if clear
        else _("No head here looks mostly at one place.")
    )
    draft.lines += ["", str(ALL_HEADS), "", said]
    whole = "\n\n".join([*texts, f"{source_in_words(answer.result.shown)}\n{said}"])
    reply = draft.reply("attention", answer, whole, shortened)
    return replace(reply, drawing=Drawing("attention.png", partial(_draw_heads, answer.result)), pages=menus)


def _habits(result: AttentionResult) -> list[Habit]:
    shown = result.shown
    return [habit_of(one, causal=shown.is_causal, cross=shown.part is Part.CROSS) for one in shown.each]


def _draw_heads(result: AttentionResult) -> Picture:
    habits = [(str(habit.what), habit.share) for habit in _habits(result)]
    return head_maps(result.shown.each, habits, source_in_words(result.shown), causal=result.shown.is_causal)


def _arriving(result: AttentionResult) -> list[str]:
    """Say what the norm-weighted view is, what it makes of the sink, and what proves it."""
    assert result.steps is not None
    lines = [str(NORMS)]
    if (sink := result.sink_by_weight) is not None:
        rows = result.shown.weights[1:] if result.shown.is_causal else result.shown.weights
        token, share = escape(in_quotes(result.keys[sink.key].text)), float(rows[:, sink.key].mean())
        lines.append(
            _(
                "{token} has {weight} of all weight, and {share} of all that arrives.",
                token=token,
                weight=decimal(sink.share, 2),
                share=decimal(share, 2),
            )
        )
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
            _pair(result, query, key),
        )
        for query, key in found
    )


def _draw(result: AttentionResult) -> Picture:
    shown, sink = result.shown, _sink(result)
    queries, keys = ([token.text for token in side] for side in (result.queries, result.keys))
    apart = None if sink is None else Apart(sink.key, sink.share)
    quantity = ARRIVING if shown.view.heads is Heads.ARRIVING else WEIGHT
    return attention_map(
        queries, keys, shown.weights, source_in_words(shown), causal=shown.is_causal, apart=apart, quantity=quantity
    )


def _sink(result: AttentionResult) -> Sink | None:
    return sink_of(result.shown.weights, causal=result.shown.is_causal)


def _strongest(result: AttentionResult) -> str:
    """Return the largest weights in words, those of an attention sink left out."""
    weights = matrix(result.shown.weights, len(result.queries), len(result.keys))
    if result.shown.is_causal and len(weights) > 1:
        weights[0] = -np.inf  # the first token sees only itself, with a weight of 1
    if (sink := _sink(result)) is not None:
        weights[:, sink.key] = -np.inf
    return enumerated(_pair(result, row, column) for row, column in largest(weights, NAMED))


def _pair(result: AttentionResult, query: int, key: int) -> str:
    return _(
        # Translators: {weight} says how much the first token looks at the second one.
        "{query} to {key} {weight}",
        query=in_quotes(result.queries[query].text),
        key=in_quotes(result.keys[key].text),
        weight=decimal(float(result.shown.weights[query, key]), 2),
    )


def _said(strongest: str, *, without_sink: bool) -> str:
    # Translators: the strongest weights; {pairs} is a list of such as "“I” to “love” 0.52".
    if without_sink:
        return _("Strongest without it: {pairs}.", pairs=strongest)
    return _("Strongest: {pairs}.", pairs=strongest)
