"""How a `/generate` answer came about."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.tasks.generate import GenerateRequest, continue_text, read_prompt
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.ending import half_character
from bot.tasks.work.pages import decision_page, explanation, text_page
from bot.tasks.work.reading import numbered
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.texts import spaced
from bot.tasks.work.wording import sentence
from bot.tasks.work.writing_evidence import postponed_writing
from bot.tasks.work.written import continuations

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

SEED = 0
"""Of a text that is written only to be opened, so that all its pages are about the same one."""


def explain_continuations(head: CausalLM, request: GenerateRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model."""
    from bot.inference.heads.generation.sampling import Sampling

    texts = [ids for ids in written if ids]
    if not texts:
        seed = SEED if request.seed is None else request.seed
        result = yield from continue_text(head, replace(request, seed=seed))
        texts = [one.ids for one in result.continuations]
    prompt = read_prompt(head, request)
    # Nothing is drawn again, so any seed will do.
    sampling = Sampling(request.temperature, request.top_p, seed=SEED)
    truncated = partial(sentence, "reading.start-of-prompt") if prompt.truncated else None
    pages, certainty = yield from continuations(head, prompt.ids, texts, sampling, truncated=truncated, can_branch=True)
    how = sentence("generate.cut" if prompt.truncated else "generate.whole")
    tail = sentence("generate.tail") if prompt.tail else None
    names = numbered("text", len(texts))
    half = next(filter(None, (half_character(head, [*prompt.tail, *ids]) for ids in texts)), None)
    return explanation(
        text_page(spaced(how, tail), head.decode(prompt.ids) if prompt.truncated else request.prompt),
        *pages,
        *(page for one in zip(texts, names, strict=True) for page in postponed_writing(request.prompt, *one)),
        decision_page((spaced(certainty, half),)),
    )
