"""What a start imports: in processes of their own, because here everything has been imported."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import tiny

ROOT = Path(__file__).parents[3]
UNUSED = ("torch._dynamo", "torch.distributed.tensor", "torch.distributed.fsdp")
FOUND = f"print(json.dumps([name for name in {UNUSED} if name in sys.modules]))"


def run(code: str) -> Any:
    """Run Python, and return the JSON of its last line."""
    code = f"import json, sys\nfrom bot.inference.compute import libraries\n{code}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("checkpoints") / "llama"
    tiny.llama(path)
    return path


def test_a_checkpoint_is_loaded_without_the_compiler(folder: Path) -> None:
    loads = f"""
from pathlib import Path
from bot.inference.checkpoints.loading import load_head
from bot.inference.compute.device import Device
head = load_head(Path({str(folder)!r}), Device("cpu", "float32"))
assert head.model.config.model_type == "llama"
"""
    assert run(loads + FOUND) == []


def test_the_compiler_is_there_for_who_needs_it() -> None:
    """Masks that transformers expands by `torch.vmap` need a part of it, and so would a compiled model."""
    uses = """
libraries.import_all()
import torch
from transformers.masking_utils import TransformGetItemToIndex
with TransformGetItemToIndex():
    pass
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(1)).item() == 2
print(json.dumps(type(sys.modules["torch._dynamo"]).__name__))
"""
    assert run(uses) == "module"


def test_whatever_else_is_asked_of_the_stand_in_comes_from_the_compiler() -> None:
    asks = """
import torch
with libraries.compiler_deferred():
    function = lambda: 1
    assert torch.compiler.disable(function) is function
    assert torch.compiler.disable(recursive=False)(function) is function
    assert "torch._dynamo" in sys.modules and not hasattr(sys.modules["torch._dynamo"], "__path__")
    assert torch._dynamo.config.recompile_limit > 0
    assert torch.compiler.disable(function) is not function
print(json.dumps(True))
"""
    assert run(asks)


def test_garbage_is_collected_again_once_they_are_there() -> None:
    waits = """
import gc
thread = libraries.import_in_background()
assert not gc.isenabled()
thread.join()
print(json.dumps([gc.isenabled(), gc.get_freeze_count() > 100_000, "transformers" in sys.modules]))
"""
    assert run(waits) == [True, True, True]


def test_a_machine_without_them_hears_of_it_from_who_needs_them() -> None:
    lacks = """
import gc
sys.modules["torch"] = None
thread = libraries.import_in_background()
thread.join()
try:
    libraries.import_all()
except ImportError:
    print(json.dumps(gc.isenabled()))
"""
    assert run(lacks) is True
