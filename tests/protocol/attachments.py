"""Rules about the files of a message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import regex

from tests.protocol.exchanges import SentFile
from tests.protocol.faults import Faults

Json = dict[str, Any]

MIB = 2**20
PNG = b"\x89PNG\r\n\x1a\n"
MOST_FILES = 10
_KEPT_NAME = regex.compile(r"[A-Za-z0-9_.\-]{1,1024}")


def is_new(entry: Json, files: Sequence[SentFile]) -> bool:
    """Whether an entry of `attachments` is about a file of this request; ids of those that Discord has are long."""
    return str(entry["id"]).isdigit() and int(entry["id"]) < len(files)


def check_files(found: Faults, listed: Sequence[Json], files: Sequence[SentFile]) -> None:
    """Check the files of a request.

    Args:
        listed: `attachments` of its body.
    """
    if max(len(listed), len(files)) > MOST_FILES:
        found.add("attachment", f"{max(len(listed), len(files))} files, at most {MOST_FILES}")
    ids, names = [str(one["id"]) for one in listed], [file.name for file in files]
    for what, given in (("ids", ids), ("names", names)):
        if len(set(given)) < len(given):
            found.add("attachment", f"{what} {given} are not unique")
    entries = {str(one["id"]): one for one in listed}
    for place, file in enumerate(files):
        _check_entry(found, place, file, entries.get(str(place)))
        _check_content(found, file)
    if sum(file.size for file in files) > 25 * MIB:
        found.add("size", "more than 25 MiB together")


def _check_entry(found: Faults, place: int, file: SentFile, entry: Json | None) -> None:
    if entry is None:
        found.add("attachment", f"files[{place}] is not listed")
    elif entry.get("filename") != file.name:
        found.add("attachment", f"{entry.get('filename')!r} is called {file.name!r} in the form")
    # Discord makes "_" of other characters, and attachment:// would not find the file any more.
    if _KEPT_NAME.fullmatch(file.name) is None:
        found.add("attachment", f"the name {file.name!r} would be changed by Discord")
    for description in (file.description, (entry or {}).get("description")):
        found.measure("alt text", description, 1024)


def _check_content(found: Faults, file: SentFile) -> None:
    if file.size > 10 * MIB:
        found.add("size", f"{file.name} has {file.size:,} bytes")
    if not file.size:
        found.add("attachment", f"{file.name} is empty")
    if file.name.endswith(".png") and file.head != PNG:
        found.add("attachment", f"{file.name} is no PNG")


def check_url(found: Faults, url: str | None, files: Sequence[str] | None) -> None:
    """Check the address of a picture or file.

    Args:
        files: the names of the message's files; None where they are not known.
    """
    if url is None:
        return
    name = url.removeprefix("attachment://")
    if name != url:
        if files is not None and name not in files:
            found.add("attachment-url", f"{url}, and the files are {list(files)}")
    elif not url.startswith(("https://", "http://")):
        found.add("attachment-url", f"{url} is no address that Discord takes")


def names_after(listed: Sequence[Json], files: Sequence[SentFile]) -> Iterator[str]:
    """The names of a message's files after a request that lists them."""
    for entry in listed:
        if not is_new(entry, files):
            yield entry.get("filename") or "?"
    for file in files:
        yield file.name
