"""`make messages`: write the catalogues anew from the code.

    python -m tests.locales.messages [locale …]

It extracts all messages into bot/locales/glassbox.pot (babel.cfg says from where, and `tests.locales.tree` adds the
command tree), brings each bot/locales/<locale>/LC_MESSAGES/glassbox.po up to date, and compiles those that are
complete. A locale that is named gets a catalogue. docs/TRANSLATING.md explains the rest.

What it writes depends on the code and the translations only: no dates, no numbers of lines.
"""

from __future__ import annotations

import argparse
import asyncio
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from bot.locales.catalogue import DOMAIN
from bot.locales.command_tree import MAY_STAY_ENGLISH
from tests.locales.tree import HINTS, LIMITS, texts

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "bot" / "locales"
TEMPLATE = FOLDER / f"{DOMAIN}.pot"
KEYWORDS: Mapping[str, tuple[int | tuple[int, str], ...] | None] = {
    "_": None,
    "later": None,
    "plural": (1, 2),
    "later_plural": (1, 2),
    "in_context": ((1, "c"), 2),
}
"""The functions of `bot.locales.message`, and which of their arguments are messages."""
TREE = "the-command-tree"
HEADER = frozenset({"Project-Id-Version", "Language", "Plural-Forms", "MIME-Version", "Content-Type"})
"""Of Babel's header, what does not change without the messages."""
WIDTH = 120


class SteadyCatalog(Catalog):
    """A catalogue whose header says nothing that changes without its messages."""

    def __init__(self, locale: str | None = None) -> None:
        super().__init__(
            locale, project="Glassbox", version="messages", fuzzy=False, header_comment=f"# {_title(locale)}"
        )

    def _get_mime_headers(self) -> list[tuple[str, str]]:
        kept = [(name, value) for name, value in super()._get_mime_headers() if name in HEADER]
        # The last line of a header ends like all others.
        return [*kept, ("Content-Transfer-Encoding", "8bit\n")]


def _title(locale: str | None) -> str:
    return "All messages of Glassbox." if locale is None else f"The messages of Glassbox in {locale}."


def template() -> Catalog:
    """Extract all messages. This builds the command tree, and takes some seconds."""
    catalog = SteadyCatalog()
    with (ROOT / "babel.cfg").open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)  # type: ignore[no-untyped-call]
    found = extract_from_dir(ROOT, methods, options, KEYWORDS, ("Translators:",), strip_comment_tags=True)
    for path, line, message, comments, context in found:
        catalog.add(message, None, [(path, line)], auto_comments=comments, context=context)
    for place, (context, text) in enumerate(asyncio.run(texts())):
        hint = "; ".join(filter(None, (f"{context}, at most {LIMITS[context]} characters", HINTS.get(context))))
        catalog.add(text, None, [(TREE, place)], auto_comments=[hint], context=context)
    return catalog


def catalogues() -> Iterator[Path]:
    """Yield the catalogues that there are."""
    yield from sorted(FOLDER.glob(f"*/LC_MESSAGES/{DOMAIN}.po"))


def locale_of(path: Path) -> str:
    """Return the locale of a catalogue."""
    return path.parent.parent.name


def read(path: Path) -> Catalog:
    """Read a catalogue; an empty one if there is no file."""
    catalog = SteadyCatalog(locale_of(path))
    if path.exists():
        with path.open("rb") as file:
            known = read_po(file, locale_of(path))
        for message in known:
            if message.id:
                catalog[message.id] = message
        catalog.obsolete = known.obsolete
    return catalog


def updated(path: Path, messages: Catalog) -> Catalog:
    """Return a catalogue with the messages of the template. What these have no more is kept as obsolete."""
    catalog = read(path)
    # Not by likeness: a translation of other words is no translation, and Babel compares each with all.
    catalog.update(messages, no_fuzzy_matching=True, update_header_comment=False)
    return catalog


def missing(catalog: Catalog) -> list[Message]:
    """Return the messages without a translation, beside names in the command tree that may stay English."""
    return [one for one in catalog if one.id and one.context not in MAY_STAY_ENGLISH and not is_translated(one)]


def is_translated(message: Message) -> bool:
    """Return whether a message has all its forms, and somebody stands by them."""
    forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return all(forms) and not message.fuzzy


def as_po(catalog: Catalog) -> bytes:
    """Return a catalogue for people."""
    file = io.BytesIO()
    write_po(file, catalog, width=WIDTH, sort_by_file=True, include_lineno=False)
    return file.getvalue()


def as_mo(catalog: Catalog) -> bytes | None:
    """Return a catalogue for gettext; None if it is incomplete."""
    if missing(catalog):
        return None
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def main() -> None:
    parser = argparse.ArgumentParser(description="Write the catalogues of messages anew from the code.")
    parser.add_argument("locale", nargs="*", help="a new one, such as it or zh_TW")
    new = [FOLDER / locale / "LC_MESSAGES" / f"{DOMAIN}.po" for locale in parser.parse_args().locale]
    messages = template()
    TEMPLATE.write_bytes(as_po(messages))
    for path in sorted({*catalogues(), *new}):
        catalog = updated(path, messages)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(as_po(catalog))
        compiled, target = as_mo(catalog), path.with_suffix(".mo")
        target.unlink(missing_ok=True)
        if compiled is not None:
            target.write_bytes(compiled)
        left = len(missing(catalog))
        print(f"{locale_of(path)}: {f'{left} of {len(messages)} messages are missing' if left else 'complete'}")  # noqa: T201


if __name__ == "__main__":
    main()
