"""What `/attention` says of an attention sink, and of a rollout that says nothing."""

from __future__ import annotations

import numpy as np

from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.requests import Answer
from bot.inference.tokenization.tokens import Token
from bot.replies.reply import Reply
from bot.replies.results.attention import render
from bot.replies.results.attention_texts import DEGENERATE
from bot.tasks.attention import AttentionRequest, AttentionResult
from bot.tasks.attention_view import AttentionView, Heads, Shown

WORDS = ["I", "love", "to", "hate", "this", "course"]
TOKENS = tuple(Token(word, index, False, True) for index, word in enumerate(WORDS))


def weights(first: float) -> np.ndarray:
    """What is left by the first token goes to each token itself, and a tenth of that to the token before."""
    found = np.zeros((len(WORDS), len(WORDS)), np.float32)
    found[0, 0] = 1
    for row in range(1, len(WORDS)):
        found[row, row] = 0.9 * (1 - first)
        found[row, row - 1] += 0.1 * (1 - first)
        found[row, 0] += first
    return found


def rendered(matrix: np.ndarray, heads: Heads = Heads.AVERAGE) -> Reply:
    shown = Shown(matrix, AttentionView(Part.DECODER, 30, heads), (Part.DECODER,), 30, 9)
    result = AttentionResult(TOKENS, TOKENS, shown, shortened=False)
    return render(AttentionRequest(" ".join(WORDS), "generate"), Answer(result, "tiny", "cpu", "float32", 0.1))


def test_a_sink_is_named_and_the_strongest_pairs_are_the_others() -> None:
    reply = rendered(weights(0.7))
    text = reply.embed.description or ""

    assert "“I” alone gets 0.71 of all weight: an **attention sink**" in text
    assert "open question" in text
    assert all(source in text for source in ("2309.17453", "2402.17762", "2504.02732"))
    assert "Strongest without it: “love” to “love” 0.27, " in text
    assert reply.drawing is not None
    alt = reply.drawing.draw().alt
    assert "“I” gets 0.71 of all weight. Strongest of the others: “love” to “love” 0.27" in alt


def test_without_a_sink_nothing_is_left_out() -> None:
    text = rendered(weights(0.1)).embed.description or ""

    assert "sink" not in text
    assert "Strongest: “love” to “love” 0.81" in text


def test_a_rollout_of_the_same_rows_is_withheld() -> None:
    same = np.zeros((len(WORDS), len(WORDS)), np.float32)
    same[:, 0] = 1
    withheld, shown = rendered(same, Heads.ROLLOUT), rendered(weights(0.2), Heads.ROLLOUT)

    assert str(DEGENERATE) in (withheld.embed.description or "")
    assert withheld.drawing is None
    assert withheld.pages is not None  # another view can still be chosen
    assert "**estimate**" in (shown.embed.description or "")
    assert shown.drawing is not None
