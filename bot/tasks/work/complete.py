"""How a `/complete` answer came about."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.tasks.code.ending import EndReason
from bot.tasks.complete import TOP_P, CompleteRequest, completion, go_on, read_prompt
from bot.tasks.prompts.writing import ReadPrompt
from bot.tasks.work.blocks import Explanation, Page
from bot.tasks.work.ending import ending_page, without_end, without_rule
from bot.tasks.work.generate import SEED
from bot.tasks.work.pages import decision_page, explanation, text_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.texts import Sentence, grouped, spaced
from bot.tasks.work.wording import sentence
from bot.tasks.work.writing_evidence import postponed_writing
from bot.tasks.work.written import continuations

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

RULES = {EndReason.FENCE: "complete.fence", EndReason.NEW_BLOCK: "complete.new-block"}
"""The sentence on each rule that ends code."""


def explain_code(head: CausalLM, request: CompleteRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model."""
    from bot.inference.heads.generation.sampling import Sampling

    ids = next((text for text in written if text), ())
    if not ids:
        result = yield from go_on(head, request, seed=SEED)
        ids = result.ids
    prompt = read_prompt(head, request)
    sampling = Sampling(request.temperature, TOP_P, SEED)
    truncated = partial(sentence, "reading.start-of-code") if prompt.truncated else None
    pages, certainty = yield from continuations(head, prompt.ids, [ids], sampling, truncated=truncated, can_branch=True)
    text = head.decode(prompt.ids) if prompt.truncated else request.code
    return explanation(
        text_page(spaced(*_told(request, prompt)), text, to_end=True),
        *pages,
        *postponed_writing(request.code, ids),
        _ending(head, request, prompt, ids),
        decision_page((certainty,)),
    )


def _told(request: CompleteRequest, prompt: ReadPrompt) -> Iterator[Sentence]:
    """Yield sentences on the code as the model reads it."""
    language = request.code_language
    yield sentence("complete.in-blocks" if language.in_blocks else "complete.no-blocks", language=language.name)
    if prompt.truncated:
        yield sentence("complete.cut", tokens=grouped(request.max_new_tokens))
    if prompt.tail:
        yield sentence("generate.tail")


def _ending(head: CausalLM, request: CompleteRequest, prompt: ReadPrompt, ids: Sequence[int]) -> Page:
    body = without_end(head, ids)
    found = completion(request, prompt, body, complete=True)
    if found.reason is not None:
        why = sentence(RULES[found.reason])
    else:
        why = without_rule(head, ids, request.max_new_tokens, head.end_ids | set(head.tokenizer.all_special_ids))
    return ending_page(why, body, prompt.text, prompt.whole_text, len(found.text))
