"""How faithful explanations are: what becomes of an answer without the words that an explanation names.

`python -m tests.bench.faithfulness FOLDER… [--encoder FOLDER] [--written FOLDER] [--translated] [--texts 30]` prints
the tables of docs/FAITHFULNESS.md, with folders of checkpoints: of classifiers and language models that answer
`/sentiment`, of an encoder that is made a classifier first, of a language model that writes. The encoder-decoder that
translates is trained on the spot.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import transformers

from bot.evaluation.labelled import read_examples
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.operations import run_task
from bot.inference.task import HeadKind
from bot.tasks import sentiment
from bot.tasks.generate import GenerateRequest, continue_text
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.translate import TranslateRequest
from bot.tasks.work.coalitions import Table
from bot.tasks.work.units import Units, words_of
from bot.tasks.work.word_evidence import label_value
from bot.tasks.work.writing_evidence import written_value
from bot.tasks.zeroshot import ZeroShotRequest
from tests.bench.attribution_methods import OF_LABELS, OF_PROMPTS, Method
from tests.bench.comparison import compare, lines
from tests.bench.erasure import Case, by_token, judge_of, masked_judge
from tests.bench.fine_tuning import folds, labelled
from tests.bench.source_methods import OF_TRANSLATIONS
from tests.bench.translations import translated_cases

EXACT_WORDS = 10
WRITTEN_TOKENS = 12

Comparison: TypeAlias = tuple[str, Iterator[Case], Mapping[str, Method]]
"""A title, what is explained, and the methods."""


def texts(number: int, most: int, every: Sequence[str]) -> list[str]:
    """Choose texts of three words or more, few enough for exact values."""
    found = [one for one in every if 3 <= len(words_of(one)) <= most]
    return random.Random(0).sample(found, min(number, len(found)))


def short_texts(number: int, most: int) -> list[str]:
    """Choose `dev` sentences: of `/sentiment`, and of `/translate` and `/zeroshot` where these are too few."""
    chosen = texts(number, most, [text for text, _ in labelled("dev")])
    asked = [one.request for one in read_examples("dev")]
    others = dict.fromkeys(one.text for one in asked if isinstance(one, TranslateRequest | ZeroShotRequest))
    return chosen + texts(number - len(chosen), most, list(others))


def labelled_cases(head: Any, chosen: Sequence[str]) -> Iterator[Case]:
    """Yield the answers of `/sentiment`."""
    for text in chosen:
        request, units = SentimentRequest(text), Units("word", tuple(words_of(text)))
        is_causal = head.kind is HeadKind.CAUSAL_LM
        if is_causal:
            label = 0 if run_task(sentiment.word_score(head, request)).positive >= 0.5 else 1
        else:
            label = int(run_task(sentiment.classification(head, request)).probabilities.argmax())
        value = label_value(head, request, label)
        judges = [judge_of(Table(units, value))] + ([] if is_causal else [masked_judge(head, units, label)])
        yield Case(head, units, value, tuple(judges), label)


def encoder_cases(encoder: Path, number: int, most: int) -> Iterator[Case]:
    """Make classifiers from an encoder, and yield what they answer about sentences that they were not trained on."""
    chosen = set(texts(number, most, [text for text, _ in labelled("dev")]))
    with tempfile.TemporaryDirectory() as folder:
        for fold in folds(encoder, Path(folder)):
            head: Any = load_head(fold.folder, Device("cpu", "float32"))
            right = [_is_right(head, *one) for one in fold.held_out]
            unseen = [_is_right(head, *one) for one in labelled("test")]
            _say(
                f"classifier: right in {sum(right)} of {len(right)} held out, {sum(unseen)} of {len(unseen)} of `test`"
            )
            yield from labelled_cases(head, [text for text, _ in fold.held_out if text in chosen])


def _is_right(head: Any, text: str, label: int) -> bool:
    return int(run_task(sentiment.classification(head, SentimentRequest(text))).probabilities.argmax()) == label


def written_cases(head: Any, chosen: Sequence[str]) -> Iterator[Case]:
    """Yield the likeliest continuations of texts; the number is the log p of a written token, as a mean."""
    for text in chosen:
        request = GenerateRequest(text, max_new_tokens=WRITTEN_TOKENS, temperature=0.05, top_p=0.01, seed=1)
        written = run_task(continue_text(head, request)).continuations[0].ids
        whole = written_value(head, request, written)
        units = Units("word", tuple(words_of(text)))
        yield Case(head, units, whole, (by_token(judge_of(Table(units, whole)), len(written)),))


def comparisons(options: argparse.Namespace) -> Iterator[Comparison]:
    """Yield what is asked for, one model at a time."""
    if options.encoder:
        cases = encoder_cases(options.encoder, options.texts, options.words)
        yield f"{options.encoder.name}, made a classifier", cases, OF_LABELS
    chosen = short_texts(options.texts, options.words)
    for folder in options.folders:
        yield folder.name, labelled_cases(load_head(folder, Device("cpu", "float32")), chosen), OF_LABELS
    if options.written:
        head: Any = load_head(options.written, Device("cpu", "float32"))
        yield f"{options.written.name}, written texts", written_cases(head, chosen), OF_PROMPTS
    if options.translated:
        yield "a small T5, translations", translated_cases(options.texts, _say), OF_TRANSLATIONS


def _say(text: str) -> None:
    """Show what goes on, beside the tables."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", help="Classifiers and language models.")
    parser.add_argument("--encoder", type=Path, help="Of sentences; it is made a classifier.")
    parser.add_argument("--written", type=Path, help="A language model that writes.")
    parser.add_argument("--translated", action="store_true", help="Train a small T5 that translates.")
    parser.add_argument("--texts", type=int, default=30)
    parser.add_argument("--words", type=int, default=EXACT_WORDS, help="The longest texts; translations have up to 8.")
    parser.add_argument("--untimed", action="store_true", help="Compute what methods share once; times are nan.")
    options = parser.parse_args(arguments)
    transformers.logging.set_verbosity_error()  # a new head is new, and each loading has a progress bar
    transformers.logging.disable_progress_bar()
    for title, cases, methods in comparisons(options):
        rows = compare(cases, methods, _say, untimed=options.untimed)
        sys.stdout.write("\n".join(lines(title, rows)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
