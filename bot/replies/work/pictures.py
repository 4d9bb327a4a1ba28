"""The pictures of pages, drawn from plain data."""

from __future__ import annotations

from bot.inference.tokenization.tokens import Token
from bot.pictures import attribution, chips, confidence, distribution, labels, layers
from bot.pictures import path as paths
from bot.pictures.bars import Unit, bars
from bot.pictures.norms import layer_norms
from bot.pictures.picture import Picture as Drawn
from bot.pictures.similarity import similarity_map
from bot.pictures.token_pairs import pair_map
from bot.pictures.vectors import vector_strips
from bot.replies.work.numbers import written
from bot.tasks.work import blocks
from bot.tasks.work.texts import Words


def draw(picture: blocks.Picture) -> Drawn:  # noqa: C901 (a case for each kind)
    """Draw a page's picture, in the current locale."""
    title = written(picture.title)
    match picture:
        case blocks.Bars(_, names, values, probabilities, marks):
            unit = Unit.PROBABILITY if probabilities else Unit.NUMBER
            return bars([written(name) for name in names], values, title, unit, [written(mark) for mark in marks])
        case blocks.Chips(_, rows):
            return chips.token_chips([_row(*row) for row in rows], title)
        case blocks.Norms(_, values):
            return layer_norms(values, title)
        case blocks.HeatMap(_, names, values):
            return similarity_map(names, values, title)
        case blocks.TokenPairs(_, rows, columns, values, cosine):
            return pair_map(rows, columns, values, cosine, title)
        case blocks.Strips(_, names, vectors):
            return vector_strips(names, vectors, title)
        case blocks.Confidence():
            return confidence.confidence_text(_generated(picture), title)
        case blocks.Reshaped(_, names, before, after, chosen):
            shown = zip(map(written, names), before, after, strict=True)
            return distribution.distribution([distribution.Candidate(*one) for one in shown], title, chosen)
        case blocks.Labels():
            return labels.labelled_tokens(_labelled(picture), title)
        case blocks.Guesses():
            return layers.layer_strip(_guessed(picture), picture.followed, title)
        case blocks.Additions(_, values, text, other):
            return layers.layer_shares(values, text, other, title)
        case blocks.Path(_, stations):
            return paths.path_map(
                [paths.Station(written(one.name), written(one.fact), one.page) for one in stations], title
            )
        case blocks.Scores(_, label, _, _, note, decimals, noun):
            return attribution.attribution(_scored(picture), written(label), title, written(note), decimals, noun)


def _row(name: Words, tokens: tuple[Token, ...]) -> chips.TokenRow:
    kinds = (chips.Kind.SPECIAL if token.special else chips.Kind.WORD for token in tokens)
    shown = zip(tokens, kinds, strict=True)
    return chips.TokenRow(
        tuple(chips.Token(one.text, one.id, kind, one.starts_word) for one, kind in shown), written(name)
    )


def _generated(picture: blocks.Confidence) -> list[confidence.GeneratedToken]:
    found = zip(picture.tokens, picture.probabilities, picture.alternatives, strict=True)
    return [
        confidence.GeneratedToken(text, probability, tuple(confidence.Alternative(*other) for other in others))
        for text, probability, others in found
    ]


def _labelled(picture: blocks.Labels) -> list[labels.LabelledToken]:
    found = zip(picture.tokens, picture.labels, picture.kinds, picture.probabilities, strict=True)
    return [
        labels.LabelledToken(token.text, label, kind, probability, token.starts_word)
        for token, label, kind, probability in found
    ]


def _guessed(picture: blocks.Guesses) -> list[layers.LayerGuess]:
    found = zip(picture.texts, picture.probabilities, picture.followed_probabilities, strict=True)
    return [layers.LayerGuess(*one) for one in found]


def _scored(picture: blocks.Scores) -> list[attribution.ScoredToken]:
    pairs = zip(picture.tokens, picture.values, strict=True)
    return [attribution.ScoredToken(token.text, value, token.starts_word) for token, value in pairs]
