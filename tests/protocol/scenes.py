"""Everything that a test's bot sends to a simulated Discord, checked when the test has ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.protocol.checking import Checker
from tests.protocol.description import description
from tests.protocol.exchanges import Record, recording
from tests.protocol.faults import RULES, Fault

MARKER = "breaks_protocol"
MOST_SHOWN = 12


@contextmanager
def checked(node: pytest.Item) -> Iterator[Record]:
    """Fail the test where its bots send something that Discord does not take.

    A test that means to says so: `@pytest.mark.breaks_protocol("silence", reason="…")`.
    """
    allowed = allowed_by(node)
    with recording() as record:
        yield record
    checker = Checker(description())
    checker.check(record)
    if faults := [one for one in checker.faults.found if one.rule not in allowed]:
        pytest.fail(report(faults), pytrace=False)


def allowed_by(node: pytest.Item) -> set[str]:
    """The rules that a test may break."""
    allowed: set[str] = set()
    for marker in node.iter_markers(MARKER):
        assert marker.kwargs.get("reason"), f"{MARKER} without a reason"
        assert RULES.keys() >= set(marker.args), f"no rules: {set(marker.args) - RULES.keys()}"
        allowed.update(marker.args)
    return allowed


def report(faults: list[Fault]) -> str:
    """Faults as a list for people."""
    lines = list(dict.fromkeys(f"  {one}" for one in faults))
    more = [f"  and {len(lines) - MOST_SHOWN} more"] if len(lines) > MOST_SHOWN else []
    return "\n".join([f"{len(faults)} faults in what was sent to Discord:", *lines[:MOST_SHOWN], *more])
