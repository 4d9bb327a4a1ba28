"""The first pages of most explanations: the text, its tokens, the model, and the hidden states of its layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from bot.inference.checkpoints.anatomy import family_of
from bot.inference.checkpoints.catalogue import Family
from bot.inference.operations import Row, TaskRun
from bot.inference.task import HeadKind
from bot.inference.tokenization.tokens import Token
from bot.tasks.work.blocks import MOST_ROWS, Chips, Form, Norms, Number, Page, Text, column, table
from bot.tasks.work.pages import page, text_page
from bot.tasks.work.wording import sentence

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.encoder_head import EncoderInput
    from bot.inference.heads.head import Head
    from bot.inference.heads.inspection.hidden_states import LayerStates, Reading

FEWEST_TOKENS = 8
"""Of each row, if there are many: the picture has more, and the file all."""
END_OF_TEXT = "the end of the text"
"""Most tasks leave it out if the context is too short."""


def numbered(noun: str, number: int) -> tuple[str, ...]:
    """Return `text 1`, `text 2`; a single one needs no name."""
    return ("",) if number == 1 else tuple(f"{noun} {index}" for index in range(1, number + 1))


def beginning(
    head: Head,
    text: Page,
    rows: Sequence[Sequence[int]],
    reading: Row[Reading],
    names: Sequence[str] = (),
    *,
    row: int = 0,
    truncated: str | None = None,
    note: str = "",
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
    page = text_page("The text goes to the model as it is, without a prompt.", text)
    reading = head.reading(inputs.ids, type_ids=inputs.type_ids)
    truncated = END_OF_TEXT if inputs.truncated else None
    return (yield from beginning(head, page, [inputs.ids], reading, truncated=truncated))


def prompted(head: CausalLM, how: str, prompts: Sequence[str], *, truncated: bool) -> TaskRun[tuple[Page, ...]]:
    """Return the `beginning` of an answer for which a text was put into several prompts."""
    rows = [head.encode(prompt) for prompt in prompts]
    text, names = text_page(how, *prompts), numbered("prompt", len(rows))
    cut = END_OF_TEXT if truncated else None
    return (yield from beginning(head, text, rows, head.reading(rows[0]), names, truncated=cut))


def read_page(
    head: Head,
    rows: Sequence[Sequence[int]],
    names: Sequence[str] = (),
    *,
    truncated: str | None = None,
    note: str = "",
    texts: int = 1,
) -> Page:
    """Show the token ids of a request's rows, as one batch.

    Args:
        truncated: the part that was left out because the context is too short, such as `END_OF_TEXT`; None for nothing.
        note: comes before the other notes.
        texts: the number of texts that were written after a single prompt: as many rows of the batch have it.
    """
    width = max(map(len, rows))
    known: dict[Token, Token] = {}  # a text of a thousand tokens may stand in twenty rows: no token is kept twice
    notes = [note] if note else []
    if truncated is not None:
        notes.append(sentence("reading.truncated", context=head.context_length, part=truncated))
    if any(len(row) < width for row in rows):
        notes.append(sentence("reading.padded", side="left" if head.kind is HeadKind.CAUSAL_LM else "right"))
    if len(rows) > 1:
        notes.append(sentence("reading.batch"))
    if texts > 1:
        notes.append(sentence("reading.same-prompt", texts=texts))
    tokens = [tuple(known.setdefault(token, token) for token in head.tokens(row)) for row in rows]
    return tokens_page(tokens, names, (max(texts, len(rows)), width), " ".join(notes))


def tokens_page(
    rows: Sequence[tuple[Token, ...]], names: Sequence[str], shape: tuple[int, int], note: str = ""
) -> Page:
    """Show rows of tokens; the shape of `input_ids` is (batch, sequence), padding included."""
    most = max(FEWEST_TOKENS, MOST_ROWS // len(rows))
    titles = [_title(names, index, len(row)) if len(rows) > 1 else "" for index, row in enumerate(rows)]
    tables = [
        table(
            column("#", range(len(row))),
            column("id", (token.id for token in row)),
            column("token", row),
            most=most,
            name=title,
        )
        for title, row in zip(titles, rows, strict=True)
    ]
    facts = f"input_ids: shape ({shape[0]}, {shape[1]}), which is (batch, sequence). {note}".strip()
    return page("tokens", facts, *tables, picture=Chips("Tokens", tuple(zip(titles, rows, strict=True))))


def _title(names: Sequence[str], row: int, tokens: int) -> str:
    name = names[row] if row < len(names) else f"Row {row + 1}"
    return f"{name}: {tokens:,} token{'' if tokens == 1 else 's'}"


def model_page(head: Head) -> Page:
    """Show the model of a head, by its configuration."""
    config = head.model.config
    text: Any = config.get_text_config()
    family = family_of(config, type(head.model).__name__)
    name = family.name.lower().replace("_", "-")
    layers = int(text.num_hidden_layers)
    # State space models have no attention, and so no heads.
    heads = int(getattr(text, "num_attention_heads", 0))
    facts: dict[str, Text] = {
        "model type": str(config.model_type),
        "family": name,
        "layers": (layers, " + ", _decoder_layers(text), " (decoder)") if family is Family.ENCODER_DECODER else layers,
        "attention heads": (heads, " in each layer"),
        "hidden size": Number(int(text.hidden_size), Form.COUNT),
        "parameters": Number(head.parameters, Form.MILLIONS),
        "vocabulary": (Number(int(text.vocab_size), Form.COUNT), " tokens"),
        "reads at most": (Number(head.context_length, Form.COUNT), " tokens"),
    }
    return page(name, table(column("", facts), column("", facts.values())))


def _decoder_layers(config: Any) -> int:
    # Configurations' `attribute_map` unifies other names, but not those of decoders' layers.
    for name in ("decoder_layers", "num_decoder_layers"):
        if (layers := getattr(config, name, None)) is not None:
            return int(layers)
    return int(config.num_hidden_layers)


def hidden_pages(head: Head, reading: Row[Reading], name: str = "") -> TaskRun[tuple[Page, ...]]:
    """Show the hidden states of a row, which is read alone: those of the encoder first, if there are two stacks."""
    [observed] = yield from head.observe([reading])
    return tuple(hidden_page(states, name) for states in observed.stacks)


def hidden_page(states: LayerStates, row: str = "") -> Page:
    """Show the hidden states of a stack of layers; the row has a name if the request has several."""
    batch, tokens, size = states.shape
    of = f" of the {states.part}" if states.part else ""
    facts = sentence("reading.shape", of=of, batch=batch, tokens=tokens, size=size)
    if row:
        facts = f"{facts} This is the row “{row}”, read alone."
    ends = [] if states.normalised is None else [states.normalised]
    norms, first = zip(*zip(states.norms, states.first, strict=True), *ends, strict=True)
    names = ["embeddings", *(f"layer {layer}" for layer in range(1, len(states.norms))), "final norm"][: len(norms)]
    said = sentence("reading.norms" if ends else "reading.norms-as-they-are")
    if tokens > 1:
        said = f"{said} {sentence('reading.first-apart')}"
    return page(
        "hidden-states",
        facts,
        said,
        table(column("norm", norms, Form.NORM), column("first token", first, Form.NORM), column("after", names)),
        picture=Norms(f"Length (L2 norm) of the hidden states{of}, median", states.norms),
        behind=states.part,
    )
