"""Reading texts: characters, labels, sentences, chunks, quotes, code."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

from bot.batches.formats import Format, answered_name
from bot.errors import InvalidRequest
from bot.inference.languages.lookup import find_language
from bot.tasks.code.ending import code_end
from bot.tasks.code.fence import unfenced
from bot.tasks.prompts.speakers import LONGEST_NAME, said, speaker_name
from bot.tasks.similarity import parse_texts
from bot.tasks.summarization.chunks import chunks
from bot.tasks.translation.passages import Document
from bot.tasks.translation.protected import pieces, without_protected
from bot.text.accepted import clean_text
from bot.text.characters import identity, visible, whole_characters
from bot.text.graphemes import Graphemes
from bot.text.label_list import parse_labels
from bot.text.markup import markup
from bot.text.quotes import find_quote, same_words
from bot.text.sentences import sentence_ends, sentences
from tests.fuzz.choices import Choices
from tests.fuzz.invariants import accepted
from tests.fuzz.target import by_name

LANGUAGES = ("en", "de", "zh", "th", "pt-BR", "")


def characters(choices: Choices) -> None:
    """What is visible is so for good, and two texts are the same for people if their keys are."""
    text = choices.text()
    seen = visible(text)
    assert visible(seen) == seen == unicodedata.normalize("NFC", seen).strip()
    assert visible(unicodedata.normalize("NFD", seen)) == seen
    assert identity(identity(text)) == identity(text)
    whole_characters(text).encode()
    cleaned = accepted(lambda: clean_text(text), refusals=InvalidRequest)
    assert cleaned is None or clean_text(cleaned) == cleaned == seen


def graphemes(choices: Choices) -> None:
    """A span that is widened is one of whole graphemes."""
    text = choices.text()
    found = Graphemes(text)
    first, second = sorted((choices.number(0, len(text)), choices.number(0, len(text))))
    start, end = found.widened(first, second)
    assert {start, end} <= {*found.borders}
    assert text[start:end].strip() == text[start:end] or start == end


def labels(choices: Choices) -> None:
    """Each label is a part of the text, and labels that are written in quotation marks are those that are read."""
    text = choices.text()
    found = parse_labels(text)
    assert all(label in text for label in found)
    plain = ["".join(one for one in label if one.isalnum())[:40] for label in found]
    plain = [label for label in plain if label]
    if plain:
        assert list(parse_labels(", ".join(f'"{label}, {label}"' for label in plain))) == [
            f"{one}, {one}" for one in plain
        ]
    assert all("\n" not in one for one in parse_texts(text))


def splitting(choices: Choices) -> None:
    """Sentences are the whole text, and so are chunks but for white space."""
    text, language = whole_characters(choices.text())[:600], choices.one_of(LANGUAGES)
    found = sentences(text, language)
    assert "".join(found) == text
    ends = list(sentence_ends(text, language))
    assert ends == sorted({*ends}), ends
    assert all(0 < end <= len(text) for end in ends)
    room = choices.number(1, 40)
    parts = chunks(text, room, len)
    assert all(len(part) <= room for part in parts) or parts == [text]
    assert "".join("".join(parts).split()) == "".join(text.split())


def quoting(choices: Choices) -> None:
    """A quote is found as a span of whole graphemes of the text, and a text's own words are the same."""
    text, quote, question = choices.text(), choices.text(), choices.text()
    span = find_quote(text, quote, question)
    assert span is None or 0 <= span.start < span.end <= len(text)
    assert same_words(text, text)


def documents(choices: Choices) -> None:
    """What is taken apart for a translation and put together again is the text."""
    text = whole_characters(choices.text())
    assert "".join(piece.text for piece in pieces(text)) == text
    document = Document.of(text, lambda line: sentences(line, "en"))
    assert (
        document.with_translations("".join(one.text for one in passage.pieces) for passage in document.passages) == text
    )
    copied = [reading for passage in document.passages for reading in passage.readings]
    document.translated(copied)
    without_protected(text)
    spans = markup(text).spans
    assert all(before.end <= after.start for before, after in pairwise(spans))


def code(choices: Choices) -> None:
    """Code that was taken out of its fences is in none any more, and new code ends within itself."""
    language = choices.one_of(("", "md", "py", "c++", "nonsense"))
    text, new = choices.text(), choices.text()
    found = unfenced(text, language)
    assert unfenced(found.code, language or found.language).code == found.code
    assert found.code in text
    end = code_end(text, new, in_blocks=choices.flag(), complete=choices.flag())
    assert end is None or 0 <= end.offset <= len(new)


def names(choices: Choices) -> None:
    """A language that is found is found by its code again; a speaker's name is one line without a colon."""
    text = choices.text()
    found = accepted(lambda: find_language(text), refusals=InvalidRequest)
    assert found is None or find_language(found.code).code == found.code
    name = speaker_name(text)
    assert 0 < len(name) <= LONGEST_NAME
    assert ":" not in name
    assert speaker_name(name) == name
    lines = said(name, choices.text(), [name]).splitlines()
    assert all(not line.startswith(f"{name}:") for line in lines[1:])
    answer = answered_name(text, Format.CSV)
    assert answer.endswith("-answered.csv")
    assert not {*answer} & {*"/\\\0\n\r"}


TARGETS = by_name(characters, graphemes, labels, splitting, quoting, documents, code, names)
