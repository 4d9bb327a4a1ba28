"""How a `/generate` answer came about."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.inference.task import HeadKind
from bot.tasks.generate import GenerateRequest, continue_text, read_prompt
from bot.tasks.work.endings import half_character, with_remark
from bot.tasks.work.pieces import Prepared, Work
from bot.tasks.work.request import Written
from bot.tasks.work.written import continuations

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

TAIL = "Behind it stand the last tokens of the text before, which ended with a part of a character."
SEED = 0
"""Of a text that is written only to be opened, so that all its pages are about the same one."""


def explain_continuations(head: CausalLM, request: GenerateRequest, written: Written = ()) -> TaskRun[Work]:
    """By a causal language model: what was written is read again.

    Args:
        written: token ids of each text; where there are none, a text is written first.

    Raises:
        InvalidRequest: the checkpoint cannot have written them.
    """
    from bot.inference.heads.generation.sampling import Sampling

    texts = [ids for ids in written if ids]
    if not texts:
        seed = SEED if request.seed is None else request.seed
        result = yield from continue_text(head, replace(request, seed=seed))
        texts = [one.ids for one in result.continuations]
    prompt = read_prompt(head, request)
    sampling = Sampling(request.temperature, request.top_p, seed=SEED)
    pieces = yield from continuations(
        head, prompt.ids, texts, sampling, truncated="the start of the prompt" if prompt.truncated else None
    )
    how = (
        "The prompt is cut at its start, so that the context has room for what is written."
        if prompt.truncated
        else "The prompt goes to the model as it is."
    )
    prepared = Prepared(
        (head.decode(prompt.ids) if prompt.truncated else request.prompt,), f"{how} {TAIL}" if prompt.tail else how
    )
    halves = (half_character(head, [*prompt.tail, *ids]) for ids in texts)
    return Work("generate", (prepared, *with_remark(pieces, next(filter(None, halves), ""))))


EXPLANATIONS = {HeadKind.CAUSAL_LM: explain_continuations}
