"""What a model would predict after each of its layers, and what each layer adds to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bot.inference.operations import TaskRun
from bot.inference.tokenization.tokens import Token
from bot.tasks.work.blocks import Additions, Guesses, Page, column, table
from bot.tasks.work.following import as_they_follow
from bot.tasks.work.pages import page
from bot.tasks.work.texts import Form, Sentence, Words, lone, spaced
from bot.tasks.work.wording import later, sentence

if TYPE_CHECKING:
    from bot.inference.heads.causal_lm import CausalLM
    from bot.inference.heads.head import Head
    from bot.inference.heads.inspection.layer_lens import Lens, LensReading
    from bot.inference.heads.sequence_classifier import SequenceClassifier

SIGNS = str.maketrans({" ": "␣", "\n": "⏎", "\r": "⏎", "\t": "→"})
"""Of white space, as tables and pictures show it."""
LEAST_REST = 0.005
"""Of a difference of logits, that no layer has added: less is not worth a sentence."""


def layer_pages(
    head: Head, asked: LensReading, where: Callable[..., Sentence], behind: Words = ""
) -> TaskRun[tuple[Page, ...]]:
    """Show a prediction of a language model layer by layer; no pages if its layers are not known.

    Args:
        where: says which prediction this is, given `token` and `other`.
        behind: stands behind the pages' names.
    """
    [found] = yield from head.lens([asked.row])
    if found is None:
        return ()
    ids = [*found.likeliest.tolist(), found.token, found.other]
    return pages_of_lens(found, as_they_follow(head, ids), where, head.precision, behind)


def prompt_layer_pages(head: CausalLM, prompt: str, continuations: Sequence[str]) -> TaskRun[tuple[Page, ...]]:
    """Show how likely a causal language model finds the first token of two continuations of a prompt."""
    from bot.inference.heads.inspection.layer_lens import LensReading

    first, second = (head.encode_rest(one)[0] for one in continuations)
    where = partial(sentence, "layers.of-prompt", prompt=sentence("names.numbered", "prompt", number=1))
    if first == second:  # both begin with the same token
        return ()
    asked = LensReading(head.reading(head.encode(prompt)).inputs, -1, first, second)
    return (yield from layer_pages(head, asked, where))


def label_layer_pages(head: SequenceClassifier, asked: LensReading) -> TaskRun[tuple[Page, ...]]:
    """Show the labels of a sequence classifier layer by layer."""
    [found] = yield from head.lens([asked.row])
    if found is None or len(head.labels) < 2:
        return ()

    def where(token: str, other: str) -> Sentence:
        return sentence("layers.of-label", token=token, other=other)

    return pages_of_lens(found, dict(enumerate(head.labels)), where, head.precision)


def pages_of_lens(
    found: Lens, texts: Mapping[int, str], where: Callable[..., Words], precision: str, behind: Words = ""
) -> tuple[Page, Page]:
    """Show what was found.

    Args:
        texts: of tokens or labels, by their ids.
        where: says which prediction this is, given `token` and `other`.
        precision: the data type of the weights.
        behind: stands behind the pages' names.
    """
    token, other = texts[found.token], texts[found.other]
    name = _named(token)
    said = where(token=name, other=_named(other))
    ids = found.likeliest.tolist()
    guesses = [texts[one] for one in ids]
    is_rounded = precision != "float32"
    layers = [later("layer {number}", number=layer) for layer in range(1, len(guesses))]
    numbers = {"lens": float(found.differences[-1]), "model": found.difference}
    lens = page(
        "layers",
        said,
        _leading(found, name),
        sentence("layers.columns", token=name),
        table(
            column("p", found.probs.tolist(), Form.PERCENT),
            column(later("layer"), range(len(guesses))),
            # Translators: the probability of the likeliest; the title of a narrow column.
            column(later("best"), found.likeliest_probs.tolist(), Form.PERCENT),
            column(
                later("likeliest"),
                [lone(Token(text, one, False, True)) for one, text in zip(ids, guesses, strict=True)],
            ),
            most=len(guesses),
        ),
        sentence("layers.check-rounded" if is_rounded else "layers.check", token=name, **numbers),
        picture=Guesses(
            later("The likeliest, layer by layer"),
            tuple(guesses),
            tuple(found.likeliest_probs.tolist()),
            token,
            tuple(found.probs.tolist()),
        ),
        behind=behind,
    )
    total = float(found.shares.sum())
    rest = sentence("layers.rest", rest=found.rest) if abs(found.rest) >= LEAST_REST else None
    sums = {"shares": total, "difference": found.difference}
    additions = page(
        "additions" if found.is_direct else "changes",
        said,
        table(
            column(later("adds"), found.shares.tolist(), Form.SIGNED_TWO, total),
            # Translators: the sum so far; the title of a narrow column.
            column(later("so far"), found.shares.cumsum().tolist(), Form.SIGNED_TWO),
            column(later("layer"), [later("embeddings"), *layers], total=later("sum")),
            most=len(guesses),
        ),
        (spaced(sentence("layers.sum-rounded" if is_rounded else "layers.sum", **sums), rest),),
        picture=Additions(
            later("What each layer adds") if found.is_direct else later("What each layer changes"),
            tuple(found.shares.tolist()),
            token,
            other,
        ),
        behind=behind,
    )
    return lens, additions


def _named(token: str) -> str:
    """Return a token as sentences name it: signs for one that is only white space."""
    return token.strip() or white_space(token)


def white_space(text: str) -> str:
    """Return signs for a text of nothing but white space, in one line."""
    return "".join("␣" if one.isspace() else one for one in text.translate(SIGNS))


def _leading(found: Lens, token: str) -> Sentence:
    """Say from which layer on the token is the likeliest."""
    leads = (found.likeliest == found.token).tolist()
    layers = len(leads) - 1
    if not leads[-1]:
        return sentence("layers.never", token=token)
    first = next((index for index, leading in reversed(list(enumerate(leads))) if not leading), -1) + 1
    if first == layers:
        return sentence("layers.from-last", token=token, layers=layers)
    return sentence("layers.from-layer", token=token, layer=first, layers=layers)
