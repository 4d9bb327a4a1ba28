"""How a text becomes numbers: the text, its tokens, the model, its hidden states."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bot.inference.tokenization import tokens as inference
from bot.pictures.chips import Kind, Token, TokenRow, token_chips
from bot.pictures.norms import layer_norms
from bot.pictures.picture import Picture
from bot.pictures.wording import counted
from bot.replies.formatting.text import Keep
from bot.replies.work.blocks import MOST_ROWS, Block, Headed, Paragraph, Quote, Table
from bot.replies.work.numbers import decimal, token_text
from bot.replies.work.page import Page
from bot.tasks.work.pieces import Architecture, Family, HiddenStates, Prepared, Tokens

FEWEST_TOKENS = 8
"""Of each row, where there are many: the picture has more, and the file all."""

TEXT_ABOUT = "A model is given a text in the form that it was trained on. This is what it got."
TOKENS_ABOUT = (
    "A model reads numbers. The tokenizer cuts a text into tokens from a fixed vocabulary, and each token has an id. "
    "A `·` continues the word before it; special tokens are added by the tokenizer."
)
FAMILIES = {
    Family.ENCODER: (
        "An **encoder** reads the whole text at once, each token seeing those on both sides. "
        "That is good for judging and labelling texts."
    ),
    Family.DECODER: (
        "A **decoder** reads from left to right, each token seeing only those before it, and predicts the next one. "
        "That is good for writing."
    ),
    Family.ENCODER_DECODER: (
        "An **encoder-decoder** reads the whole text with one half, and works out its output with the other, which "
        "looks back at the first. That is good for turning one text into another."
    ),
}
HIDDEN_ABOUT = (
    "Each token is now a vector, and each layer changes it by what it finds in the others. "
    "The last layer's vectors are the `last_hidden_state`."
)


def text_page(piece: Prepared) -> Page:
    """The text as the model is given it."""
    keep = Keep.END if piece.to_end else Keep.START
    return Page("Text", TEXT_ABOUT, (Paragraph(piece.how), *(Quote(text, keep) for text in piece.texts)))


def tokens_page(piece: Tokens) -> Page:
    """The tokens of each row."""
    batch, sequence = piece.shape
    facts = f"input_ids: shape ({batch}, {sequence}), which is (batch, sequence)."
    if piece.note:
        facts = f"{facts} {piece.note}"
    blocks: list[Block] = [Paragraph(facts)]
    for place, row in enumerate(piece.rows):
        rows = tuple(map(_token_row, range(len(row)), row))
        table = Table(("#", "id", "token"), rows, most=max(FEWEST_TOKENS, MOST_ROWS // len(piece.rows)))
        name = _row_name(piece, place)
        blocks.append(Headed(name, table) if name else table)
    return Page("Tokens", TOKENS_ABOUT, tuple(blocks), partial(_chips, piece))


def model_page(piece: Architecture) -> Page:
    """The architecture."""
    facts = [
        ("model type", piece.model_type),
        ("family", piece.family.value),
        ("layers", _layers(piece)),
        ("attention heads", f"{piece.heads} in each layer"),
        ("hidden size", f"{piece.hidden_size:,}"),
        ("parameters", _millions(piece.parameters)),
        ("vocabulary", f"{piece.vocabulary:,} tokens"),
        ("reads at most", f"{piece.context:,} tokens"),
    ]
    return Page("Model", FAMILIES[piece.family], (Table(("", ""), tuple(facts)),))


def hidden_page(piece: HiddenStates) -> Page:
    """The shape and the norms of the hidden states."""
    batch, sequence, hidden = piece.shape
    of = f" of the {piece.part}" if piece.part else ""
    facts = (
        f"last_hidden_state{of}: shape ({batch}, {sequence}, {hidden}), which is (batch, sequence, hidden size): "
        f"{hidden:,} numbers for each of {sequence:,} tokens."
    )
    if piece.row:
        facts = f"{facts} This is the row “{piece.row}”, read alone."
    names = ["embeddings", *(f"layer {layer}" for layer in range(1, len(piece.norms)))]
    rows = tuple((_length(norm), name) for norm, name in zip(piece.norms, names, strict=True))
    explained = Paragraph("How long the vectors are on average (their Euclidean norm), before and after each layer:")
    name = f"Hidden states: {piece.part}" if piece.part else "Hidden states"
    return Page(name, HIDDEN_ABOUT, (Paragraph(facts), explained, Table(("norm", "after"), rows)), _norms(piece, of))


def _length(norm: float) -> str:
    return f"{norm:,.0f}" if 1_000 <= norm < 1e6 else decimal(norm, 2)


def _norms(piece: HiddenStates, of: str) -> Callable[[], Picture]:
    return partial(layer_norms, piece.norms, f"Mean length (L2 norm) of the hidden states{of}")


def _token_row(place: int, token: inference.Token) -> tuple[str, str, str]:
    return str(place), str(token.id), token_text(token)


def _row_name(piece: Tokens, place: int) -> str:
    if len(piece.rows) == 1:
        return ""
    number = counted(len(piece.rows[place]), "token")
    return f"{piece.names[place]}: {number}" if place < len(piece.names) else f"Row {place + 1}: {number}"


def _chips(piece: Tokens) -> Picture:
    rows = [
        TokenRow(
            tuple(
                Token(token.text, token.id, Kind.SPECIAL if token.special else Kind.WORD, token.starts_word)
                for token in row
            ),
            _row_name(piece, place),
        )
        for place, row in enumerate(piece.rows)
    ]
    return token_chips(rows, "Tokens")


def _layers(piece: Architecture) -> str:
    if piece.family is Family.ENCODER_DECODER:
        return f"{piece.layers} + {piece.decoder_layers} (decoder)"
    return str(piece.layers)


def _millions(number: int) -> str:
    """`66955010` → "66,955,010 (67 million)"."""
    for unit, name in ((1_000_000_000, "billion"), (1_000_000, "million")):
        if number >= unit:
            share = number / unit
            return f"{share:.1f} {name}" if share < 10 else f"{share:.0f} {name}"
    return f"{number:,}"
