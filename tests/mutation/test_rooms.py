"""What `python -m tests.mutation` names is there."""

from __future__ import annotations

import re
import tomllib

import pytest

from tests.mutation.__main__ import ROOT, configuration
from tests.mutation.rooms import ROOMS


@pytest.mark.parametrize("name", ROOMS)
def test_modules_and_tests_exist(name: str) -> None:
    room = ROOMS[name]
    assert all(list(ROOT.glob(pattern)) for pattern in room.modules)
    for selected in room.tests:
        path, *names = selected.split("::")
        assert (ROOT / path).exists()
        text = (ROOT / path).read_text(encoding="utf-8") if names else ""
        assert all(re.search(rf"^\s*(async def|def|class) {name}\b", text, re.MULTILINE) for name in names)
    written = tomllib.loads(configuration(room))["tool"]["mutmut"]
    assert written["only_mutate"] == list(room.modules)
    assert all((ROOT / path).exists() for path in written["also_copy"])
