"""The results of `/similarity` as replies."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import combinations

from bot.inference.requests import Answer
from bot.locales.message import _, later, plural
from bot.locales.numbers import whole
from bot.pictures.similarity import cosine as number
from bot.pictures.similarity import similarity_map
from bot.replies.formatting.bars import NO_BREAK_SPACE, bar
from bot.replies.formatting.text import quoted
from bot.replies.reply import Colour, Draft, Drawing, Reply, truncation
from bot.tasks.similarity import SimilarityRequest, SimilarityResult

QUOTE = 600
"""Units of a text that is quoted by itself."""
TEXT = 120
"""Units of one of several texts."""
MOST_PAIRS = 12
FEWEST_FOR_A_PICTURE = 3
# Translators: keep the asterisks: Discord shows the sentence in italics.
SCALE = later("*1 is the same meaning to this model, 0 is nothing in common.*")


def render(request: SimilarityRequest, answer: Answer[SimilarityResult]) -> Reply:
    """Render two texts with their cosine, a ranking by likeness to the first text, or the pairs of several texts."""
    result = answer.result
    draft = Draft(Colour.SIMILARITY)
    if len(request.texts) == 2:
        cosine = result.cosines[0][1]
        draft.title = _("Cosine similarity {number}", number=number(cosine))
        first, second = (draft.fit(text, QUOTE, quoted) for text in request.texts)
        draft.lines = [first, "", second, "", line(cosine)]
    elif request.ranked:
        _ranking(draft, request.texts, result.cosines[0])
    else:
        _pairs(draft, request.texts, result)
    draft.lines += ["", str(SCALE)]
    unread = truncation(result.truncated, "longest text")
    whole = [*(f"[{index}] {text}" for index, text in enumerate(request.texts, 1)), "", *_table(result.cosines)]
    reply = draft.reply("similarity", answer, "\n".join(whole), unread)
    if len(request.texts) < FEWEST_FOR_A_PICTURE:
        return reply
    draw = partial(similarity_map, request.texts, result.cosines, _("Cosine similarity"))
    return replace(reply, drawing=Drawing("similarity.png", draw))


def _ranking(draft: Draft, texts: Sequence[str], cosines: Sequence[float]) -> None:
    order = sorted(range(1, len(texts)), key=lambda index: -cosines[index])
    draft.title = draft.fit(_("Most alike: {text}", text=" ".join(texts[order[0]].split())), 200)
    draft.lines = [draft.fit(texts[0], QUOTE, quoted), ""]
    for rank, index in enumerate(order):
        shown = _short(draft, texts[index])
        draft.lines.append(f"{line(cosines[index])} {shown if rank else f'**{shown}**'}")


def _pairs(draft: Draft, texts: Sequence[str], result: SimilarityResult) -> None:
    pairs = sorted(combinations(range(len(texts)), 2), key=lambda pair: -result.cosines[pair[0]][pair[1]])
    draft.title = plural("{count} text", "{count} texts", len(texts))
    draft.lines = [*(f"`{index}` {_short(draft, text)}" for index, text in enumerate(texts, 1)), ""]
    draft.lines += [f"{line(result.cosines[i][j])} {_numbers_of(i, j)}" for i, j in pairs[:MOST_PAIRS]]
    if len(pairs) > MOST_PAIRS:
        draft.cut = True
        more = len(pairs) - MOST_PAIRS
        draft.lines.append(plural("… and {number} more pair", "… and {number} more pairs", more, number=whole(more)))


def _numbers_of(one: int, other: int) -> str:
    # Translators: the numbers of two texts that are compared.
    return _("{one} and {other}", one=one + 1, other=other + 1)


def line(cosine: float) -> str:
    """Return a bar and a number in a code span. A negative cosine has an empty bar."""
    return f"`{bar(cosine)}{NO_BREAK_SPACE}{number(cosine).rjust(5, NO_BREAK_SPACE)}`"


def _short(draft: Draft, text: str) -> str:
    return draft.fit(" ".join(text.split()), TEXT)


def _table(cosines: Sequence[Sequence[float]]) -> Iterator[str]:
    yield "     " + "".join(f"{f'[{index}]':>7}" for index in range(1, len(cosines) + 1))
    for index, row in enumerate(cosines, 1):
        yield f"{f'[{index}]':>5}" + "".join(f"{number(cosine):>7}" for cosine in row)
