"""How a `/translate` answer came about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from bot.errors import InvalidRequest
from bot.inference.languages.lookup import language
from bot.inference.operations import TaskRun
from bot.inference.task import HeadKind
from bot.tasks.translate import (
    Rewriting,
    TranslateRequest,
    draft,
    prefix,
    rewrite,
)
from bot.tasks.translation.drafting import Drafting, scored_form
from bot.tasks.translation.language_choice import LanguageChoice
from bot.tasks.translation.passages import Document
from bot.tasks.translation.phrasebook import PHRASES, dictionary
from bot.tasks.work.architecture import architecture
from bot.tasks.work.pieces import Decision, Piece, Prepared, Work
from bot.tasks.work.pieces import Written as WrittenText
from bot.tasks.work.reading import hidden_states, tokens_read
from bot.tasks.work.request import Explain, Written
from bot.tasks.work.wording import in_brackets, number
from bot.tasks.work.written import WRITTEN_BY_ANOTHER, check, check_vocabulary, numbered, rewriting_several, seen

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.generation.token_logprobs import ForcedText, TokenLogProbs
    from bot.inference.heads.seq2seq_lm import Seq2SeqLM

NO_WORDS = "There are no words to translate, so the text stays as it is."


def explain_rewriting(head: Seq2SeqLM, request: TranslateRequest, written: Written = ()) -> TaskRun[Work]:
    """By an encoder-decoder.

    Args:
        written: the translation's token ids; where there are none, it is written first.

    Raises:
        InvalidRequest: the checkpoint does not know the languages, or cannot have written the translation.
    """
    plan = Rewriting.of(head, request)
    if not plan.rows:
        return Work("translate", (Decision(NO_WORDS),))
    if not any(written):
        result = yield from rewrite(head, request)
        written = (*result.drafts, result.ids)
    used = _used(plan.document, written, lambda ids: head.decode_whole(ids).strip())
    rows = [plan.rows[place] for place in used]
    if len(rows) != len(written):
        raise InvalidRequest(WRITTEN_BY_ANOTHER)
    texts = [text for passage in plan.document.passages for text in passage.readings]
    spoken = plan.languages
    front = prefix(head, spoken.source, spoken.target)
    prepared = Prepared(tuple(front + texts[place] for place in used), _told(head, spoken))
    pieces = yield from rewriting_several(head, rows, written, "part")
    return Work("translate", (prepared, *pieces))


def _used(
    document: Document,
    written: Sequence[tuple[int, ...]],
    decode: Callable[[Sequence[int]], str],
    is_read: Callable[[int], bool] = lambda place: True,
) -> list[int]:
    """Places of the readings that a translation is made of (see `Passage.assembled`), as its texts tell.

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
    """How the model learns which languages are meant."""
    names = language(spoken.source).name, language(spoken.target).name
    if prefix(head, spoken.source, spoken.target):
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
    """How the source was found out, if it was."""
    detection = spoken.detection
    if detection is None:
        return ""
    name = language(spoken.source).name
    if not detection.told:
        return f" Nothing in the text tells its language, so it is read as {name}."
    likely = detection.guesses[0].probability
    return f" By its letters, the text is {name} with a probability of {100 * likely:.0f} % (see `from`)."


def explain_drafts(head: CausalLM, request: TranslateRequest, written: Written = ()) -> TaskRun[Work]:
    """By a causal language model that is shown translated sentences: what decided between its drafts.

    Args:
        written: the translation's token ids; where there are none, it is written first.

    Raises:
        InvalidRequest: the checkpoint does not know the languages, or cannot have written the translation.
    """
    plan = Drafting.of(head, request.text, request.source, request.target)
    ids = _flat(written)
    if not ids:
        result = yield from draft(head, request)
        ids = result.ids
    parts = _split(head, ids)
    used = _used(plan.document, parts, lambda ids: head.decode_whole(ids).strip(), plan.is_read)
    taken = [plan.sentences[place] for place in used]
    if not taken:
        return Work("translate", (Decision(NO_WORDS),))
    pieces = yield from _weighed(head, plan, taken, parts if len(parts) == len(taken) else [()] * len(taken))
    return Work("translate", pieces)


def _weighed(
    head: CausalLM, plan: Drafting, sentences: Sequence[str], parts: Sequence[tuple[int, ...]]
) -> TaskRun[tuple[Piece, ...]]:
    """The numbers by which drafts are weighed, of those that were taken.

    Args:
        parts: the token ids of each sentence's translation.
    """
    prompts = [dictionary(sentence, plan.languages.source, plan.languages.target) for sentence in sentences]
    asked = [head.encode(prompt) for prompt in prompts]
    there = [_greedy(head, *one) for one in zip(asked, parts, strict=True)]
    check(head, there)
    back = [_way_back(head, plan, *one) for one in zip(sentences, there, strict=True)]
    names = numbered("sentence", len(sentences))
    states = yield from hidden_states(head, head.reading(asked[0]), names[0])
    read = [*there, *back]
    found = yield from head.token_log_probs([one.row for one in read])
    pieces = seen(head, there, found[: len(there)], names, "Elsewhere a draft from another layout was taken.")
    cut = "the end of a sentence" if plan.truncated else None
    return (
        Prepared(tuple(prompts), _shown(plan)),
        tokens_read(head, asked, names if len(names) > 1 else (), truncated=cut, left=True),
        architecture(head),
        *states,
        # Each text ends with the line break that ended it.
        *(replace(piece, ended=True) if isinstance(piece, WrittenText) else piece for piece in pieces),
        *_weight(head, read, found),
    )


def _shown(plan: Drafting) -> str:
    names = language(plan.languages.source).name, language(plan.languages.target).name
    return (
        f"A causal language model goes on with a text, so each sentence stands at the end of {len(PHRASES['en'])} "
        f"sentences in {names[0]} with their {names[1]} translations. It is drafted in up to {plan.layouts} layouts of "
        f"them, and the drafts are compared in this one.{_found_out(plan.languages)}"
    )


def _greedy(head: CausalLM, prompt: tuple[int, ...], written: tuple[int, ...]) -> ForcedText:
    """A text of which each token is the likeliest; only as much of both as the context has room for."""
    from bot.inference.heads.generation.sampling import Sampling
    from bot.inference.heads.generation.token_logprobs import ForcedText

    kept = prompt[: head.context_length]
    return ForcedText(kept, written[: head.context_length - len(kept) + 1], Sampling.likeliest())


def _split(head: CausalLM, ids: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The ids of each sentence's translation, which ends with a line break."""
    check_vocabulary(head, ids)
    ends = [place for place, token in enumerate(ids, 1) if "\n" in head.decode([token])]
    return [ids[first:end] for first, end in zip([0, *ends], ends, strict=False)]


def _way_back(head: CausalLM, plan: Drafting, sentence: str, there: ForcedText) -> ForcedText:
    """The sentence as it would be translated from its own translation."""
    text = head.decode(there.written).strip()
    prompt = head.encode(dictionary(text, plan.languages.target, plan.languages.source))
    return _greedy(head, prompt, head.encode_rest(scored_form(sentence)))


def _weight(head: CausalLM, read: Sequence[ForcedText], found: Sequence[TokenLogProbs]) -> Iterator[Decision]:
    """How likely the taken drafts and the ways back from them are; nothing where the context has no room for them.

    Args:
        read: first the drafts, then as many ways back.
        found: what was found in each.
    """
    if any(len(one.prompt) + len(one.written) > head.context_length for one in read):
        return
    sums = [float(one.log_probs.sum()) for one in found]
    forward, backward = sum(sums[: len(sums) // 2]), sum(sums[len(sums) // 2 :])
    yield Decision(
        "A draft is weighed by its log-probability after the prompt, and by that of the way back, from the draft to "
        f"your text. Here these are {number(forward)} + {in_brackets(backward)} = {number(forward + backward)}. Of "
        "several drafts, the one with the largest sum is taken."
    )


def _flat(written: Written) -> tuple[int, ...]:
    return tuple(token for text in written for token in text)


EXPLANATIONS: Mapping[HeadKind, Explain] = {HeadKind.SEQ2SEQ_LM: explain_rewriting, HeadKind.CAUSAL_LM: explain_drafts}
