"""How a `/chat` answer came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.tasks.chat import TOP_P, ChatRequest, answer_in, read_prompt, reply, room_for_answer
from bot.tasks.prompts.chat_template import has_chat_template
from bot.tasks.work.blocks import Explanation, Page
from bot.tasks.work.ending import cut_off, without_end, without_rule
from bot.tasks.work.generate import SEED
from bot.tasks.work.pages import decision_page, explanation, text_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.written import continuations

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM

CIRCLING = (
    "The model went round in circles: what stands at the end was said for the third time. Small models never leave "
    "such circles, so what it only said again is cut off."
)
SPEAKS_FOR_ANOTHER = (
    "A transcript goes on with what the next person says, and the model went on to write that, too. So the answer ends "
    "before it."
)


def explain_reply(head: CausalLM, request: ChatRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model: what was written is read again.

    Args:
        written: token ids of the answer, as one text; without any, one is written first.

    Raises:
        InvalidRequest: the checkpoint cannot have written them.
    """
    from bot.inference.heads.generation.sampling import Sampling

    ids = next((text for text in written if text), ())
    if not ids:
        result = yield from reply(head, request, seed=SEED)
        ids = result.ids
    prompt, forgotten = read_prompt(head, request)
    sampling = Sampling(request.temperature, TOP_P, SEED)
    truncated = "the oldest part of the conversation" if forgotten else None
    pages, sentence = yield from continuations(head, prompt, [ids], sampling, truncated=truncated)
    how = f"{_form(head, prompt)} {_history(head, request, forgotten)}"
    return explanation(
        text_page(how, head.decode(prompt, skip_special_tokens=False), to_end=True),
        *pages,
        _ending(head, request, ids),
        decision_page(sentence),
    )


def _form(head: CausalLM, prompt: Sequence[int]) -> str:
    """Say in what form the model reads a conversation."""
    instruction = "In front stands an instruction that comes from this bot."
    if not has_chat_template(head):
        return (
            "This checkpoint has no chat template. So the conversation is written down, with who speaks before each "
            f"message, and the model continues it. {instruction}"
        )
    special = dict.fromkeys(token.text for token in head.tokens(prompt) if token.special)
    marks = f" Special tokens ({', '.join(special)}) mark where messages begin and end." if special else ""
    return (
        "This checkpoint was trained on conversations in one form, its chat template. Yours is put into it, up to "
        f"where the model's answer begins.{marks} {instruction}"
    )


def _history(head: CausalLM, request: ChatRequest, forgotten: int) -> str:
    """Say how much of the earlier conversation the model reads."""
    if not request.history:
        return "Nothing was said before."
    read = len(request.history) - forgotten
    kept = (
        f"Of what was said before, it has the last {_messages(read)}." if read else "What was said before is not in it."
    )
    if not forgotten:
        return kept
    older = "An older one" if forgotten == 1 else f"{forgotten} older ones"
    return (
        f"{kept} {older} had no room: the model reads {head.context_length:,} tokens at "
        f"most, and {room_for_answer(head):,} of them are kept free for the answer."
    )


def _messages(number: int) -> str:
    return "message with its answer" if number == 1 else f"{number} messages with their answers"


def _ending(head: CausalLM, request: ChatRequest, ids: Sequence[int]) -> Page:
    body = without_end(head, ids)
    answer = answer_in(head, request, body)
    if answer.circling:
        why = CIRCLING
    elif answer.speaks_for_another:
        why = SPEAKS_FOR_ANOTHER
    else:
        why = without_rule(head, ids, room_for_answer(head), head.end_ids)
    whole = head.decode(body)
    start = len(whole) - len(whole.lstrip())
    return cut_off(why, body, head.decode, head.decode_whole, start + len(answer.text))
