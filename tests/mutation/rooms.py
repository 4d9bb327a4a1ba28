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
        ("bot/servers/access.py", "bot/servers/gate.py"),
        (
            "tests/servers/test_access.py",
            "tests/servers/test_gate.py",
            "tests/servers/test_directory.py::test_what_was_never_known_is_not_taken_for_nothing",
        ),
    ),
    "markdown": Room(
        ("bot/replies/formatting/text.py", "bot/replies/formatting/code.py"),
        ("tests/replies/test_text.py", "tests/replies/test_written.py"),
    ),
    "formulas": Room(("bot/batches/formulas.py",), ("tests/batches/test_files.py::TestFormulas",)),
    "tokens": Room(
        ("bot/inference/tokenization/literal.py", "bot/inference/tokenization/markers.py"),
        ("tests/inference/tokenization", "tests/tasks/prompts/test_chat_template.py"),
        most=80,
    ),
    "logs": Room(
        ("bot/logs.py", "bot/log_formats.py"),
        ("tests/test_logs.py", "tests/operating/test_stderr.py", "tests/operating/test_logs.py::TestFormats"),
    ),
    "quotas": Room(("bot/servers/quotas.py",), ("tests/servers/test_quotas.py",)),
    "storage": Room(
        tuple(f"bot/storage/{name}.py" for name in ("encryption", "expiry", "patience", "requests", "retention")),
        tuple(
            f"tests/storage/test_{name}.py" for name in ("encryption", "expiry", "patience", "requests", "retention")
        ),
        most=80,
    ),
    "queue": Room(
        tuple(
            f"bot/inference/scheduling/{name}.py"
            for name in ("batching", "costs", "fair_queueing", "learned_budgets", "pending", "turns")
        ),
        (
            "tests/inference/scheduling/test_batching.py",
            "tests/inference/scheduling/test_exact_numbers.py",
            "tests/inference/scheduling/test_pending.py",
            *(
                f"tests/inference/scheduling/test_learned_budgets.py::{name}"
                for name in (
                    "test_what_fits_is_found_at_once_and_kept",
                    "test_a_limit_grows_again_but_hardly_ever_fails",
                    "test_small_batches_prove_nothing",
                )
            ),
            "tests/inference/scheduling/test_waiting_times.py::test_what_rows_cost",
            "tests/inference/scheduling/test_waiting_times.py::test_the_first_answer_counts_in_full_and_the_last_ones_most",
            "tests/inference/scheduling/test_background.py::test_a_pass_in_which_no_background_row_waits_is_not_counted",
        ),
        most=150,
    ),
    "worker": Room(
        ("bot/inference/worker.py", "bot/inference/answerer.py"),
        (
            "tests/inference/test_worker.py",
            "tests/inference/test_answering.py",
            "tests/inference/scheduling/test_device_gone.py",
            "tests/inference/scheduling/test_hanging_loads.py",
            "tests/inference/scheduling/test_running_batches.py",
            "tests/inference/checkpoints/test_unload.py",
            "tests/inference/test_bundles.py",
            "tests/inference/test_soundness.py::test_whoever_shares_the_batch_is_answered",
            "tests/inference/checkpoints/test_choosing.py::test_the_named_one_answers_and_its_answers_are_its_own",
        ),
        most=50,
    ),
}
