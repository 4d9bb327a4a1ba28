"""Select menus for another part, layer, head or pair of tokens of a heat map of attention weights."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import discord

from bot.inference.heads.inspection.attention_weights import Part
from bot.locales.message import _, later, plural
from bot.replies.components.buttons import MOST_OPTIONS, Action
from bot.replies.components.press import Component, Item
from bot.replies.formatting.text import fit, visible
from bot.tasks.attention import AttentionRequest
from bot.tasks.attention_view import AttentionView, Heads, Shown

CHANGE_VIEW = Action("attention-turn", later("Another view"))
"""Its detail is the chosen `AttentionView`."""
PART_NAMES = {
    # Translators: options of a menu, at most 100 characters each.
    Part.ENCODER: later("Encoder: the text looks at itself"),
    Part.DECODER: later("Decoder: each token looks back"),
    Part.CROSS: later("Cross-attention: the decoder looks at the encoder"),
}

# The current view is in the custom id, because a menu is one of several, and changes one aspect of it.
_TEMPLATE = (
    r"glassbox-attention:(?P<what>part|layer|head|pair):(?P<part>encoder|decoder|cross)\.(?P<layer>\d{1,4})\."
    r"(?P<head>average|rollout|all|arriving|\d{1,4}(?:-\d{1,2}-\d{1,2})?):(?P<request_id>[\w-]+)"
)

View = discord.ui.View
MOST_LABEL = 100
"""Characters of an option, by Discord."""


@dataclass(frozen=True)
class AttentionMenus:
    """The menus under a heat map: those of a request, whose view doesn't matter, with the current view."""

    request: AttentionRequest
    shown: Shown
    pairs: tuple[tuple[int, int, str], ...] = ()
    """Weights of the chosen head that can be worked out: query and key, from 1, and what is said about them."""

    def items(self, request_id: str) -> Iterator[Item]:
        """Yield menus for the part (if the model has several), the layer, the head, and a weight of it."""
        shown = self.shown
        if len(shown.parts) > 1:
            parts = [_option(str(PART_NAMES[part]), part) for part in shown.parts]
            yield AttentionMenu.of("part", request_id, shown.view, parts, shown.part)
        layers = [_option(_layer(number, shown.layers), str(number)) for number in around(shown.layer, shown.layers)]
        yield AttentionMenu.of("layer", request_id, shown.view, layers, str(shown.layer))
        yield AttentionMenu.of("head", request_id, shown.view, self._heads(), _head_of(shown.view))
        if shown.view.head is not None and self.pairs:
            yield AttentionMenu.of("pair", request_id, shown.view, self._pairs(), _head_value(shown.view))

    def _pairs(self) -> list[discord.SelectOption]:
        view = self.shown.view
        return [_option(said, f"{view.head}-{query}-{key}") for query, key, said in self.pairs[:MOST_OPTIONS]]

    def _heads(self) -> list[discord.SelectOption]:
        shown, count = self.shown, self.shown.number_of_heads
        # Translators: options of a menu of attention heads, at most 100 characters each.
        average = plural("Average of the {count} head", "Average of the {count} heads", count)
        options = [_option(average, Heads.AVERAGE)]
        if shown.part is not Part.CROSS:
            options.append(_option(_("Rollout through all layers to this one"), Heads.ROLLOUT))
        options.append(_option(_("All heads, side by side"), Heads.ALL))
        # Translators: what arrives at a token from the others: each weight times the value of its token.
        options.append(_option(_("What arrives: weights times values"), Heads.ARRIVING))
        numbers = around(shown.view.head or 1, count, MOST_OPTIONS - len(options))
        return [*options, *(_option(_head(number, count), str(number)) for number in numbers)]


class AttentionMenu(Component[discord.ui.Select[View]], template=_TEMPLATE):
    """One of the menus."""

    action = CHANGE_VIEW.name

    @classmethod
    def of(
        cls, what: str, request_id: str, view: AttentionView, options: list[discord.SelectOption], current: str
    ) -> AttentionMenu:
        """Make the menu for `part`, `layer`, `head` or `pair`.

        Args:
            view: the current view.
            current: the value of its option.
        """
        for option in options:
            option.default = option.value == current
        # Translators: the placeholder of a menu of attention weights, at most 150 characters.
        placeholder = _("Work one weight out, step by step") if what == "pair" else None
        custom_id = f"glassbox-attention:{what}:{view.part}.{view.layer}.{_head_value(view)}:{request_id}"
        return cls(discord.ui.Select(custom_id=custom_id, options=options, placeholder=placeholder))

    @property
    def detail(self) -> AttentionView:
        fields = self.fields
        view = _with_head(AttentionView(Part(fields["part"]), int(fields["layer"])), fields["head"])
        return changed(view, fields["what"], self.item.values[0])


def changed(view: AttentionView, what: str, chosen: str) -> AttentionView:
    """Return a view with another `part`, `layer`, `head` or `pair`, by the value of the chosen option."""
    match what:
        case "part":
            part = Part(chosen)
            # The layer and the head may not exist in another part.
            heads = Heads.ROLLOUT if view.heads is Heads.ROLLOUT and part is not Part.CROSS else Heads.AVERAGE
            return AttentionView(part, None, heads)
        case "layer":
            return replace(view, layer=int(chosen))
        case _:
            return _with_head(view, chosen)


def around(current: int, count: int, room: int = MOST_OPTIONS) -> list[int]:
    """Return the numbers from 1 to `count`; if there are too many, the first, the last, and those around `current`."""
    if count <= room:
        return list(range(1, count + 1))
    inner = room - 2
    first = min(max(current - inner // 2, 2), count - inner)
    return [1, *range(first, first + inner), count]


def _with_head(view: AttentionView, value: str) -> AttentionView:
    head, *pair = value.split("-")
    if pair:
        query, key = map(int, pair)
        return replace(view, heads=Heads.WORKED, head=int(head), query=query, key=key)
    heads, number = (Heads.ONE, int(head)) if head.isdecimal() else (Heads(head), None)
    return replace(view, heads=heads, head=number, query=None, key=None)


def _head_of(view: AttentionView) -> str:
    return str(view.head or view.heads)


def _head_value(view: AttentionView) -> str:
    return f"{view.head}-{view.query}-{view.key}" if view.heads is Heads.WORKED else _head_of(view)


def _layer(number: int, count: int) -> str:
    return _("Layer {number} of {count}", number=number, count=count)


def _head(number: int, count: int) -> str:
    # Translators: a head of attention.
    return _("Head {number} of {count}", number=number, count=count)


def _option(label: str, value: str) -> discord.SelectOption:
    return discord.SelectOption(label=fit(label, MOST_LABEL, visible)[0], value=value)
