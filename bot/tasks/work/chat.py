"""How a `/chat` answer came about."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.tasks.chat import TOP_P, ChatRequest, answer_in, read_prompt, reply, room_for_answer
from bot.tasks.prompts.chat_template import has_chat_template
from bot.tasks.work.blocks import Explanation, Page
from bot.tasks.work.ending import ending_page, without_end, without_rule
from bot.tasks.work.generate import SEED
from bot.tasks.work.pages import decision_page, explanation, text_page
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.texts import Sentence, Text, grouped, spaced
from bot.tasks.work.wording import counted, later, listed, sentence
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
    truncated = partial(sentence, "reading.oldest-part") if forgotten else None
    pages, certainty = yield from continuations(head, prompt, [ids], sampling, truncated=truncated, can_branch=True)
    how = spaced(_form(head, prompt), _instruction(request), _history(head, request, forgotten))
    return explanation(
        text_page(how, head.decode(prompt, skip_special_tokens=False), to_end=True),
        *pages,
        *postponed_writing(request.message, ids),
        _ending(head, request, ids),
        decision_page((certainty,)),
    )


def _form(head: CausalLM, prompt: Sequence[int]) -> Text:
    """Say in what form the model reads a conversation."""
    if not has_chat_template(head):
        return sentence("chat.transcript")
    special = dict.fromkeys(token.text for token in head.tokens(prompt) if token.special)
    marks = sentence("chat.marks", tokens=listed([*special])) if special else None
    return spaced(sentence("chat.template"), marks)


def _instruction(request: ChatRequest) -> Sentence:
    """Say whose instruction the model reads first."""
    return sentence("chat.system" if request.system else "chat.own-system")


def _history(head: CausalLM, request: ChatRequest, forgotten: int) -> Text:
    """Say how much of the earlier conversation the model reads."""
    if not request.history:
        return later("Nothing was said before.")
    read = len(request.history) - forgotten
    nothing = later("What was said before is not in it.")
    kept = counted("chat.kept", read, messages=read) if read else nothing
    if not forgotten:
        return kept
    room = {"context": grouped(head.context_length), "answer": grouped(room_for_answer(head))}
    return spaced(kept, counted("chat.forgotten", forgotten, older=forgotten, **room))


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
