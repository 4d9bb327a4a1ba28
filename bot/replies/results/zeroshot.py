"""The results of `/zeroshot` as replies."""

from __future__ import annotations

from bot.inference.requests import Answer
from bot.locales.lists import enumerated
from bot.locales.message import _, later
from bot.replies.formatting.text import quoted
from bot.replies.reply import QUOTE, Colour, Draft, Reply, plain_scores, truncation
from bot.tasks.zeroshot import ZeroShotRequest, ZeroShotResult

# Translators: keep the asterisks: Discord shows the sentence in italics.
SEVERAL_APPLY = later("*Several labels may apply, so the numbers need not add up to 100 %.*")


def render(request: ZeroShotRequest, answer: Answer[ZeroShotResult]) -> Reply:
    """Render the labels that fit as the title, the text, and every label with its bar."""
    result = answer.result
    fitting = sum(score.probability >= 0.5 for score in result.scores) if result.multi_label else 1
    draft = Draft(Colour.ZEROSHOT)
    chosen = enumerated(score.label for score in result.scores[:fitting])
    # Translators: the title of a reply: no label fits the text.
    draft.title = draft.fit(chosen, 200) if fitting else _("None of these labels")
    draft.lines = [draft.fit(request.text, QUOTE, quoted), "", draft.bars(result.scores, bold=fitting)]
    if result.multi_label:
        draft.lines += ["", str(SEVERAL_APPLY)]
    whole = f"{request.text}\n\n{plain_scores(result.scores)}"
    return draft.reply("zeroshot", answer, whole, truncation(result.truncated))
