"""Showing a causal language model what translating is: sentences whose translations are known, in several layouts.

The layouts and the sentences were chosen on the `dev` half of `bot/evaluation/labelled.toml`.
"""

from __future__ import annotations

from collections.abc import Iterator

from bot.inference.languages.lookup import language

PHRASES = {
    "en": (
        "Good morning!",
        "The girl is reading a book.",
        "Where do you live?",
        "I have a new bicycle.",
        "We are going to the beach tomorrow.",
        "He likes cheese very much.",
    ),
    "de": (
        "Guten Morgen!",
        "Das Mädchen liest ein Buch.",
        "Wo wohnst du?",
        "Ich habe ein neues Fahrrad.",
        "Wir gehen morgen an den Strand.",
        "Er mag Käse sehr gern.",
    ),
    "fr": (
        "Bonjour !",
        "La fille lit un livre.",
        "Où habites-tu ?",
        "J'ai un nouveau vélo.",
        "Nous allons à la plage demain.",
        "Il aime beaucoup le fromage.",
    ),
    "es": (
        "¡Buenos días!",
        "La niña lee un libro.",
        "¿Dónde vives?",
        "Tengo una bicicleta nueva.",
        "Vamos a la playa mañana.",
        "A él le gusta mucho el queso.",
    ),
    "it": (
        "Buongiorno!",
        "La ragazza legge un libro.",
        "Dove abiti?",
        "Ho una bicicletta nuova.",
        "Domani andiamo in spiaggia.",
        "A lui piace molto il formaggio.",
    ),
    "pt": (
        "Bom dia!",
        "A menina lê um livro.",
        "Onde você mora?",
        "Eu tenho uma bicicleta nova.",
        "Vamos à praia amanhã.",
        "Ele gosta muito de queijo.",
    ),
    "nl": (
        "Goedemorgen!",
        "Het meisje leest een boek.",
        "Waar woon je?",
        "Ik heb een nieuwe fiets.",
        "We gaan morgen naar het strand.",
        "Hij houdt erg van kaas.",
    ),
}
"""The same six sentences by language code."""


def layouts(sentence: str, source: str, target: str) -> list[str]:
    """Prompts after which a model writes the sentence's translation, up to the end of the line; the best one first.

    Args:
        sentence: one line, without double quotes.
        source: code of its language, one of `PHRASES`.
        target: code of the language to write, another one.
    """
    names = language(source).name, language(target).name
    pairs = list(zip(PHRASES[source], PHRASES[target], strict=True))
    return [
        dictionary(sentence, source, target),
        "".join(f'How do you say "{one}" in {names[1]}? {other}\n' for one, other in pairs)
        + f'How do you say "{sentence}" in {names[1]}?',
        "".join(f'The {names[1]} translation of "{one}" is "{other}"\n' for one, other in pairs)
        + f'The {names[1]} translation of "{sentence}" is "',
        "".join(f"{names[0]}: {one}\n{names[1]}: {other}\n\n" for one, other in pairs)
        + f"{names[0]}: {sentence}\n{names[1]}:",
        "".join(_quoted(names, pairs, sentence)),
        "".join(_quoted(names, pairs[1:4], sentence)),
    ]


def dictionary(sentence: str, source: str, target: str) -> str:
    """The layout that drafts are weighed in: how likely is a translation, and how likely is the way back?"""
    lines = "".join(f"{one} = {other}\n" for one, other in zip(PHRASES[source], PHRASES[target], strict=True))
    return f"{language(source).name} - {language(target).name} dictionary\n{lines}{sentence} ="


def _quoted(names: tuple[str, str], pairs: list[tuple[str, str]], sentence: str) -> Iterator[str]:
    for one, other in pairs:
        yield f'{names[0]}: "{one}"\n{names[1]}: "{other}"\n'
    yield f'{names[0]}: "{sentence}"\n{names[1]}: "'


def tidy(continuation: str) -> str:
    """The translation in what a model wrote after a layout."""
    line = continuation.split("\n")[0].strip(' "–=\t')
    return line.split('"')[0].strip()


def is_ended(continuation: str) -> bool:
    """Whether what a model wrote after a layout goes beyond the translation, whose end is therefore there."""
    line = continuation.strip(' "–=\t')
    return "\n" in line or '"' in line
