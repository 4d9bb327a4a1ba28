"""How faithful explanations are: what becomes of an answer without the words that an explanation names.

`python -m tests.bench.faithfulness CHECKPOINT_FOLDER [--texts 30]` prints a table for docs/FAITHFULNESS.md.

Comprehensiveness: the drop of the label's log-odds without the strongest words (10, 20 and 50 % of them, at least one);
higher is better. Sufficiency: the drop with nothing but these; lower is better. Both are means, by DeYoung et al.:
ERASER, 2020, arXiv:1911.03429, in log-odds instead of probabilities, which saturate.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from bot.evaluation.labelled import read_examples
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
from bot.inference.heads.inspection.integrated_gradients import load_captum
from bot.inference.heads.inspection.stretches import Contrast, LabelLogit, Stretch
from bot.inference.operations import run_task
from bot.inference.task import HeadKind
from bot.tasks import sentiment
from bot.tasks.sentiment import SentimentRequest
from bot.tasks.work.coalitions import Table, exact, sampled
from bot.tasks.work.units import Units, words_of
from bot.tasks.work.word_evidence import label_value

SHARES = (0.1, 0.2, 0.5)
EXACT_WORDS = 10
PAIRS = 8
STEPS = 32

Scores: TypeAlias = Sequence[float]
Method: TypeAlias = Callable[[Any, Table, int], Scores]
"""Scores each word: `(head, table, label)`."""


def shapley_exact(head: Any, table: Table, label: int) -> Scores:
    run_task(table.fill_all())
    return list(exact(table).values[:, 0])


def shapley_sampled(head: Any, table: Table, label: int) -> Scores:
    return list(run_task(sampled(table, PAIRS)).values[:, 0])


def leave_one_out(head: Any, table: Table, label: int) -> Scores:
    rests = [tuple(other for other in table.whole if other != one) for one in table.whole]
    run_task(table.fill([table.whole, *rests]))
    return [float(table.end[0] - table.known[rest][0]) for rest in rests]


def at_random(head: Any, table: Table, label: int) -> Scores:
    return random.Random("".join(table.units.parts)).sample(range(len(table.units)), len(table.units))


def integrated_gradients(head: Any, table: Table, label: int) -> Scores:
    """As the page had it: after the first prompt, the tokens of a word summed."""
    before, after = sentiment.PROMPTS[0].split("{}") if head.kind is HeadKind.CAUSAL_LM else ("", "")
    ids, owners = _owners(head, table.units, before, after)
    inside = [one is not None for one in owners]
    if head.kind is HeadKind.CAUSAL_LM:
        sides = [tuple(map(head.encode_rest, words)) for words in zip(*sentiment.WORDS, strict=True)]
        target: Any = Contrast(*(sides if label == 0 else sides[::-1]))
        blank = head.encode_rest("\n")[-1]
    else:
        target, mask = LabelLogit(label), head.tokenizer.mask_token_id
        blank = head.pad_token_id if mask is None else int(mask)
    baseline = tuple(blank if one else token for token, one in zip(ids, inside, strict=True))
    points = 8
    edges = [index / (STEPS // points) for index in range(STEPS // points + 1)]
    whole = Stretch(ids, None, baseline, target, points=points)
    rows = [replace(whole, start=start, end=end).row for start, end in pairwise(edges)]
    found = np.sum([one.scores for one in head.attribute.run(rows)], axis=0)
    return _of_words(found, owners, len(table.units))


def rollout(head: Any, table: Table, label: int) -> Scores:
    """Multiply the layers (arXiv:2005.00928), to the last token, or the first one of an encoder."""
    import torch

    is_causal = head.kind is HeadKind.CAUSAL_LM
    before, after = sentiment.PROMPTS[0].split("{}") if is_causal else ("", "")
    ids, owners = _owners(head, table.units, before, after)
    head.model.set_attn_implementation("eager")
    with torch.inference_mode():
        layers = head.model(input_ids=torch.tensor([ids]), output_attentions=True).attentions
    found = torch.eye(len(ids))
    for layer in layers:
        mixed = (layer[0].float().mean(dim=0) + torch.eye(len(ids))) / 2
        found = mixed @ found
    return _of_words(found[-1 if is_causal else 0].numpy(), owners, len(table.units))


def _owners(head: Any, units: Units, before: str, after: str) -> tuple[tuple[int, ...], list[int | None]]:
    """Return token ids, and the word that each token's last character belongs to."""
    text = f"{before}{''.join(units.parts)}{after}"
    encoded = head.tokenizer(text, return_offsets_mapping=True)
    ends = [len(before), *(len(before) + end for end in accumulate(map(len, units.parts)))]
    owners: list[int | None] = []
    for start, end in encoded["offset_mapping"]:
        inside = [index for index in range(len(units)) if ends[index] < end <= ends[index + 1] and end > start]
        owners.append(inside[0] if inside else None)
    return tuple(encoded["input_ids"]), owners


def _of_words(scores: Any, owners: Sequence[int | None], words: int) -> Scores:
    pairs = [(float(one), owner) for one, owner in zip(scores, owners, strict=True)]
    return [sum(one for one, owner in pairs if owner == word) for word in range(words)]


METHODS: dict[str, Method] = {
    "Shapley, exact": shapley_exact,
    "Shapley, 16 orders": shapley_sampled,
    "leave-one-out": leave_one_out,
    "integrated gradients": integrated_gradients,
    "attention rollout": rollout,
    "random": at_random,
}


def measure(table: Table, scores: Scores) -> tuple[float, float]:
    """Return comprehensiveness and sufficiency."""
    order = sorted(table.whole, key=lambda index: -scores[index])
    strongest = [set(order[: max(1, math.ceil(share * len(order)))]) for share in SHARES]
    rests = [tuple(one for one in table.whole if one not in chosen) for chosen in strongest]
    alone = [tuple(sorted(chosen)) for chosen in strongest]
    run_task(table.fill([table.whole, *rests, *alone]))
    end = float(table.end[0])
    drops = [[end - float(table.known[one][0]) for one in group] for group in (rests, alone)]
    return statistics.mean(drops[0]), statistics.mean(drops[1])


def _sentences() -> list[SentimentRequest]:
    asked = [one.request for one in read_examples("dev")]
    return [one for one in asked if isinstance(one, SentimentRequest)]


def texts(number: int, most: int) -> list[str]:
    """Return labelled texts of three words or more, few enough for exact values."""
    found = [one.text for one in _sentences() if 3 <= len(words_of(one.text)) <= most]
    return random.Random(0).sample(found, min(number, len(found)))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--texts", type=int, default=30)
    parser.add_argument("--words", type=int, default=EXACT_WORDS, help="The longest texts.")
    options = parser.parse_args(arguments)
    head: Any = load_head(options.folder, Device("cpu", "float32"))
    load_captum()
    rows: dict[str, list[tuple[float, float, float]]] = {name: [] for name in METHODS}
    chosen = texts(options.texts, options.words)
    for text in chosen:
        request = SentimentRequest(text)
        if head.kind is HeadKind.CAUSAL_LM:
            label = 0 if run_task(sentiment.word_score(head, request)).positive >= 0.5 else 1
        else:
            label = int(run_task(sentiment.classification(head, request)).probabilities.argmax())
        judge = Table(Units("word", tuple(words_of(text))), label_value(head, request, label))
        for name, method in METHODS.items():
            table = Table(judge.units, judge.value)
            began = time.perf_counter()
            run_task(table.fill([table.whole]))
            scores = method(head, table, label)
            seconds = time.perf_counter() - began
            rows[name].append((*measure(judge, scores), seconds))
    lines = [f"{len(chosen)} texts, {options.folder.name}", ""]
    lines += ["| method | comprehensiveness | sufficiency | seconds, median |", "|---|---|---|---|"]
    for name, measured in rows.items():
        full, enough, times = zip(*measured, strict=True)
        means = (statistics.mean(full), statistics.mean(enough), statistics.median(times))
        lines.append(f"| {name} | {' | '.join(f'{one:.2f}' for one in means)} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
