"""How a `/complete` answer came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.tasks.code.ending import EndReason
from bot.tasks.complete import TOP_P, CompleteRequest, completion, go_on, read_prompt
from bot.tasks.prompts.writing import ReadPrompt
from bot.tasks.work.blocks import Explanation, Page
from bot.tasks.work.ending import cut_off, without_end, without_rule
from bot.tasks.work.generate import SEED, TAIL
from bot.tasks.work.pages import decision_page, explanation, text_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.written import continuations

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

RULES = {
    EndReason.FENCE: (
        "The model closes a code fence that nobody has opened, as chat models do before they explain what they wrote. "
        "So the code ends before it."
    ),
    EndReason.NEW_BLOCK: (
        "A block has been left, and the next line begins something new at the left margin: what was to be written is "
        "complete, so the code ends before that line."
    ),
}
"""By which rule code has ended."""


def explain_code(head: CausalLM, request: CompleteRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model: what was written is read again.

    Args:
        written: token ids of the code that followed, as one text; without any, one is written first.

    Raises:
        InvalidRequest: the checkpoint cannot have written them.
    """
    from bot.inference.heads.generation.sampling import Sampling

    ids = next((text for text in written if text), ())
    if not ids:
        result = yield from go_on(head, request, seed=SEED)
        ids = result.ids
    prompt = read_prompt(head, request)
    sampling = Sampling(request.temperature, TOP_P, SEED)
    truncated = "the start of the code" if prompt.truncated else None
    pages, sentence = yield from continuations(head, prompt.ids, [ids], sampling, truncated=truncated)
    how = _how(request, is_cut=prompt.truncated, has_tail=bool(prompt.tail))
    return explanation(
        text_page(how, head.decode(prompt.ids) if prompt.truncated else request.code, to_end=True),
        *pages,
        _ending(head, request, prompt, ids),
        decision_page(sentence),
    )


def _how(request: CompleteRequest, *, is_cut: bool, has_tail: bool) -> str:
    language = request.code_language
    rule = "so it ends where a block does" if language.in_blocks else "which has no blocks to end with"
    sentences = [
        "The code goes to the model as it is, without an instruction. White space at its end is left out, because "
        "models write a line break and the indentation after it as one token.",
        f"It is taken for {language.name}, {rule}.",
    ]
    if is_cut:
        sentences.append(
            f"It is cut at its start, so that the context has room for the {request.max_new_tokens:,} tokens that may "
            "be written."
        )
    if has_tail:
        sentences.append(TAIL)
    return " ".join(sentences)


def _ending(head: CausalLM, request: CompleteRequest, prompt: ReadPrompt, ids: Sequence[int]) -> Page:
    body = without_end(head, ids)
    found = completion(request, prompt, body, complete=True)
    if found.reason is not None:
        why = RULES[found.reason]
    else:
        why = without_rule(head, ids, request.max_new_tokens, head.end_ids | set(head.tokenizer.all_special_ids))
    return cut_off(why, body, prompt.text, prompt.whole_text, len(found.text))
