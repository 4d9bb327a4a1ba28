"""Which modules are mutated, and the tests that are to notice: few enough that one run is affordable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SEED = 13
"""Of the sample where a room has more mutants than are tried."""


@dataclass(frozen=True)
class Room:
    """Modules that are mutated together.

    Attributes:
        modules: patterns of files.
        tests: files, folders or ids of tests; all of them together take a few seconds.
        most: as many mutants are tried; of more, a sample.
    """

    modules: tuple[str, ...]
    tests: tuple[str, ...]
    most: int = 400


ROOMS: Mapping[str, Room] = {
    "access": Room(
        ("bot/servers/access.py", "bot/servers/gate.py"), ("tests/servers/test_access.py", "tests/servers/test_gate.py")
    ),
    "markdown": Room(
        ("bot/replies/formatting/text.py", "bot/replies/formatting/code.py"),
        ("tests/replies/test_text.py", "tests/replies/test_written.py"),
    ),
    "formulas": Room(("bot/batches/formulas.py",), ("tests/batches/test_files.py::TestFormulas",)),
    "tokens": Room(
        ("bot/inference/tokenization/literal.py", "bot/inference/tokenization/markers.py"),
        ("tests/inference/tokenization/test_literal.py", "tests/tasks/prompts/test_chat_template.py"),
    ),
    "logs": Room(("bot/logs.py", "bot/log_formats.py"), ("tests/test_logs.py", "tests/operating/test_logs.py")),
    "quotas": Room(("bot/servers/quotas.py",), ("tests/servers/test_quotas.py",)),
    "storage": Room(("bot/storage/*.py",), ("tests/storage",)),
    "queue": Room(("bot/inference/scheduling/*.py",), ("tests/inference/scheduling",)),
    "worker": Room(
        ("bot/inference/worker.py", "bot/inference/answerer.py"),
        ("tests/inference/test_worker.py", "tests/inference/test_answering.py", "tests/inference/test_together.py"),
    ),
}
