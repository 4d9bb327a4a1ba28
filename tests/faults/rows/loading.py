"""Faults of loading: files that are damaged, cut short, incomplete, or not what they should be."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from bot.errors import ModelUnavailable
from bot.inference.worker import Limits
from bot.tasks.sentiment import SentimentRequest
from tests import tiny
from tests.faults.asking import Crowd, Ends
from tests.faults.fault import Fault
from tests.faults.tally import Tally
from tests.support import open_worker, preset_of
from tests.timers import PATIENCE

PEOPLE = 10
WEIGHTS = "model.safetensors"


def damaged(damage: Callable[[Path], object]) -> Callable[[int], Any]:
    """Return what damages a checkpoint's folder so many times, lets people ask, mends it, and asks again."""

    async def drive(times: int) -> Tally:
        tally = Tally()
        for _ in range(times):
            with tempfile.TemporaryDirectory() as home:
                folder, whole = Path(home) / "checkpoint", Path(home) / "whole"
                tiny.distilbert(whole)
                shutil.copytree(whole, folder)
                damage(folder)
                tally += await _asked(folder, whole, Path(home) / "cache")
        return tally

    return drive


async def _asked(folder: Path, whole: Path, cache: Path) -> Tally:
    ends = Ends()
    limits = Limits(requests=1_000, per_person=100, seconds=PATIENCE)
    async with open_worker(preset_of({"sentiment": folder}), cache, limits=limits, observer=ends) as worker:
        crowd = Crowd(worker, ends)
        crowd.ask([SentimentRequest(f"I love apples {number}") for number in range(PEOPLE)])
        await crowd.wait(lambda request, outcome: isinstance(outcome, ModelUnavailable))
        shutil.rmtree(folder)
        shutil.copytree(whole, folder)
        await crowd.good(SentimentRequest("I love apples"))
        return crowd.end()


def lack_tensors(folder: Path) -> None:
    """Take a matrix away, in whose place transformers would draw random numbers."""
    weights = load_file(folder / WEIGHTS)
    del weights["classifier.weight"]
    save_file(weights, folder / WEIGHTS, {"format": "pt"})


def name_a_pickle(folder: Path) -> None:
    """Let the index say that a tensor is in a pickle."""
    (folder / WEIGHTS).rename(folder / "model-1.safetensors")
    torch.save({"classifier.bias": torch.zeros(2)}, folder / "pytorch_model.bin")
    names = dict.fromkeys(load_file(folder / "model-1.safetensors"), "model-1.safetensors")
    index = {"metadata": {}, "weight_map": {**names, "classifier.bias": "pytorch_model.bin"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index), encoding="utf-8")


def cut(folder: Path) -> None:
    """Cut the weights in half."""
    weights = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(weights[: len(weights) // 2])


def scramble(folder: Path) -> None:
    """Leave the weights their length, and nothing else."""
    weights = folder / WEIGHTS
    weights.write_bytes(b"?" * weights.stat().st_size)


def cut_the_configuration(folder: Path) -> None:
    """Cut `config.json` in half."""
    config = (folder / "config.json").read_bytes()
    (folder / "config.json").write_bytes(config[: len(config) // 2])


FAULTS: tuple[Fault, ...] = (
    Fault("load-tensors", "weights with a tensor missing", damaged(lack_tensors), times=10),
    Fault("load-pickle", "a safetensors index that names a .bin", damaged(name_a_pickle), times=10),
    Fault("load-cut", "weights cut in half", damaged(cut), times=10),
    Fault("load-scrambled", "weights that are no safetensors", damaged(scramble), times=10),
    Fault("load-configuration", "a configuration cut in half", damaged(cut_the_configuration), times=10),
)
