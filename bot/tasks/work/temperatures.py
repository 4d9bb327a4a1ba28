"""A distribution at several temperatures, from the same logits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from bot.inference.tokenization.tokens import Token
from bot.locales.numbers import MINUS
from bot.tasks.scores import Floats, softmax
from bot.tasks.work.blocks import Bars, Block, Paragraph, Picture, Reshaped, Variant, column, formula, table
from bot.tasks.work.texts import Form, Number, Sentence, Short, Text, Words, bracketed, general, grouped
from bot.tasks.work.wording import later, sentence

TEMPERATURES = (0.2, 0.7, 1.0, 1.5)
USUAL_TOP_P = 0.9
"""Shown where none was set."""
USUAL_TOP_K = 50
"""The default of transformers' generation."""
NAME = 20
"""Columns of a name in a line that a phone has room for."""


def at_temperatures(
    logits: npt.ArrayLike,
    shown: Sequence[int],
    names: Sequence[Text],
    chosen: int,
    title: Words,
    noun: Words | None = None,
    *,
    top_p: float | None = None,
    brief: Text = None,
) -> tuple[Variant, ...]:
    """Return the distribution of logits at each of `TEMPERATURES`.

    Args:
        logits: of everything that softmax goes over.
        shown: indices of those that are shown, the likeliest first.
        names: of these.
        chosen: index among these of the one that is worked out.
        title: of the pictures.
        noun: names what has the probabilities; None for tokens.
        brief: name of the chosen one in the calculation; None for the one of `names`.
        top_p: of a token that is drawn, 1 meaning `USUAL_TOP_P`; None where nothing is drawn.
    """
    values = np.asarray(logits, dtype=np.float64)
    before = softmax(values)[list(shown)].tolist()

    def variants() -> Iterator[Variant]:
        for temperature in TEMPERATURES:
            probabilities = softmax(values / temperature)
            after = probabilities[list(shown)].tolist()
            said: list[Block] = [Paragraph(sentence(_key(temperature), temperature=general(temperature)))]
            if top_p is not None:
                said.append(Paragraph(_cuts(probabilities, USUAL_TOP_P if top_p >= 1 else top_p)))
            own = (
                []
                if temperature == 1
                else [column(later("at {temperature}", temperature=general(1)), before, Form.PERCENT)]
            )
            numbers = table(
                *own,
                column(later("at {temperature}", temperature=general(temperature)), after, Form.PERCENT),
                column(later("token") if noun is None else noun, names),
            )
            worked = _worked(values, shown[chosen], brief or names[chosen], temperature, after[chosen])
            called = later("{title}: temperature {temperature}", title=title, temperature=general(temperature))
            picture: Picture = Bars(called, tuple(names), tuple(after))
            if top_p is not None:
                picture = Reshaped(called, tuple(names), tuple(before), tuple(after), None)
            yield Variant(
                later("Temperature {temperature}", temperature=general(temperature)), (*said, numbers, worked), picture
            )

    return tuple(variants())


def _key(temperature: float) -> str:
    if temperature == 1:
        return "temperatures.own"
    return "temperatures.sharper" if temperature < 1 else "temperatures.flatter"


def _cuts(probabilities: Floats, top_p: float) -> Sentence:
    """Say what top_p and top_k would leave to draw from."""
    ranked = np.sort(probabilities)[::-1]
    # As in sampling: a token stays if the likelier ones have less than top_p together.
    kept = int((np.cumsum(ranked) - ranked < top_p).sum())
    total = len(ranked)
    top_k = min(USUAL_TOP_K, total)
    return sentence(
        "temperatures.cuts",
        top_p=general(top_p),
        kept=grouped(kept),
        total=grouped(total),
        top_k=top_k,
        share=Number(float(ranked[:top_k].sum()), Form.PERCENT),
    )


def _worked(values: Floats, index: int, name: Text, temperature: float, probability: float) -> Block:
    """Work out a probability, with the numbers put in."""
    largest, logit = float(values.max()), float(values[index])
    total = float(np.exp((values - largest) / temperature).sum())
    return formula(
        ("p(", _short(name), "), T = ", general(temperature)),
        "= e^((z − max)/T)",
        "  / Σ e^((z − max)/T)",
        ("= e^((", Number(logit), f" {MINUS} ", bracketed(largest), ")/", general(temperature), ")"),
        ("  / ", Number(total)),
        ("= ", Number(probability, Form.FOUR)),
    )


def _short(name: Text) -> Text:
    if isinstance(name, Token) and len(name.text) > NAME:
        return Short(name.text, NAME)
    return Short(name, NAME) if isinstance(name, str) else name
