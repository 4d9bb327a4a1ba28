"""How a `/chat` answer came about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.tasks.chat import TOP_P, ChatRequest, answer_in, read_prompt, reply, room_for_answer
from bot.tasks.prompts.chat_template import has_chat_template
from bot.tasks.work.blocks import Explanation, Page
from bot.tasks.work.ending import ending_page, without_end, without_rule
from bot.tasks.work.generate import SEED
from bot.tasks.work.pages import decision_page, explanation, text_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.wording import sentence
from bot.tasks.work.writing_evidence import postponed_writing
from bot.tasks.work.written import continuations

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM


def explain_reply(head: CausalLM, request: ChatRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model."""
    from bot.inference.heads.generation.sampling import Sampling

    ids = next((text for text in written if text), ())
    if not ids:
        result = yield from reply(head, request, seed=SEED)
        ids = result.ids
    prompt, forgotten = read_prompt(head, request)
    sampling = Sampling(request.temperature, TOP_P, SEED)
    truncated = "the oldest part of the conversation" if forgotten else None
    pages, certainty = yield from continuations(head, prompt, [ids], sampling, truncated=truncated, can_branch=True)
    how = f"{_form(head, prompt)} {_instruction(request)} {_history(head, request, forgotten)}"
    return explanation(
        text_page(how, head.decode(prompt, skip_special_tokens=False), to_end=True),
        *pages,
        *postponed_writing(request.message, ids),
        _ending(head, request, ids),
        decision_page(certainty),
    )


def _form(head: CausalLM, prompt: Sequence[int]) -> str:
    """Say in what form the model reads a conversation."""
    if not has_chat_template(head):
        return sentence("chat.transcript")
    special = dict.fromkeys(token.text for token in head.tokens(prompt) if token.special)
    marks = f" Special tokens ({', '.join(special)}) mark where messages begin and end." if special else ""
    return sentence("chat.template", marks=marks)


def _instruction(request: ChatRequest) -> str:
    """Say whose instruction the model reads first."""
    return sentence("chat.system" if request.system else "chat.own-system")


def _history(head: CausalLM, request: ChatRequest, forgotten: int) -> str:
    """Say how much of the earlier conversation the model reads."""
    if not request.history:
        return "Nothing was said before."
    read = len(request.history) - forgotten
    messages = "message with its answer" if read == 1 else f"{read} messages with their answers"
    kept = sentence("chat.kept", messages=messages) if read else "What was said before is not in it."
    if not forgotten:
        return kept
    older = "An older one" if forgotten == 1 else f"{forgotten} older ones"
    room = {"context": head.context_length, "answer": room_for_answer(head)}
    return f"{kept} {sentence('chat.forgotten', older=older, **room)}"


def _ending(head: CausalLM, request: ChatRequest, ids: Sequence[int]) -> Page:
    body = without_end(head, ids)
    answer = answer_in(head, request, body)
    if answer.circling:
        why = sentence("chat.circling")
    elif answer.speaks_for_another:
        why = sentence("chat.speaks-for-another")
    else:
        why = without_rule(head, ids, room_for_answer(head), head.end_ids)
    whole = head.decode(body)
    start = len(whole) - len(whole.lstrip())  # the answer has no white space at its start
    return ending_page(why, body, head.decode, head.decode_whole, start + len(answer.text))
