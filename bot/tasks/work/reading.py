"""The first pages of most explanations: the text, its tokens, the model, and the hidden states of its layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from bot.inference.checkpoints.anatomy import family_of
from bot.inference.checkpoints.catalogue import Family
from bot.inference.operations import Row, TaskRun
from bot.inference.task import HeadKind
from bot.inference.tokenization.tokens import Token
from bot.tasks.work.blocks import MOST_ROWS, Chips, Norms, Page, column, table
from bot.tasks.work.pages import page, text_page
from bot.tasks.work.texts import Form, Number, Sentence, Text, Words, grouped, spaced
from bot.tasks.work.wording import later, later_plural, sentence

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.head import Head
    from bot.inference.heads.inspection.hidden_states import LayerStates, Reading

PARTS: Mapping[str, Words] = {
    "encoder": sentence("names.encoder"),
    "decoder": sentence("names.decoder"),
    "encoder-decoder": sentence("names.encoder-decoder"),
}
"""Names of stacks of layers, and of models."""
FEWEST_TOKENS = 8
"""Of each row, if there are many: the picture has more, and the file all."""
Truncated: TypeAlias = Callable[..., Sentence]
"""Says which part was left out because the context is too short, given its length as `context`."""

END_OF_TEXT: Truncated = partial(sentence, "reading.end-of-text")
"""Most tasks leave it out."""


def numbered(noun: str, number: int) -> tuple[Words, ...]:
    """Return `text 1`, `text 2`; a single one needs no name.

    Args:
        noun: one of those of `names.numbered` in the sentences.
    """
    if number == 1:
        return ("",)
    return tuple(sentence("names.numbered", noun, number=index) for index in range(1, number + 1))


def beginning(
    head: Head,
    text: Page,
    rows: Sequence[Sequence[int]],
    reading: Row[Reading],
    names: Sequence[Words] = (),
    *,
    row: int = 0,
    truncated: Truncated | None = None,
    note: Text = "",
) -> TaskRun[tuple[Page, ...]]:
    """Return the first pages of an explanation: the text, its tokens, the model, and the hidden states of a row.

    Args:
        rows: token ids.
        reading: of one row, which is read alone.
        names: of the rows; not needed for a single one.
        row: index of the one that is read alone.
        truncated, note: as of `read_page`.
    """
    several = names if len(rows) > 1 else ()
    states = yield from hidden_pages(head, reading, several[row] if several else "")
    return (text, read_page(head, rows, several, truncated=truncated, note=note), model_page(head), *states)


def unprompted(head: Head, text: str, inputs: EncoderInput) -> TaskRun[tuple[Page, ...]]:
    """Return the `beginning` of an answer for which a text was read as it is."""
    page = text_page(later("The text goes to the model as it is, without a prompt."), text)
    reading = head.reading(inputs.ids, type_ids=inputs.type_ids)
    truncated = END_OF_TEXT if inputs.truncated else None
    return (yield from beginning(head, page, [inputs.ids], reading, truncated=truncated))


def prompted(head: CausalLM, how: Text, prompts: Sequence[str], *, truncated: bool) -> TaskRun[tuple[Page, ...]]:
    """Return the `beginning` of an answer for which a text was put into several prompts."""
    rows = [head.encode(prompt) for prompt in prompts]
    text, names = text_page(how, *prompts), numbered("prompt", len(rows))
    cut = END_OF_TEXT if truncated else None
    return (yield from beginning(head, text, rows, head.reading(rows[0]), names, truncated=cut))


def read_page(
    head: Head,
    rows: Sequence[Sequence[int]],
    names: Sequence[Words] = (),
    *,
    truncated: Truncated | None = None,
    note: Text = "",
    texts: int = 1,
) -> Page:
    """Show the token ids of a request's rows, as one batch.

    Args:
        truncated: says which part was left out because the context is too short, as `END_OF_TEXT` does; None for none.
        note: comes before the other notes.
        texts: the number of texts that were written after a single prompt: as many rows of the batch have it.
    """
    width = max(map(len, rows))
    known: dict[Token, Token] = {}  # a text of a thousand tokens may stand in twenty rows: no token is kept twice
    notes: list[Text] = [note] if note else []
    if truncated is not None:
        notes.append(truncated(context=head.context_length))
    if any(len(row) < width for row in rows):
        notes.append(sentence("reading.padded-left" if head.kind is HeadKind.CAUSAL_LM else "reading.padded-right"))
    if len(rows) > 1:
        notes.append(sentence("reading.batch"))
    if texts > 1:
        notes.append(sentence("reading.same-prompt", texts=texts))
    tokens = [tuple(known.setdefault(token, token) for token in head.tokens(row)) for row in rows]
    return tokens_page(tokens, names, (max(texts, len(rows)), width), spaced(*notes))


def tokens_page(
    rows: Sequence[tuple[Token, ...]], names: Sequence[Words], shape: tuple[int, int], note: Text = ""
) -> Page:
    """Show rows of tokens; the shape of `input_ids` is (batch, sequence), padding included."""
    most = max(FEWEST_TOKENS, MOST_ROWS // len(rows))
    titles = [_title(names, index, len(row)) if len(rows) > 1 else "" for index, row in enumerate(rows)]
    tables = [
        table(
            column("#", range(len(row))),
            column("id", (token.id for token in row)),
            column(later("token"), row),
            most=most,
            name=title,
        )
        for title, row in zip(titles, rows, strict=True)
    ]
    facts = sentence("reading.input-ids", batch=shape[0], sequence=shape[1])
    return page(
        "tokens", (spaced(facts, note),), *tables, picture=Chips(later("Tokens"), tuple(zip(titles, rows, strict=True)))
    )


def _title(names: Sequence[Words], row: int, tokens: int) -> Sentence:
    name = names[row] if row < len(names) else later("Row {number}", number=row + 1)
    return later_plural("{name}: {tokens} token", "{name}: {tokens} tokens", tokens, name=name, tokens=grouped(tokens))


def model_page(head: Head) -> Page:
    """Show the model of a head, by its configuration."""
    config = head.model.config
    text: Any = config.get_text_config()
    family = family_of(config, type(head.model).__name__)
    name = family.name.lower().replace("_", "-")
    layers = int(text.num_hidden_layers)
    # State space models have no attention, and so no heads.
    heads = int(getattr(text, "num_attention_heads", 0))
    both = family is Family.ENCODER_DECODER
    decoder = later("{layers} + {further} (decoder)", layers=layers, further=_decoder_layers(text)) if both else layers
    # Translators: the left column of a table of facts, so a few words each: at most 16 characters.
    facts: list[tuple[Text, Text]] = [
        (later("model type"), str(config.model_type)),
        (later("family"), PARTS.get(name, name)),
        (later("layers"), decoder),
        (later("attention heads"), later("{heads} in each layer", heads=heads)),
        (later("hidden size"), grouped(int(text.hidden_size))),
        (later("parameters"), Number(head.parameters, Form.MILLIONS)),
        (later("vocabulary"), later("{number} tokens", number=grouped(int(text.vocab_size)))),
        (later("reads at most"), later("{number} tokens", number=grouped(head.context_length))),
    ]
    return page(name, table(*(column("", cells) for cells in zip(*facts, strict=True))))


def _decoder_layers(config: Any) -> int:
    # Configurations' `attribute_map` unifies other names, but not those of decoders' layers.
    for name in ("decoder_layers", "num_decoder_layers"):
        if (layers := getattr(config, name, None)) is not None:
            return int(layers)
    return int(config.num_hidden_layers)


def hidden_pages(head: Head, reading: Row[Reading], name: Words = "") -> TaskRun[tuple[Page, ...]]:
    """Show the hidden states of a row, which is read alone: those of the encoder first, if there are two stacks."""
    [observed] = yield from head.observe([reading])
    return tuple(hidden_page(states, name) for states in observed.stacks)


def hidden_page(states: LayerStates, row: Words = "") -> Page:
    """Show the hidden states of a stack of layers; the row has a name if the request has several."""
    batch, tokens, size = states.shape
    numbers = {"batch": batch, "tokens": tokens, "size": size}
    grouped_too = {"grouped_size": grouped(size), "grouped_tokens": grouped(tokens)}
    facts = sentence("reading.shape", states.part or "whole", **numbers, **grouped_too)
    which = later("This is the row “{row}”, read alone.", row=row) if row else None
    ends = [] if states.normalised is None else [states.normalised]
    norms, first = zip(*zip(states.norms, states.first, strict=True), *ends, strict=True)
    layers = [later("layer {number}", number=layer) for layer in range(1, len(states.norms))]
    # Translators: the final normalisation.
    names = [later("embeddings"), *layers, later("final norm")][: len(norms)]
    said = sentence("reading.norms" if ends else "reading.norms-as-they-are")
    apart = sentence("reading.first-apart") if tokens > 1 else None
    return page(
        "hidden-states",
        (spaced(facts, which),),
        (spaced(said, apart),),
        table(
            column(later("norm"), norms, Form.NORM),
            column(later("first token"), first, Form.NORM),
            # Translators: the title of a column that says after which layer.
            column(later("after"), names),
        ),
        picture=Norms(sentence("reading.lengths", states.part or "whole"), states.norms),
        behind=PARTS.get(states.part, states.part),
    )
