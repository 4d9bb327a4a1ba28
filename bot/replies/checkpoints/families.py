"""The three families of transformers, and what each is for."""

from __future__ import annotations

from bot.inference.checkpoints.catalogue import Family

NAMES = {Family.ENCODER: "encoder", Family.DECODER: "decoder", Family.ENCODER_DECODER: "encoder-decoder"}

PURPOSES = {
    Family.ENCODER: (
        "Reads a whole text at once, every token in view of all others: for classifying texts, finding named entities, "
        "marking the answer to a question in a text, comparing texts, and filling masks."
    ),
    Family.DECODER: (
        "Reads from left to right and predicts the next token: for generating text, completing text and code, and "
        "chat. With a prompt it can do the tasks of the other families too."
    ),
    Family.ENCODER_DECODER: (
        "Its encoder reads a text and its decoder writes another one: for translating and summarising."
    ),
}


def family_name(family: Family | None) -> str:
    """Return a family in words."""
    return "family not known yet" if family is None else NAMES[family]
