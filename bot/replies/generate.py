"""What `/generate` answers."""

from __future__ import annotations

from bot.inference.requests import Answer
from bot.replies.reply import Colour, Draft, Reply, truncation
from bot.replies.text import CUT, Keep, bold, quoted
from bot.tasks.generate import Continuation, GenerateRequest, GenerateResult

INLINE_PROMPT = 300
"""Units of a prompt that its continuation follows in the same line."""
LONG_PROMPT = 600
ROOM = 3_100
"""Units of all continuations together."""
NOTHING = "*The model ended the text here.*"


def render(request: GenerateRequest, answer: Answer[GenerateResult]) -> Reply:
    """The prompt in bold and its continuation plain; several of them numbered, below the quoted prompt."""
    result = answer.result
    draft = Draft(Colour.GENERATE)
    if len(result.continuations) == 1 and "\n" not in result.prompt and len(result.prompt) <= INLINE_PROMPT:
        [only] = result.continuations
        draft.lines = [bold(result.prompt) + _shown(draft, only, ROOM)]
    else:
        draft.lines = [draft.fit(result.prompt, LONG_PROMPT, quoted, Keep.END)]
        draft.lines += _numbered(draft, result.continuations)
    seed = None if result.seed is None else f"seed {result.seed}"
    unread = truncation(result.truncated, "prompt", "start")
    return draft.reply("generate", answer, _whole(result), unread, fact=seed)


def _numbered(draft: Draft, continuations: tuple[Continuation, ...]) -> list[str]:
    room = ROOM // len(continuations)
    lines = []
    for place, continuation in enumerate(continuations, 1):
        number = f"`{place}` " if len(continuations) > 1 else ""
        lines += ["", number + _shown(draft, continuation, room).lstrip()]
    return lines


def _shown(draft: Draft, continuation: Continuation, limit: int) -> str:
    text = continuation.text.rstrip()
    if not text:
        return f" {NOTHING}"
    return draft.fit(text + ("" if continuation.finished else CUT), limit)


def _whole(result: GenerateResult) -> str:
    texts = [
        result.prompt + continuation.text + ("" if continuation.finished else CUT)
        for continuation in result.continuations
    ]
    return texts[0] if len(texts) == 1 else "\n\n".join(f"[{place}]\n{text}" for place, text in enumerate(texts, 1))
