"""The results of `/entities` as replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.inference.requests import Answer
from bot.locales.message import _, later, plural
from bot.replies.formatting.bars import bar_line, plain_line
from bot.replies.formatting.more import and_more
from bot.replies.formatting.text import Style, in_pieces, inside_quote, visible
from bot.replies.reply import Colour, Draft, Reply, truncation
from bot.tasks.entities import EntitiesRequest, EntitiesResult, Entity
from bot.tasks.names.kinds import MOST_NAMES

ROOM = 1_500
"""Units of the text with its marks."""
MOST_LISTED = 15
NAME, LABEL = 50, 20
"""Units of an entity, and of its label, beside its bar."""
# Translators: what a name is of, beside a bar; at most 20 characters each.
KNOWN = {"PER": later("person"), "LOC": later("place"), "ORG": later("organisation"), "MISC": later("other name")}
"""The labels of the CoNLL-2003 data, in words."""
# Translators: keep the asterisks: Discord shows the sentence in italics.
NONE = later("*I found no names in this text.*")
GUESSED = later("A general language model has guessed these from a few examples: treat them as a draft.")
# Translators: It is the general language model.
NO_CAPITALS = later("It looks only at words with a capital letter.")


def render(request: EntitiesRequest, answer: Answer[EntitiesResult]) -> Reply:
    """Render the text with its entities in bold, each followed by its label, and every entity with a bar."""
    text, entities = request.text, answer.result.entities
    draft = Draft(Colour.ENTITIES)
    draft.title = _title(len(entities))
    styled = in_pieces((piece, inside_quote if one is None else _marked(one)) for piece, one in _pieces(text, entities))
    draft.lines = [draft.fit(text, ROOM, lambda shown: "> " + styled(shown)), ""]
    draft.lines += list(_listed(draft, text, entities)) if entities else [str(NONE)]
    plain = [plain_line(one.probability, f"{one.label}  {text[one.start : one.end]}") for one in entities]
    return draft.reply("entities", answer, "\n".join([_plain(text, entities), "", *plain]), _remark(answer.result))


def _title(number: int) -> str:
    # Translators: the title of a reply: how many named entities a text has.
    return plural("{count} entity", "{count} entities", number) if number else _("No entities")


def label_in_words(label: str) -> str:
    """Return a label in words, if it has some."""
    return str(KNOWN.get(label, label))


def _pieces(text: str, entities: Sequence[Entity]) -> Iterator[tuple[str, Entity | None]]:
    """Yield each part of the text with its entity, or with None between entities."""
    done = 0
    for entity in entities:
        yield text[done : entity.start], None
        yield text[entity.start : entity.end], entity
        done = entity.end
    yield text[done:], None


def _marked(entity: Entity) -> Style:
    """Return the style of an entity: bold, followed by its label."""
    # Nothing can be escaped in inline code.
    label = visible(entity.label).replace("`", "'").replace("\n", " ")[:LABEL] or "?"

    def style(shown: str) -> str:
        return f"**{inside_quote(shown)}** `{label}`" if shown.strip() else inside_quote(shown)

    return style


def _listed(draft: Draft, text: str, entities: Sequence[Entity]) -> Iterator[str]:
    """Yield a bar for each of the first entities."""
    for entity in entities[:MOST_LISTED]:
        name = draft.fit(text[entity.start : entity.end].replace("\n", " "), NAME)
        label = draft.fit(label_in_words(entity.label), LABEL)
        yield bar_line(entity.probability, f"**{name}** · {label}")
    if len(entities) > MOST_LISTED:
        draft.cut = True
        yield and_more(len(entities) - MOST_LISTED)


def _plain(text: str, entities: Sequence[Entity]) -> str:
    return "".join(piece if one is None else f"[{piece}]({one.label})" for piece, one in _pieces(text, entities))


def _remark(result: EntitiesResult) -> str | None:
    if not result.guessed:
        return truncation(result.truncated)
    limit = (
        plural(
            "Only the first {count} name was looked at.",
            "Only the first {count} different names were looked at.",
            MOST_NAMES,
        )
        if result.truncated
        else NO_CAPITALS
    )
    return f"{GUESSED} {limit}"
