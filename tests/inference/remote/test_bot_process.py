"""A bot process whose models are elsewhere needs the base dependencies, and nothing of what runs models."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path

from packaging.requirements import Requirement

from bot.settings import Settings
from tests.inference.remote.scripted_server import ScriptedServer
from tests.timers import PATIENCE

ROOT = Path(__file__).parents[3]
SCRIPT = Path(__file__).with_name("bot_process.py")
RUNS_MODELS = {
    "torch", "transformers", "accelerate", "safetensors", "sentencepiece", "tokenizers", "captum", "gguf", "py3langid",
    "sentencex", "ray", "fastapi", "starlette", "uvicorn",
}  # fmt: skip
MOST_BYTES = 165_000_000
"""Of which the catalogues of six languages take 4 million, and Babel's data of them 10."""


def normal(name: str) -> str:
    """The name of a distribution as packaging compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def closure(requirements: Iterable[str]) -> set[str]:
    """The distributions that are installed with some requirements."""
    found: set[str] = set()
    waiting = [Requirement(one) for one in requirements]
    while waiting:
        requirement = waiting.pop()
        name = normal(requirement.name)
        if name in found:
            continue
        try:
            needed = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        found.add(name)
        for one in map(Requirement, needed):
            environments = [{"extra": extra} for extra in (*requirement.extras, "")]
            if one.marker is None or any(one.marker.evaluate(environment) for environment in environments):
                waiting.append(one)
    return found


def modules_beyond_base() -> list[str]:
    """The modules of all distributions that are installed here and not needed by the base dependencies."""
    base = closure(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"])
    modules = importlib.metadata.packages_distributions()
    ours = {"bot", "cogs", "tests"}
    return sorted(name for name, owners in modules.items() if name not in ours and not base & set(map(normal, owners)))


async def test_base_dependencies_suffice_for_a_bot_whose_models_are_elsewhere(
    server: ScriptedServer, tmp_path: Path
) -> None:
    refused = modules_beyond_base()
    assert set(refused) >= RUNS_MODELS - {"sentencepiece"}
    environment = {key: value for key, value in os.environ.items() if key.lower() not in Settings.model_fields}
    environment |= {"PYTHONPATH": str(ROOT), "INFERENCE_URL": str(server.url), "INFERENCE_KEY": "k3y"}
    server.key = "k3y"
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(SCRIPT), json.dumps({"refused": refused}),
        cwd=tmp_path, env=environment, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(PATIENCE):
        output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    told = json.loads(output)
    assert not set(told["modules"]) & RUNS_MODELS
    assert told["commands"] >= 15
    assert told["bytes"] < MOST_BYTES
    assert len(server.calls) == 1
