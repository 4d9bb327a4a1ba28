"""Which locale somebody reads: what Discord says, in the languages that there are."""

from __future__ import annotations

import discord
import pytest

from bot.locales import choice
from bot.locales.choice import locale_for
from bot.locales.offered import own_name

OFFERED = ("en", "de", "es", "fr", "hi", "ja", "pt_BR")


@pytest.fixture(autouse=True)
def _all_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "offered", lambda: OFFERED)


@pytest.mark.parametrize(
    ("wanted", "locale"),
    [
        (["de"], "de"),
        (["pt-BR"], "pt_BR"),
        (["pt_BR"], "pt_BR"),
        (["pt"], "pt_BR"),
        (["es-ES"], "es"),
        (["es-419"], "es"),
        (["en-GB"], "en"),
        ([None, "ja"], "ja"),
        (["ko", "fr"], "fr"),
        (["zh-CN", None], "en"),
        (["en-US", "de"], "en"),
        (["", "x", "no such thing", "hi"], "hi"),
        ([], "en"),
    ],
)
def test_the_first_language_that_is_offered(wanted: list[str | None], locale: str) -> None:
    assert locale_for(*wanted) == locale


def test_each_of_discords_locales_leads_to_one() -> None:
    found = {one: locale_for(one.value) for one in discord.Locale}
    assert {one.value for one, ours in found.items() if ours == "es"} == {"es-ES", "es-419"}
    assert set(found.values()) == set(OFFERED)


def test_languages_are_named_in_themselves() -> None:
    assert [own_name(one) for one in OFFERED] == [
        "English",
        "Deutsch",
        "Español",
        "Français",
        "हिन्दी",
        "日本語",
        "Português (Brasil)",
    ]
