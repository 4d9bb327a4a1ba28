"""The largest picture of each kind, and how long it takes: `python -m tests.pictures.largest`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median

import numpy as np

from bot.pictures import (
    attention,
    attribution,
    bars,
    chips,
    confidence,
    distribution,
    labels,
    layers,
    similarity,
    vectors,
)
from bot.pictures.norms import layer_norms
from bot.pictures.picture import Picture

ROUNDS = 9
SCRIPTS = {
    "latin": ("understanding", "promises", "Straße", "naïveté", "&@everyone", "```py"),
    "cjk": ("絵文字認識", "変換器", "語彙", "한국어토큰", "學習", "トークン化"),
    "arabic": ("مرحبا", "محولات", "انتباه", "والكلمات", "العربية", "سلام"),
    "emoji": ("👩\u200d👩\u200d👧", "🏳️\u200d🌈", "😀😀😀", "👍🏽", "❤️", "🇩🇪"),
}
SCRIPTS["mixed"] = tuple(text for texts in zip(*SCRIPTS.values(), strict=True) for text in texts)


def words(script: str, number: int) -> list[str]:
    """Different texts, so that nothing that was drawn once is of use again."""
    texts = SCRIPTS[script]
    return [f"{texts[index % len(texts)]}{index}" for index in range(number)]


def largest(script: str) -> Iterator[tuple[str, Callable[[], Picture]]]:
    """Each kind of picture, with as much on it as it ever has, and a little more that has to be cut."""
    draws = np.random.default_rng(0)
    few, many, title = words(script, 24), words(script, 160), " ".join(words(script, 30))
    rows = [
        chips.TokenRow(
            tuple(chips.Token(text, 100_000 + index) for index, text in enumerate(many)), f"{row}: {title}", 1_000
        )
        for row in range(chips.MOST_ROWS + 1)
    ]
    yield "token chips, one text", partial(chips.token_chips, rows[:1], title)
    yield "token chips, a batch", partial(chips.token_chips, rows, title)
    scores = draws.normal(size=160).tolist()
    scored = [attribution.ScoredToken(text, score) for text, score in zip(many, scores, strict=True)]
    yield "attribution", partial(attribution.attribution, scored, title, title, title)
    for side in (12, attention.MOST_TOKENS):
        weights = draws.dirichlet(np.ones(side), side)
        draw = partial(attention.attention_map, many[:side], many[:side], weights, title)
        yield f"attention, {side} by {side}", draw
        yield f"attention, {side} by {side}, causal", partial(draw, causal=True)
    cosines = draws.uniform(-1, 1, (24, 24))
    yield "similarity", partial(similarity.similarity_map, few, cosines, title)
    yield "vectors", partial(vectors.vector_strips, few, draws.normal(size=(24, 1_024)), title)
    others = tuple(confidence.Alternative(text, 0.1) for text in few[:6])
    written = [
        confidence.GeneratedToken(f" {text}", float(share), others)
        for text, share in zip(many, draws.uniform(0, 1, 160), strict=True)
    ]
    yield "written text", partial(confidence.confidence_text, written, title)
    candidates = [distribution.Candidate(text, 0.05, 0.08) for text in few]
    yield "distribution", partial(distribution.distribution, candidates, title, 3)
    shares = draws.uniform(-9, 9, 24).tolist()
    yield "bars", partial(bars.bars, few, shares, title, bars.Unit.NUMBER)
    labelled = [labels.LabelledToken(text, f"B-{text}", text[:2], 0.5) for text in many]
    yield "labelled tokens", partial(labels.labelled_tokens, labelled, title)
    guesses = [layers.LayerGuess(text, 0.4, 0.2) for text in many]
    yield "layer by layer", partial(layers.layer_strip, guesses, many[-1], title)
    yield "what layers add", partial(layers.layer_shares, draws.normal(size=97).tolist(), many[0], many[1], title)
    yield "norms", partial(layer_norms, draws.uniform(1, 2_000, 97).tolist(), title)


def say(line: str) -> None:
    """Prints a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    """Prints, for each kind and script, medians of the time and of the processor's time, the bytes and the size."""
    say(f"{'kind':28} {'script':7} {'time':>8} {'cpu time':>8} {'bytes':>8}  pixels")
    for script in SCRIPTS:
        for kind, draw in largest(script):
            passed, worked = [], []
            for _ in range(ROUNDS):
                began, started = time.perf_counter(), time.thread_time()
                picture = draw()
                passed.append((time.perf_counter() - began) * 1_000)
                worked.append((time.thread_time() - started) * 1_000)
            times = f"{median(passed):5.0f} ms {median(worked):5.0f} ms"
            say(f"{kind:28} {script:7} {times} {len(picture.png):8,}  {picture.width} × {picture.height}")


if __name__ == "__main__":
    main()
