"""A model's layers as a tree, like `print(model)` but shorter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from bot.inference.checkpoints.description import Layer
from bot.locales.message import _, later, plural
from bot.locales.numbers import in_millions

LEFT_OUT = later(
    "Dropout is left out: it does nothing when a model answers. Shared weights count wherever they are used."
)
INDENT = " "
"""One space a level: phones show some forty characters a line."""
NAMES = 36
"""The most characters of the names on one line."""


def tree(layer: Layer) -> str:
    """Return a model's layers, one a line, with the numbers of their parameters.

    Equal blocks share a line (`layers: 12 × LlamaDecoderLayer`), and so do adjacent equal layers without parts
    (`q_proj, o_proj: 2 × Linear(576 → 576)`).
    """
    total = parameters_in_words(layer.parameters)
    return "\n".join([f"{layer.kind} · {total}", *_lines(layer.parts, INDENT)])


def parameters_in_words(number: int) -> str:
    """Return "134.5 million parameters"."""
    # Translators: {number} is such as "47,392" or "134.5 million". If the words between them depend on that, as in
    # French and Spanish, turn the phrase round: "parameters: 134.5 million".
    return plural("{number} parameter", "{number} parameters", number, number=in_millions(number))


def _lines(layers: Iterable[Layer], indent: str) -> Iterator[str]:
    for group in _sharing(map(_opened, layers)):
        first, count = group[0], sum(one.count for one in group)
        names = ", ".join(one.name.replace("-", "–") for one in group)
        yield f"{indent}{names}: {f'{count} × ' if count > 1 else ''}{first.kind}{_sizes(first, each=count > 1)}"
        yield from _lines(first.parts, indent + INDENT)


def _opened(layer: Layer) -> Layer:
    """Replace a list of equal blocks by the blocks, under the list's name."""
    if layer.kind != "ModuleList" or len(layer.parts) != 1:
        return layer
    [blocks] = layer.parts
    return Layer(layer.name, blocks.kind, blocks.detail, blocks.count, blocks.parameters, blocks.parts)


def _sharing(layers: Iterable[Layer]) -> Iterator[list[Layer]]:
    """Group layers that share a line."""
    for __, alike in groupby(layers, key=_likeness):
        group = list(alike)
        if sum(len(one.name) + 2 for one in group) <= NAMES:
            yield group
        else:
            yield from ([one] for one in group)


def _likeness(layer: Layer) -> tuple[str, ...]:
    """Return a key, equal for layers that may share a line: those without parts, of the same kind and sizes."""
    return (layer.name,) if layer.parts else ("", layer.kind, layer.detail)


def _sizes(layer: Layer, *, each: bool) -> str:
    if layer.detail:
        return f"({layer.detail})"
    if not layer.parts or not layer.parameters:
        return ""
    number = in_millions(layer.parameters)
    if not each:
        return f" · {number}"
    # Translators: the number of parameters of each of several equal layers.
    return f" · {_('{number} each', number=number)}"
