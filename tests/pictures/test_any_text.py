"""Whatever a tokenizer or a person writes, there is a picture, and it keeps what is promised of every picture."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.pictures.attention import attention_map
from bot.pictures.attribution import ScoredToken, attribution
from bot.pictures.bars import Unit, bars
from bot.pictures.chips import Kind, Token, TokenRow, token_chips
from bot.pictures.confidence import Alternative, GeneratedToken, confidence_text
from bot.pictures.distribution import Candidate, distribution
from bot.pictures.layers import LayerGuess, layer_shares, layer_strip
from bot.pictures.norms import layer_norms
from bot.pictures.similarity import similarity_map
from tests.pictures.support import decoded

SCRIPTS = "aж日مש😀\u200d\ufe0f🇩🏽\u0301\u0e31 \n\t\x00\u202e\ud800\U0010ffff1,"
TEXTS = st.one_of(st.text(st.characters(), max_size=12), st.text(SCRIPTS, max_size=40), st.just("long " * 2000))
NUMBERS = st.floats()
SHARES = st.floats(0, 1)
FEW = settings(max_examples=12, deadline=None)

TOKENS = st.builds(Token, TEXTS, st.integers(0, 2**31), st.sampled_from(Kind), st.booleans(), st.booleans())
ROWS = st.builds(TokenRow, st.lists(TOKENS, max_size=60).map(tuple), TEXTS, st.integers(0, 10**6))
ALTERNATIVES = st.lists(st.builds(Alternative, TEXTS, NUMBERS), max_size=7).map(tuple)


@pytest.mark.measured_elsewhere
@FEW
@given(st.lists(ROWS, max_size=10), TEXTS)
def test_chips(rows: list[TokenRow], title: str) -> None:
    decoded(token_chips(rows, title))


@pytest.mark.measured_elsewhere
@FEW
@given(st.lists(st.builds(ScoredToken, TEXTS, NUMBERS, st.booleans()), max_size=100), TEXTS, TEXTS)
def test_attribution(tokens: list[ScoredToken], label: str, title: str) -> None:
    decoded(attribution(tokens, label, title, title))


@FEW
@given(st.lists(TEXTS, max_size=45), st.lists(TEXTS, max_size=45), TEXTS, st.booleans(), NUMBERS)
def test_heat_maps(rows: list[str], columns: list[str], title: str, causal: bool, value: float) -> None:
    values = np.full((len(rows), len(columns)), value)

    decoded(attention_map(rows, columns, values, title, causal=causal))
    decoded(similarity_map(rows, np.full((len(rows), len(rows)), value), title))


@pytest.mark.measured_elsewhere
@FEW
@given(st.lists(st.builds(GeneratedToken, TEXTS, NUMBERS, ALTERNATIVES), max_size=130), TEXTS)
def test_confidence(tokens: list[GeneratedToken], title: str) -> None:
    decoded(confidence_text(tokens, title))


@pytest.mark.measured_elsewhere
@FEW
@given(st.lists(st.tuples(TEXTS, NUMBERS), max_size=20), TEXTS, st.sampled_from(Unit))
def test_charts(pairs: list[tuple[str, float]], title: str, unit: Unit) -> None:
    decoded(bars([label for label, _ in pairs], [value for _, value in pairs], title, unit))
    decoded(layer_norms([value for _, value in pairs], title or "Norms"))
    guesses = [LayerGuess(text, value, value) for text, value in pairs]
    decoded(layer_strip(guesses, title, title))
    decoded(layer_shares([value for _, value in pairs], title, title or "b", title))
    candidates = [Candidate(text, value, value if math.isfinite(value) else 0.0) for text, value in pairs]
    decoded(distribution(candidates, title or "Settings", chosen=len(pairs)))
