"""What `/entities` answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.inference.requests import Answer
from bot.replies.formatting.bars import bar_line, plain_line
from bot.replies.formatting.text import Style, inside_quote, visible
from bot.replies.reply import Colour, Draft, Reply, truncation
from bot.tasks.entities import EntitiesRequest, EntitiesResult, Entity
from bot.tasks.names.kinds import MOST_NAMES

ROOM = 1_500
"""Units of the text with its marks."""
MOST_LISTED = 15
NAME, LABEL = 50, 20
"""Units of an entity, and of its label, beside its bar."""
KNOWN = {"PER": "person", "LOC": "place", "ORG": "organisation", "MISC": "other name"}
"""The labels of the CoNLL-2003 data, in words."""
NONE = "*I found no names in this text.*"
GUESSED = "A general language model has guessed these from a few examples: treat them as a draft."
NO_CAPITALS = "It looks only at words with a capital letter."

Piece = tuple[str, Entity | None]
"""A part of the text, and the entity that it is."""


def render(request: EntitiesRequest, answer: Answer[EntitiesResult]) -> Reply:
    """The text with its entities in bold and their labels after them, then every entity with its bar."""
    result = answer.result
    number = len(result.entities)
    draft = Draft(Colour.ENTITIES)
    draft.title = f"{number or 'No'} entit{'y' if number == 1 else 'ies'}"
    draft.lines = [draft.fit(request.text, ROOM, _marked(_pieces(request.text, result.entities))), ""]
    draft.lines += list(_listed(draft, request.text, result.entities)) if number else [NONE]
    whole = "\n".join([_plain(request.text, result.entities), "", *_plain_list(request.text, result.entities)])
    return draft.reply("entities", answer, whole, _remark(result))


def _pieces(text: str, entities: Sequence[Entity]) -> Iterator[Piece]:
    done = 0
    for entity in entities:
        yield text[done : entity.start], None
        yield text[entity.start : entity.end], entity
        done = entity.end
    yield text[done:], None


def _marked(pieces: Iterator[Piece]) -> Style:
    """The style of a quoted text that may be cut short of its last pieces."""
    # What cannot be seen is not shown, and must not move the marks.
    known = [(visible(piece), entity) for piece, entity in pieces]

    def style(text: str) -> str:
        styled = ["> "]
        for piece, entity in known:
            shown, text = text[: len(piece)], text[len(piece) :]
            if entity is None or not shown.strip():
                styled.append(inside_quote(shown))
            else:
                styled.append(f"**{inside_quote(shown)}** {_code(entity.label)}")
        return "".join([*styled, inside_quote(text)])

    return style


def _code(label: str) -> str:
    """A label as inline code, in which nothing can be escaped."""
    return f"`{visible(label).replace('`', chr(39)).replace(chr(10), ' ')[:LABEL] or '?'}`"


def _listed(draft: Draft, text: str, entities: Sequence[Entity]) -> Iterator[str]:
    """A bar for each of the first entities."""
    for entity in entities[:MOST_LISTED]:
        name = draft.fit(text[entity.start : entity.end].replace("\n", " "), NAME)
        label = draft.fit(KNOWN.get(entity.label, entity.label), LABEL)
        yield bar_line(entity.probability, f"**{name}** · {label}")
    if len(entities) > MOST_LISTED:
        draft.cut = True
        yield f"… and {len(entities) - MOST_LISTED} more"


def _plain(text: str, entities: Sequence[Entity]) -> str:
    return "".join(
        piece if entity is None else f"[{piece}]({entity.label})" for piece, entity in _pieces(text, entities)
    )


def _plain_list(text: str, entities: Sequence[Entity]) -> Iterator[str]:
    for entity in entities:
        yield plain_line(entity.probability, f"{entity.label}  {text[entity.start : entity.end]}")


def _remark(result: EntitiesResult) -> str | None:
    if not result.guessed:
        return truncation(result.truncated)
    limit = f"Only the first {MOST_NAMES} different names were looked at." if result.truncated else NO_CAPITALS
    return f"{GUESSED} {limit}"
