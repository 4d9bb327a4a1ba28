"""The catalogues are fresh, complete where they are offered, and every translation fits its message."""

from __future__ import annotations

import gettext
import io
from pathlib import Path

import pytest
from babel import Locale
from babel.messages import Catalog

from bot.locales.offered import offered, own_name
from tests.locales.checking import problems
from tests.locales.messages import (
    TEMPLATE,
    SteadyCatalog,
    as_mo,
    as_po,
    catalogues,
    locale_of,
    missing,
    read,
    template,
    updated,
)

CATALOGUES = list(catalogues())
STALE = "is stale: run `make messages`"


@pytest.fixture(scope="module")
def messages() -> Catalog:
    """All messages of the code."""
    return template()


def test_the_template_is_fresh(messages: Catalog) -> None:
    assert TEMPLATE.read_bytes() == as_po(messages), f"{TEMPLATE.name} {STALE}"


@pytest.mark.parametrize("path", CATALOGUES, ids=locale_of)
def test_a_catalogue_is_fresh(path: Path, messages: Catalog) -> None:
    catalog = updated(path, messages)
    assert path.read_bytes() == as_po(catalog), f"{path.name} of {locale_of(path)} {STALE}"
    compiled = path.with_suffix(".mo")
    assert (compiled.read_bytes() if compiled.exists() else None) == as_mo(catalog), f"{compiled.name} {STALE}"


@pytest.mark.parametrize("path", CATALOGUES, ids=locale_of)
def test_every_translation_fits_its_message(path: Path) -> None:
    assert not list(problems(read(path)))


@pytest.mark.parametrize("path", CATALOGUES, ids=locale_of)
def test_a_language_is_offered_if_its_catalogue_is_complete(path: Path) -> None:
    assert (locale_of(path) in offered()) is (not missing(read(path)))
    assert own_name(locale_of(path))


@pytest.mark.parametrize("locale", ["de", "fr", "es", "pt_BR", "ja", "hi"])
def test_plural_forms_are_those_of_the_cldr(locale: str) -> None:
    catalog = SteadyCatalog(locale)
    choose = gettext.c2py(catalog.plural_expr)
    category = Locale.parse(locale).plural_form
    seen: dict[int, set[str]] = {}
    for count in [*range(1_201), 10_000, 1_000_000, 1_000_001, 2_000_000]:
        seen.setdefault(choose(count), set()).add(category(count))
    assert len(seen) == catalog.num_plurals
    assert all(len(categories) == 1 for categories in seen.values())


def test_a_message_makes_the_whole_way_to_a_person() -> None:
    catalog = SteadyCatalog("de")
    catalog.add("Please wait.", "Bitte warten.", [("a.py", 1)])
    catalog.add(("{count} row", "{count} rows"), ("{count} Zeile", "{count} Zeilen"), [("a.py", 2)])
    catalog.add("top_k", "", [("a.py", 3)], context="option name")
    compiled = as_mo(catalog)
    assert compiled is not None  # names may stay English
    messages = gettext.GNUTranslations(io.BytesIO(compiled))
    assert messages.gettext("Please wait.") == "Bitte warten."
    assert messages.ngettext("{count} row", "{count} rows", 2) == "{count} Zeilen"
    assert messages.pgettext("option name", "top_k") == "top_k"


def test_an_incomplete_catalogue_is_not_compiled() -> None:
    catalog = SteadyCatalog("de")
    catalog.add("Please wait.", "Bitte warten.", [("a.py", 1)])
    catalog.add(("{count} row", "{count} rows"), ("{count} Zeile", ""), [("a.py", 2)])
    assert [one.id for one in missing(catalog)] == [("{count} row", "{count} rows")]
    assert as_mo(catalog) is None


def test_a_catalogue_keeps_its_translations_when_the_messages_change(tmp_path: Path) -> None:
    path = tmp_path / "de" / "LC_MESSAGES" / "glassbox.po"
    path.parent.mkdir(parents=True)
    before, after = SteadyCatalog(), SteadyCatalog()
    before.add("Old", locations=[("a.py", 1)])
    before.add("Open", locations=[("a.py", 2)], context="button")
    catalog = updated(path, before)
    catalog.get("Old").string, catalog.get("Open", "button").string = "Alt", "Öffnen"  # type: ignore[union-attr]
    path.write_bytes(as_po(catalog))
    after.add("New", locations=[("a.py", 1)])
    after.add("Open", locations=[("b.py", 9)], context="button")
    path.write_bytes(as_po(updated(path, after)))
    again = path.read_text("utf-8")
    assert 'msgctxt "button"\nmsgid "Open"\nmsgstr "Öffnen"' in again
    assert 'msgid "New"\nmsgstr ""' in again
    assert '#~ msgid "Old"\n#~ msgstr "Alt"' in again
    assert as_po(updated(path, after)) == again.encode()
    assert "Date" not in again


@pytest.mark.parametrize(
    ("english", "translation", "fault"),
    [
        ("Wait {seconds} s", "Warte {sekunden} s", "fields"),
        ("{share:.1%} of it", "{share} davon", "fields"),
        ("a {brace", "ein {brace}", "fields"),
        (("one row", "{count} rows"), ("{count} Zeile", "Zeilen"), "fields"),
        ("Wait ", "Warte", "white space"),
        ("See /privacy.", "Siehe /datenschutz.", "commands"),
    ],
)
def test_what_does_not_fit_is_found(
    english: str | tuple[str, str], translation: str | tuple[str, str], fault: str
) -> None:
    catalog = SteadyCatalog("de")
    catalog.add(english, translation)
    [problem] = problems(catalog)
    assert fault in problem


@pytest.mark.parametrize(
    ("english", "translation"),
    [
        ("Wait {seconds} s, {name}", "{name}, warte {seconds} s"),
        (("one row", "{count} rows"), ("eine Zeile", "{count} Zeilen")),
        (("one row", "{count} rows"), ("{count} Zeile", "{count} Zeilen")),
        ("see /privacy and/or a/b", "siehe /privacy"),
    ],
)
def test_what_fits_is_no_problem(english: str | tuple[str, str], translation: str | tuple[str, str]) -> None:
    catalog = SteadyCatalog("de")
    catalog.add(english, translation)
    assert not list(problems(catalog))


def test_limits_names_and_missing_forms_are_checked() -> None:
    catalog = SteadyCatalog("de")
    catalog.add("Open", "Öffnen", auto_comments=["Translators: at most 5 characters"], context="button")
    catalog.add("text", "Der Text", context="option name")
    catalog.add("name", "NAME", context="command name")
    catalog.add(("a row", "rows"), ("eine", ""))
    catalog.add("fine", "gut", flags=["fuzzy"])
    found = list(problems(catalog))
    assert [next(word for word in ("5 characters", "no name", "forms", "fuzzy") if word in one) for one in found] == [
        "5 characters",
        "no name",
        "no name",
        "forms",
        "fuzzy",
    ]
