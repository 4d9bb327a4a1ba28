"""llama.cpp's server on the checkpoint's own weights: a real process, that speaks like it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
import transformers
from tokenizers import pre_tokenizers

from bot.inference.checkpoints.loading import load_head
from bot.settings import Settings
from tests.bench.engines import llama_server
from tests.bench.engines.entrants import LLAMA_CPP
from tests.bench.engines.gguf_file import NotConvertible, write_gguf
from tests.bench.engines.llama_server import PROGRAM, is_found
from tests.bench.lineup import LLAMA
from tests.bench.options import Options
from tests.bench.test_bench import measured
from tests.bench.workload import Workload
from tests.support import CPU

SPEAKS = '''\
#!{python}
"""Answers as llama.cpp's server does, and reads each prompt as no token."""
import os, pathlib, sys
from aiohttp import web

options = dict(zip(sys.argv[1::2], sys.argv[2::2]))
assert pathlib.Path(options["-m"]).read_bytes()[:4] == b"GGUF"
looks = []

async def health(request):
    looks.append(1)
    return web.Response(status=503 if len(looks) == 1 else 200)

async def models(request):
    return web.json_response({{"data": [{{"id": "model.gguf"}}]}})

async def tokenize(request):
    return web.json_response({{"tokens": []}})

async def complete(request):
    return web.json_response({{"usage": {{"completion_tokens": (await request.json())["max_tokens"]}}}})

pathlib.Path(__file__).with_name("started").write_text(f"{{os.getpid()}} {{options['-np']}}")
app = web.Application()
app.router.add_get("/health", health)
app.router.add_get("/v1/models", models)
app.router.add_post("/tokenize", tokenize)
app.router.add_post("/v1/completions", complete)
web.run_app(app, host=options["--host"], port=int(options["--port"]), print=None)
'''
OPTIONS = Options(tasks=("generate",), users=(2,), requests=4, seconds=0.05, quick=True, engines=(LLAMA_CPP,))


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Put a program of llama.cpp's name into PATH; returns its folder."""

    def put(code: str) -> Path:
        folder = tmp_path / "programs"
        folder.mkdir()
        file = folder / PROGRAM
        file.write_text(code.format(python=sys.executable), "utf-8")
        file.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
        return folder

    return put


@pytest.mark.may_block
async def test_it_is_started_asked_and_ended(
    settings: Settings, capsys: pytest.CaptureFixture[str], program: Callable[[str], Path]
) -> None:
    folder = program(SPEAKS)

    [report] = await measured(settings, OPTIONS, capsys)

    figures = {one["who"]: one for one in report["figures"]}
    assert figures[LLAMA]["failures"] == 0
    assert figures[LLAMA]["token_rate"] > 0
    threads = torch.get_num_threads()
    assert report["notes"][-1] == (
        f"{LLAMA}: float32, 2 slots, {threads} threads; it reads 20 of 20 prompts as other tokens."
    )
    process, slots = folder.joinpath("started").read_text("utf-8").split()
    assert slots == "2"
    assert not psutil.pid_exists(int(process))


@pytest.mark.may_block
async def test_without_it_the_limit_is_said_to_be_without_it(
    settings: Settings, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(llama_server, "PROGRAM", "a-program-that-nobody-has")
    assert not is_found()

    [report] = await measured(settings, OPTIONS, capsys)

    assert f"{LLAMA} is not in PATH, so the limit is without: build `llama-server` from llama.cpp." in report["notes"]
    assert LLAMA not in [one["who"] for one in report["figures"]]


@pytest.mark.may_block
async def test_a_program_that_ends_at_once_is_left_out(
    settings: Settings, capsys: pytest.CaptureFixture[str], program: Callable[[str], Path]
) -> None:
    program("#!{python}\nraise SystemExit(1)\n")

    [report] = await measured(settings, OPTIONS, capsys)

    assert f"Left out: {LLAMA} cannot run this checkpoint (it ended at once)." in report["notes"]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_its_file_holds_the_same_model(checkpoints: Mapping[str, Path], tmp_path: Path, precision: str) -> None:
    head = load_head(checkpoints["llama"], CPU, packed=False)
    write_gguf(head, tmp_path / "model.gguf", precision)

    build: Any = transformers.AutoModelForCausalLM
    model = build.from_pretrained(tmp_path, gguf_file="model.gguf", dtype=torch.float32)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path, gguf_file="model.gguf")

    prompts = [request.prompt for request in Workload("generate").take(20)]  # type: ignore[attr-defined]
    assert tokenizer(prompts)["input_ids"] == head.tokenizer(prompts)["input_ids"]
    ids = torch.tensor([head.tokenizer(prompts[0])["input_ids"]])
    with torch.inference_mode():
        ours, theirs = head.model(ids).logits, model(ids).logits
    if precision == "float32":
        torch.testing.assert_close(ours, theirs)
    else:
        assert 0 < (ours - theirs).abs().max() < 0.1 * ours.abs().max()


@pytest.mark.parametrize(("name", "what"), [("gpt2", "its architecture"), ("llama", "its layers")])
def test_what_cannot_be_written_is_refused(
    load: Callable[[str], Any], tmp_path: Path, name: str, what: str
) -> None:  # the Llama's layers are packed
    with pytest.raises(NotConvertible, match=what):
        write_gguf(load(name), tmp_path / "model.gguf", "float32")


def test_a_tokenizer_that_divides_otherwise_is_refused(checkpoints: Mapping[str, Path], tmp_path: Path) -> None:
    head: Any = load_head(checkpoints["llama"], CPU, packed=False)
    backend = head.tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), backend.pre_tokenizer])
    with pytest.raises(NotConvertible, match="its tokenizer"):
        write_gguf(head, tmp_path / "model.gguf", "float32")
