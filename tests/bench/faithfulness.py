"""How faithful explanations are: what becomes of an answer without the words that an explanation names.

`python -m tests.bench.faithfulness FOLDER… [--encoder FOLDER] [--written FOLDER] [--texts 30]` prints the tables of
docs/FAITHFULNESS.md, with folders of checkpoints: of classifiers and language models that answer `/sentiment`, of an
encoder that is made a classifier first, of a language model that writes.

Comprehensiveness: the drop of the explained number without the strongest words (10, 20 and 50 % of them, at least
one); higher is better. Sufficiency: the drop with nothing but these; lower is better. Both are means, by DeYoung et
al.: ERASER, 2020, arXiv:1911.03429, in log-odds (or log p) instead of probabilities, which saturate.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import transformers

from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.operations import run_task
from bot.inference.task import HeadKind
from bot.tasks import sentiment
from bot.tasks.generate import GenerateRequest, continue_text
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.coalitions import Coalition, Table, Value
from bot.tasks.work.units import Units, words_of
from bot.tasks.work.word_evidence import label_value
from bot.tasks.work.writing_evidence import written_value
from tests.bench.attribution_methods import OF_LABELS, OF_PROMPTS, Method, Scores, owned_ids
from tests.bench.fine_tuning import folds, labelled

SHARES = (0.1, 0.2, 0.5)
EXACT_WORDS = 10
WRITTEN_TOKENS = 12

Judge: TypeAlias = Callable[[Sequence[Coalition]], Sequence[float]]
"""Returns the number that is explained for each coalition of words."""


@dataclass(frozen=True)
class Case:
    """A text whose words are scored."""

    head: Any
    units: Units
    value: Value
    label: int
    judges: tuple[Judge, ...]


@dataclass(frozen=True)
class Measured:
    """A method on a case: comprehensiveness and sufficiency by each judge, and the time it took."""

    drops: tuple[tuple[float, float], ...]
    seconds: float

    @property
    def gap(self) -> float:
        """Comprehensiveness minus sufficiency, by the first judge."""
        return self.drops[0][0] - self.drops[0][1]


def judge_of(table: Table) -> Judge:
    """Judge by the text of the words that are kept."""

    def judge(coalitions: Sequence[Coalition]) -> list[float]:
        run_task(table.fill(coalitions))
        return [float(table.known[one][-1]) for one in coalitions]

    return judge


def masked_judge(head: Any, units: Units, label: int) -> Judge:
    """Judge by the whole text of an encoder, with mask tokens in place of the words that are not kept."""
    ids, owners = owned_ids(head, units)

    def row(kept: Coalition) -> Any:
        from bot.inference.heads.encoder_head import EncoderInput

        blank = head.tokenizer.mask_token_id
        inside = (one is None or one in kept for one in owners)
        masked = tuple(token if keep else blank for token, keep in zip(ids, inside, strict=True))
        return EncoderInput(masked, None, truncated=False).row

    def judge(coalitions: Sequence[Coalition]) -> list[float]:
        found = np.array([head.classify.run([row(one)])[0] for one in coalitions], dtype=np.float64)
        log_probs = found - np.logaddexp.reduce(found, axis=1, keepdims=True)
        others = np.logaddexp.reduce(np.delete(log_probs, label, axis=1), axis=1)
        return list(log_probs[:, label] - others)

    return judge


def measure(judge: Judge, whole: Coalition, scores: Scores) -> tuple[float, float]:
    """Return comprehensiveness and sufficiency."""
    order = sorted(whole, key=lambda index: -scores[index])
    strongest = [set(order[: max(1, math.ceil(share * len(order)))]) for share in SHARES]
    rests = [tuple(one for one in whole if one not in chosen) for chosen in strongest]
    alone = [tuple(sorted(chosen)) for chosen in strongest]
    end, *values = judge([whole, *rests, *alone])
    drops = [end - one for one in values]
    return statistics.mean(drops[: len(SHARES)]), statistics.mean(drops[len(SHARES) :])


def texts(number: int, most: int, every: Sequence[str]) -> list[str]:
    """Choose texts of three words or more, few enough for exact values."""
    found = [one for one in every if 3 <= len(words_of(one)) <= most]
    return random.Random(0).sample(found, min(number, len(found)))


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
        yield Case(head, units, value, label, tuple(judges))


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
        yield Case(head, units, whole, 0, (_by_token(judge_of(Table(units, whole)), len(written)),))


def _by_token(judge: Judge, tokens: int) -> Judge:
    """Divide a text's log p by its tokens."""
    return lambda kept: [one / tokens for one in judge(kept)]


def compare(cases: Iterator[Case], methods: Mapping[str, Method]) -> dict[str, list[Measured]]:
    """Measure each method on each case."""
    rows: dict[str, list[Measured]] = {name: [] for name in methods}
    for case in cases:
        for name, method in methods.items():
            table = Table(case.units, case.value)
            began = time.perf_counter()
            run_task(table.fill([(), table.whole]))
            scores = method(case.head, table, case.label)
            seconds = time.perf_counter() - began
            drops = tuple(measure(judge, table.whole, scores) for judge in case.judges)
            rows[name].append(Measured(drops, seconds))
        _say(" ".join(f"{rows[name][-1].gap:.2f}" for name in methods))
    return rows


def lines(title: str, rows: Mapping[str, Sequence[Measured]]) -> Iterator[str]:
    """Yield a table in Markdown."""
    first, fastest = next(iter(rows.values())), _median(rows["leave-one-out"])
    judges = ("", " (masks)")[: len(first[0].drops)]
    titles = [f"{name}{judge}" for judge in judges for name in ("comprehensiveness", "sufficiency")]
    yield f"{title}, {len(first)} texts; leave-one-out took {fastest:.2f} s (median)\n"
    yield f"| method | {' | '.join(titles)} | gap to the first row | time, of leave-one-out's |"
    yield "|---" * (len(titles) + 3) + "|"
    for name, measured in rows.items():
        means = np.array([one.drops for one in measured]).mean(axis=0).ravel().tolist()
        gaps = [one.gap - best.gap for one, best in zip(measured, first, strict=True)]
        error = statistics.stdev(gaps) / math.sqrt(len(gaps)) if len(gaps) > 1 else math.nan
        gap = "" if measured is first else f"{statistics.mean(gaps):+.2f} ± {error:.2f}"
        cells = [*(f"{one:.2f}" for one in means), gap, f"{_median(measured) / fastest:.1f}"]
        yield f"| {name} | {' | '.join(cells)} |"
    yield ""


def _median(measured: Sequence[Measured]) -> float:
    return statistics.median(one.seconds for one in measured)


def _say(text: str) -> None:
    """Show what goes on, beside the tables."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="*", help="Classifiers and language models.")
    parser.add_argument("--encoder", type=Path, help="Of sentences; it is made a classifier.")
    parser.add_argument("--written", type=Path, help="A language model that writes.")
    parser.add_argument("--texts", type=int, default=30)
    parser.add_argument("--words", type=int, default=EXACT_WORDS, help="The longest texts.")
    options = parser.parse_args(arguments)
    transformers.logging.set_verbosity_error()  # a new head is new, and each loading has a progress bar
    transformers.logging.disable_progress_bar()
    chosen = texts(options.texts, options.words, [text for text, _ in labelled("dev")])

    def tables() -> Iterator[tuple[str, Iterator[Case], Mapping[str, Method]]]:
        if options.encoder:
            cases = encoder_cases(options.encoder, options.texts, options.words)
            yield f"{options.encoder.name}, made a classifier", cases, OF_LABELS
        for folder in options.folders:
            yield folder.name, labelled_cases(load_head(folder, Device("cpu", "float32")), chosen), OF_LABELS
        if options.written:
            head: Any = load_head(options.written, Device("cpu", "float32"))
            yield f"{options.written.name}, written texts", written_cases(head, chosen), OF_PROMPTS

    for title, cases, methods in tables():
        sys.stdout.write("\n".join(lines(title, compare(cases, methods))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
