"""How a `/translate` answer came about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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
from bot.tasks.work.blocks import Explanation
from bot.tasks.work.pages import decision_page, explanation, text_page
from bot.tasks.work.reading import beginning, numbered
from bot.tasks.work.request import WrittenIds
from bot.tasks.work.wording import in_brackets, number
from bot.tasks.work.written import WRITTEN_BY_ANOTHER, check, check_vocabulary, rewriting, seen

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.token_logprobs import ForcedText, TokenLogProbs
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

NO_WORDS = "There are no words to translate, so the text stays as it is."


def explain_rewriting(head: Seq2SeqLM, request: TranslateRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of an encoder-decoder.

    Args:
        written: the translation's token ids; without any, it is written first.

    Raises:
        InvalidRequest: the checkpoint does not know the languages, or cannot have written the translation.
    """
    plan = translate.Rewriting.of(head, request)
    if not plan.rows:
        return explanation(decision_page(NO_WORDS))
    if not any(written):
        result = yield from translate.rewrite(head, request)
        written = (*result.drafts, result.ids)
    used = _used(plan.document, written, lambda ids: head.decode_whole(ids).strip())
    rows = [plan.rows[place] for place in used]
    if len(rows) != len(written):
        raise InvalidRequest(WRITTEN_BY_ANOTHER)
    texts = [text for passage in plan.document.passages for text in passage.readings]
    spoken = plan.languages
    front = translate.prefix(head, spoken.source, spoken.target)
    pages, sentence = yield from rewriting(head, rows, written, noun="part")
    return explanation(
        text_page(_told(head, spoken), *(front + texts[place] for place in used)),
        *pages,
        decision_page(sentence),
    )


def _used(
    document: Document,
    written: Sequence[tuple[int, ...]],
    decode: Callable[[Sequence[int]], str],
    is_read: Callable[[int], bool] = lambda place: True,
) -> list[int]:
    """Return which readings a translation is made of (see `Passage.assembled`), as its texts tell.

    Args:
        written: the token ids of each text that it is made of.
        is_read: whether there is anything to read in one, by its place.
    """
    used: list[int] = []
    first = 0
    for passage in document.passages:
        number = len(passage.readings)
        copied = number == 1 or (len(used) < len(written) and passage.restored(decode(written[len(used)])) is not None)
        used += filter(is_read, [first] if copied else range(first + 1, first + number))
        first += number
    return used


def _told(head: Seq2SeqLM, spoken: LanguageChoice) -> str:
    """Say how the model learns which languages are meant."""
    names = language(spoken.source).name, language(spoken.target).name
    if translate.prefix(head, spoken.source, spoken.target):
        how = f"Words in front of the text tell the model what to do: to write {names[1]}."
    elif head.language_codes:
        how = (
            f"The text stays as it is. A token for {names[0]} stands beside it, and the decoder starts from one for "
            f"{names[1]}."
        )
    else:
        how = f"The text stays as it is: this checkpoint was trained to translate {names[0]} into {names[1]}."
    return f"{how}{_found_out(spoken)}"


def _found_out(spoken: LanguageChoice) -> str:
    """Say how the source was found out, if it was."""
    detection = spoken.detection
    if detection is None:
        return ""
    name = language(spoken.source).name
    if not detection.told:
        return f" Nothing in the text tells its language, so it is read as {name}."
    likely = detection.guesses[0].probability
    return f" By its letters, the text is {name} with a probability of {100 * likely:.0f} % (see `from`)."


def explain_drafts(head: CausalLM, request: TranslateRequest, written: WrittenIds = ()) -> TaskRun[Explanation]:
    """Open the answer of a causal language model: what decided between its drafts.

    Args:
        written: the translation's token ids; without any, it is written first.

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
    taken = [plan.sentences[place] for place in used]
    if not taken:
        return explanation(decision_page(NO_WORDS))
    return (yield from _weighed(head, plan, taken, parts if len(parts) == len(taken) else [()] * len(taken)))


def _weighed(
    head: CausalLM, plan: Drafting, sentences: Sequence[str], parts: Sequence[tuple[int, ...]]
) -> TaskRun[Explanation]:
    """Show the numbers by which drafts are weighed, of those that were taken.

    Args:
        parts: the token ids of each sentence's translation.
    """
    prompts = [dictionary(sentence, plan.languages.source, plan.languages.target) for sentence in sentences]
    asked = [head.encode(prompt) for prompt in prompts]
    there = [_greedy(head, *one) for one in zip(asked, parts, strict=True)]
    check(head, there)
    back = [_way_back(head, plan, *one) for one in zip(sentences, there, strict=True)]
    names = numbered("sentence", len(sentences))
    cut = "the end of a sentence" if plan.truncated else None
    text = text_page(_shown(plan), *prompts)
    begun = yield from beginning(head, text, asked, head.reading(asked[0]), names, truncated=cut, left=True)
    read = [*there, *back]
    found = yield from head.token_log_probs([one.row for one in read])
    elsewhere = "Elsewhere a draft from another layout was taken."
    # Each text ends with the line break that ended it, even one that is cut because the context is too short.
    pages, sentence = seen(head, there, found[: len(there)], names, elsewhere=elsewhere, stop="")
    return explanation(*begun, *pages, decision_page(sentence, *_weight(head, read, found)))


def _shown(plan: Drafting) -> str:
    names = language(plan.languages.source).name, language(plan.languages.target).name
    return (
        f"A causal language model goes on with a text, so each sentence stands at the end of {len(PHRASES['en'])} "
        f"sentences in {names[0]} with their {names[1]} translations. It is drafted in up to {plan.layouts} layouts of "
        f"them, and the drafts are compared in this one.{_found_out(plan.languages)}"
    )


def _greedy(head: CausalLM, prompt: tuple[int, ...], written: tuple[int, ...]) -> ForcedText:
    """Return a text of which each token is the likeliest, cut to the context."""
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.token_logprobs import ForcedText

    kept = prompt[: head.context_length]
    return ForcedText(kept, written[: head.context_length - len(kept) + 1], Sampling.likeliest())


def _split(head: CausalLM, ids: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the ids of each sentence's translation, which ends with a line break."""
    check_vocabulary(head, ids)
    ends = [place for place, token in enumerate(ids, 1) if "\n" in head.decode([token])]
    return [ids[first:end] for first, end in zip([0, *ends], ends, strict=False)]


def _way_back(head: CausalLM, plan: Drafting, sentence: str, there: ForcedText) -> ForcedText:
    """Return the sentence as it would be translated from its own translation."""
    text = head.decode(there.written).strip()
    prompt = head.encode(dictionary(text, plan.languages.target, plan.languages.source))
    return _greedy(head, prompt, head.encode_rest(scored_form(sentence)))


def _weight(head: CausalLM, read: Sequence[ForcedText], found: Sequence[TokenLogProbs]) -> Iterator[str]:
    """Say how likely the taken drafts and the ways back are; nothing if the context has no room for them.

    Args:
        read: first the drafts, then as many ways back.
        found: what was found in each.
    """
    if any(len(one.prompt) + len(one.written) > head.context_length for one in read):
        return
    sums = [float(one.log_probs.sum()) for one in found]
    forward, backward = sum(sums[: len(sums) // 2]), sum(sums[len(sums) // 2 :])
    yield (
        "A draft is weighed by its log-probability after the prompt, and by that of the way back, from the draft to "
        f"your text. Here these are {number(forward)} + {in_brackets(backward)} = {number(forward + backward)}. Of "
        "several drafts, the one with the largest sum is taken."
    )
