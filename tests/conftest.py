from __future__ import annotations

import gc
import importlib.util
import os
import secrets
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from blockbuster import BlockBuster
from filelock import FileLock

from bot.inference.checkpoints.catalogue import Preset
from bot.inference.worker import InferenceWorker
from bot.settings import Settings
from tests import postgresql
from tests.support import COURSE, CPU, open_worker, preset_of
from tests.timers import Timers

# The same cases in every run; HYPOTHESIS_PROFILE=explore looks for new ones. A busy machine is no fault of the code.
hypothesis.settings.register_profile("glassbox", deadline=None, derandomize=True, max_examples=40)
hypothesis.settings.register_profile("explore", deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "glassbox"))

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # tiny matrices; more threads only wait for each other, in children too

NEW_OBJECTS = 20_000
"""How many more objects than before there must be for a collection of garbage. With Python's 700, a test that answers a
request spends a twentieth of its time on collections that find next to nothing."""
TRACED_PROCESSES = "COVERAGE_PROCESS_CONFIG"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "may_block: the test may block the event loop")
    config.addinivalue_line("markers", "slow: takes ten seconds or more of a core; only `make test-all` runs it")
    config.addinivalue_line("markers", "ray: the test runs on a Ray cluster of its own; `make test-ray` runs it")
    config.addinivalue_line("markers", "remote: takes long, and others reach its lines; only `make test-all` runs it")
    config.addinivalue_line(
        "markers", "breaks_protocol(*rules, reason): the test has the bot send what breaks rules of tests/protocol"
    )
    config.addinivalue_line("markers", "measured_elsewhere: others reach the lines that count for coverage")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported stays until the end: looking for garbage in it meanwhile takes a third of the time."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(NEW_OBJECTS, *gc.get_threshold()[1:])
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the file that takes longest, so that no process waits for it at the end."""
    items.sort(key=lambda item: item.path.name != "test_starter.py")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Tests that go through much, or through the same again and again, take twice as long where each line is counted.

    A line is counted that one test reaches: those marked need not count it again, and check what they check. With
    pytest-cov's own `no_cover`, the coverage that began with the process would go on in place of its own.
    """
    if item.get_closest_marker("measured_elsewhere") is None:
        return (yield)
    with uncounted():
        return (yield)


@contextmanager
def uncounted() -> Iterator[None]:
    """No lines are traced, neither here nor in threads and processes that are started here."""
    here, in_threads, in_processes = sys.gettrace(), threading.gettrace(), os.environ.pop(TRACED_PROCESSES, None)
    sys.settrace(None)
    threading.settrace(None)
    try:
        yield
    finally:
        if in_processes is not None:
            os.environ[TRACED_PROCESSES] = in_processes
        threading.settrace(in_threads)
        sys.settrace(here)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [
        report for report in terminalreporter.stats.get("skipped", []) if postgresql.MISSING in str(report.longrepr)
    ]
    if skipped:
        terminalreporter.write_line(
            f"{len(skipped)} tests with PostgreSQL were skipped: install its server (apt-get install postgresql), and "
            "run them again. They start a server of their own."
        )


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[str | None]:
    """The URL of a PostgreSQL server's database; None where PostgreSQL is not installed."""
    programs = postgresql.binaries()
    with nullcontext() if programs is None else postgresql.serving(programs) as url:
        yield url


@pytest.fixture
async def postgresql_url(postgresql_server: str | None) -> AsyncIterator[str]:
    """The URL of an empty schema, for one test."""
    if postgresql_server is None:
        pytest.skip(postgresql.MISSING)
    import asyncpg

    schema = f"test_{secrets.token_hex(6)}"
    connection = await asyncpg.connect(postgresql_server)
    try:
        await connection.execute(f"CREATE SCHEMA {schema}")
        yield f"{postgresql_server}&search_path={schema}"
        await connection.execute(f"DROP SCHEMA {schema} CASCADE")
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Folders of tiny checkpoints, by the names in `tests.tiny.BUILDERS`."""
    import torch

    from tests import tiny

    torch.set_num_threads(1)  # tiny matrices; more threads only wait for each other
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent  # which all processes of a run share
    with FileLock(root / "checkpoints.lock"):
        return tiny.build_all(root / "checkpoints")


@pytest.fixture(scope="session")
def course(checkpoints: Mapping[str, Path]) -> Preset:
    """The course's preset, in tiny."""
    return preset_of({task: checkpoints[name] for task, name in COURSE.items()})


@pytest.fixture(scope="session")
def load(checkpoints: Mapping[str, Path]) -> Callable[[str], Any]:
    """Load a checkpoint as its head, in float32 on the CPU; each is loaded once for all tests."""
    from bot.inference.checkpoints.loading import load_head

    @cache
    def loaded(name: str) -> Any:
        return load_head(checkpoints[name], CPU)

    return loaded


@pytest.fixture
def make_preset(checkpoints: Mapping[str, Path]) -> Callable[..., Preset]:
    """Make a preset: `make_preset(sentiment="distilbert", fill="llama")`."""

    def make(**names: str) -> Preset:
        return preset_of({task: checkpoints[name] for task, name in names.items()})

    return make


@pytest.fixture
def make_worker(course: Preset, tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[InferenceWorker]]:
    """Open a worker: `async with make_worker() as worker`, or `make_worker(preset, tasks=…, limits=…, device=…)`."""

    def make(preset: Preset | None = None, **options: Any) -> AbstractAsyncContextManager[InferenceWorker]:
        return open_worker(preset or course, tmp_path / "cache", **options)

    return make


@pytest.fixture
def settings(checkpoints: Mapping[str, Path], tmp_path: Path) -> Settings:
    """The settings of somebody who has the course's checkpoints, in tiny, and no other settings."""
    folders: dict[str, Any] = {f"{task}_checkpoint": str(checkpoints[name]) for task, name in COURSE.items()}
    return Settings(
        _env_file=None,
        devices="cpu",
        precision="float32",
        cache_dir=tmp_path / "cache",
        metrics_address=None,  # other processes have tests, too
        **folders,
    )


@pytest.fixture
async def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """The timers of the test's loop."""
    return Timers(monkeypatch)


@pytest.fixture(scope="module", autouse=True)
def quick_collections() -> None:
    """Half a million objects of PyTorch and its company stay until the end: not every collection of garbage looks for
    them again, least of all those that the release of a checkpoint asks for. What a file makes is not among them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def same_weights() -> None:
    """Random weights that a test makes are the same in every run."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.default_generator.manual_seed(0)  # that of the CPU; `torch.manual_seed` asks for every other device


@cache
def detector_of_blocking() -> BlockBuster:
    """It is made once: what it looks for takes longer to list than most tests take."""
    packages = [name for name in ("bot", "cogs") if importlib.util.find_spec(name) is not None]
    detector = BlockBuster(scanned_modules=packages)
    # Executors take locks for a moment, and imports read files once.
    for function in detector.functions.values():
        function.can_block_in("concurrent/futures/thread.py", {"submit", "shutdown", "_adjust_thread_count"})
        function.can_block_in("<frozen importlib._bootstrap>", {"_find_and_load"})
        function.can_block_in("logging/__init__.py", {"handle", "emit", "acquire"})
        function.can_block_in(
            "asyncpg/connect_utils.py", {"_parse_connect_arguments"}
        )  # certificates, once a connection
        function.can_block_in("coverage/collector.py", {"lock_data", "unlock_data"})  # where coverage is measured
    return detector


@pytest.fixture(autouse=True)
def no_blocking(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail calls that block the event loop, where Glassbox's own code makes them."""
    if request.node.get_closest_marker("may_block") is not None:
        yield
        return
    detector = detector_of_blocking()
    detector.activate()
    try:
        yield
    finally:
        detector.deactivate()
