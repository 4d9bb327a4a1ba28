from __future__ import annotations

from collections.abc import Mapping

import pytest

from bot.locales import choice
from bot.locales.terminal import locale_of_terminal


@pytest.mark.parametrize(
    ("environment", "locale"),
    [
        ({}, "en"),
        ({"LANG": ""}, "en"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "de_AT.UTF-8"}, "de"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": ""}, "pt_BR"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "pt_PT@euro"}, "pt_BR"),
        ({"LANG": "pt_BR.UTF-8", "LC_MESSAGES": "de"}, "de"),
        ({"LANG": "tlh"}, "en"),
    ],
)
def test_a_terminals_language(environment: Mapping[str, str], locale: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "offered", lambda: ("en", "de", "pt_BR"))
    assert locale_of_terminal(environment) == locale
