"""How a `/translate` answer came about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import language
from bot.inference.operations import TaskRun
from bot.tasks import translate
from bot.tasks.translate import TranslateRequest
from bot.tasks.translation.drafting import Drafting, scored_form
from bot.tasks.translation.language_choice import LanguageChoice
from bot.tasks.translation.passages import Document
from bot.tasks.translation.phrasebook import PHRASES, dictionary
from bot.tasks.work.blocks import Explanation, Page
from bot.tasks.work.pages import decision_page, explanation, text_page
from bot.tasks.work.reading import beginning, numbered
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.texts import Form, LanguageName, Number, Sentence, Text, Words, spaced
from bot.tasks.work.wording import in_brackets, later, sentence
from bot.tasks.work.writing_evidence import postponed_writing
from bot.tasks.work.written import WRITTEN_BY_ANOTHER, check, check_vocabulary, least_by_layer, rewriting, token_pages

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.token_logprobs import ForcedText, TokenLogProbs
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM


def explain_rewriting(head: Seq2SeqLM, request: TranslateRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of an encoder-decoder.

    Raises:
        InvalidRequest: the checkpoint does not know the languages, or cannot have written the translation.
    """
    plan = translate.Rewriting.of(head, request)
    if not plan.rows:
        return explanation(decision_page(sentence("translate.no-words")))
    if not any(written):
        result = yield from translate.rewrite(head, request)
        written = (*result.drafts, result.ids)
    used = _used(plan.document, written, lambda ids: head.decode_whole(ids).strip())
    rows = [plan.rows[index] for index in used]
    if len(rows) != len(written):
        raise InvalidRequest(WRITTEN_BY_ANOTHER)
    texts = [text for passage in plan.document.passages for text in passage.readings]
    front = translate.prefix(head, plan.languages.source, plan.languages.target)
    pages, certainty = yield from rewriting(head, rows, written, noun="part")
    text = text_page(_told(head, plan.languages, front), *(front + texts[index] for index in used))
    why = _postponed([texts[index] for index in used], written, numbered("part", len(rows)))
    return explanation(text, *pages, *why, decision_page((certainty,)))


def _postponed(texts: Sequence[str], written: Sequence[Sequence[int]], names: Sequence[Words]) -> Iterator[Page]:
    """Postpone, of each translation, which words of its own text made the model write it."""
    for text, ids, name in zip(texts, written, names, strict=True):
        yield from postponed_writing(text, ids, name)


def _used(
    document: Document,
    written: Sequence[tuple[int, ...]],
    decode: Callable[[Sequence[int]], str],
    is_read: Callable[[int], bool] = lambda index: True,
) -> list[int]:
    """Return the indices of the readings that a translation is made of (see `Passage.assembled`).

    Args:
        written: the token ids of each text that it is made of.
        is_read: returns if a reading has words, by its index.
    """
    used: list[int] = []
    first = 0
    for passage in document.passages:
        number = len(passage.readings)
        # A passage with protected spans has several readings: the whole with stand-ins, and the words around these.
        copied = number == 1 or (len(used) < len(written) and passage.restored(decode(written[len(used)])) is not None)
        used += filter(is_read, [first] if copied else range(first + 1, first + number))
        first += number
    return used


def _told(head: Seq2SeqLM, spoken: LanguageChoice, front: str) -> Text:
    """Say how the model learns which languages are meant."""
    if front:
        said = sentence("translate.words-in-front", target=_names(spoken)["target"])
    elif head.language_codes:
        said = sentence("translate.language-codes", **_names(spoken))
    else:
        said = sentence("translate.one-pair", **_names(spoken))
    return spaced(said, _found_out(spoken))


def _names(spoken: LanguageChoice) -> dict[str, LanguageName]:
    return {"source": LanguageName(language(spoken.source).code), "target": LanguageName(language(spoken.target).code)}


def _found_out(spoken: LanguageChoice) -> Sentence | None:
    """Say how the source was found out, if it was."""
    if (detection := spoken.detection) is None:
        return None
    source = _names(spoken)["source"]
    if not detection.told:
        return sentence("translate.undetected", source=source)
    share = Number(100 * detection.guesses[0].probability, Form.WHOLE)
    return sentence("translate.detected", source=source, share=share)


def explain_drafts(head: CausalLM, request: TranslateRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model: the numbers that decided between its drafts.

    Raises:
        InvalidRequest: the checkpoint does not know the languages, or cannot have written the translation.
    """
    plan = Drafting.of(head, request.text, request.source, request.target)
    ids = tuple(token for text in written for token in text)
    if not ids:
        result = yield from translate.draft(head, request)
        ids = result.ids
    parts = _split(head, ids)
    used = _used(plan.document, parts, lambda ids: head.decode_whole(ids).strip(), plan.is_read)
    taken = [plan.sentences[index] for index in used]
    if not taken:
        return explanation(decision_page(sentence("translate.no-words")))
    return (yield from _weighed(head, plan, taken, parts if len(parts) == len(taken) else [()] * len(taken)))


def _weighed(
    head: CausalLM, plan: Drafting, sentences: Sequence[str], parts: Sequence[tuple[int, ...]]
) -> TaskRun[Explanation]:
    """Show the numbers by which drafts are weighed, of those that were taken.

    Args:
        parts: the token ids of each sentence's translation.
    """
    spoken = plan.languages
    prompts = [dictionary(one, spoken.source, spoken.target) for one in sentences]
    asked = [head.encode(prompt) for prompt in prompts]
    there = [_greedy(head, *one) for one in zip(asked, parts, strict=True)]
    check(head, there)
    back = [_way_back(head, plan, *one) for one in zip(sentences, there, strict=True)]
    names = numbered("sentence", len(sentences))
    how = sentence("translate.drafted", examples=len(PHRASES["en"]), layouts=plan.layouts, **_names(spoken))
    text = text_page(spaced(how, _found_out(spoken)), *prompts)
    cut = partial(sentence, "reading.end-of-sentence") if plan.truncated else None
    begun = yield from beginning(head, text, asked, head.reading(asked[0]), names, truncated=cut)
    read = [*there, *back]
    found = yield from head.token_log_probs([one.row for one in read])
    elsewhere = later("Elsewhere a draft from another layout was taken.")
    # Each text ends with the line break that ended it, even one that is cut because the context is too short.
    pages, certainty = token_pages(head, there, found[: len(there)], names, elsewhere=elsewhere, stop="")
    layers = yield from least_by_layer(head, there, found[: len(there)], names)
    why = _postponed(sentences, [one.written for one in there], names)
    return explanation(*begun, *pages, *layers, *why, decision_page((certainty,), *_weight(head, read, found)))


def _greedy(head: CausalLM, prompt: tuple[int, ...], written: tuple[int, ...]) -> ForcedText:
    """Return a text whose tokens were the likeliest ones, cut to the context."""
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.token_logprobs import ForcedText

    kept = prompt[: head.context_length]
    return ForcedText(kept, written[: head.context_length - len(kept) + 1], Sampling.likeliest())


def _split(head: CausalLM, ids: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the ids of each sentence's translation, which ends with a line break."""
    check_vocabulary(head, ids)
    ends = [index for index, token in enumerate(ids, 1) if "\n" in head.decode([token])]
    return [ids[first:end] for first, end in zip([0, *ends], ends, strict=False)]


def _way_back(head: CausalLM, plan: Drafting, sentence: str, there: ForcedText) -> ForcedText:
    """Return the sentence as it would be translated from its own translation."""
    text = head.decode(there.written).strip()
    prompt = head.encode(dictionary(text, plan.languages.target, plan.languages.source))
    return _greedy(head, prompt, head.encode_rest(scored_form(sentence)))


def _weight(head: CausalLM, read: Sequence[ForcedText], found: Sequence[TokenLogProbs]) -> Iterator[Sentence]:
    """Say how likely the drafts that were taken and the ways back are; nothing if the context has no room for them.

    Args:
        read: first the drafts, then as many ways back.
    """
    if any(len(one.prompt) + len(one.written) > head.context_length for one in read):
        return
    sums = [float(one.log_probs.sum()) for one in found]
    forward, backward = sum(sums[: len(sums) // 2]), sum(sums[len(sums) // 2 :])
    yield sentence("translate.weighed", forward=forward, backward=in_brackets(backward), total=forward + backward)
