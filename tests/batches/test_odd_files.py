"""Files as nobody wants them: read with all of their rows, or refused with a sentence that says what to do."""

from __future__ import annotations

import csv
import gzip
import io
import json
import math
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.batches import rendering
from bot.batches.columns import find_column, obvious_column
from bot.batches.components import columns_view
from bot.batches.encodings import NO_TEXT, decode
from bot.batches.formats import Format
from bot.batches.formulas import guarded
from bot.batches.job import Job, Place, job_as_json, outcomes_as_json, read_job, read_outcomes
from bot.batches.outcomes import Outcome
from bot.batches.plan import Command, Options
from bot.batches.progress import Progress
from bot.batches.reading import LONG_CELL, NOT_JSON, NOT_QUOTED, read_table
from bot.batches.results import answer_names
from bot.batches.summary import summarised
from bot.batches.table import Table
from bot.batches.writing import write_table
from bot.errors import InvalidRequest
from bot.text.characters import whole_characters
from tests.odd_texts import LONG, ODD, check_embed, check_sentence, taken
from tests.protocol.components import check_components
from tests.support import refusal_of

NAMES = ("sentiment", "probability")
GOOD = Outcome(("POSITIVE", 0.98765), counted=("POSITIVE",))
OPTIONS = [
    Options(Command.SENTIMENT),
    Options(Command.ZERO_SHOT, ("one", "two")),
    Options(Command.TRANSLATE, target="German"),
    Options(Command.ENTITIES),
    Options(Command.FILL),
    Options(Command.SIMILARITY, reference="I love apples."),
]
REFUSED_WHOLE = {"controls"}
"""A file of cells that holds these is no text."""


def as_line(cells: list[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line).writerow(cells)
    return line.getvalue()


def csv_rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


def job_of(table: Table, name: str = "a.csv", options: Options = OPTIONS[0], column: str | None = None) -> Job:
    place = Place(1, "token", 0.0, None)
    return Job(1, name, table.format, None, options, table.columns, column, None, place)


@pytest.mark.parametrize("name", [*ODD, *LONG])
def test_an_odd_cell_comes_back_as_it_was(name: str) -> None:
    text = {**ODD, **LONG}[name]
    lines = "".join(f"{json.dumps(one)}\n" for one in ({"text": text, "n": 1}, {"text": "fine", "n": 2}))
    table = read_table(lines.encode(), Format.JSON_LINES)
    back = [json.loads(line) for line in write_table(table, NAMES, {1: GOOD}).content.decode().split("\n")[:-1]]
    assert [one["text"] for one in back] == [text, "fine"]

    written = text.encode("utf-8", "replace").decode()
    content = (as_line(["n", "text"]) + as_line(["1", written]) + as_line(["2", "fine"])).encode()
    if name in REFUSED_WHOLE:
        assert refusal_of(lambda: read_table(content, Format.CSV)) == str(NO_TEXT)
        return
    table = read_table(content, Format.CSV, header=True)
    assert [row.cells[1] for row in table.rows] == [written, "fine"]
    back_cells = csv_rows(write_table(table, NAMES, {1: GOOD}).content)
    assert [row[1] for row in back_cells] == ["text", guarded(written), "fine"]

    # Each command takes the cell, or says in a sentence why it does not.
    for options in OPTIONS:
        sentence = refusal_of(partial(options.request, text, None))
        assert sentence is None or sentence.endswith((".", "`"))
    for kept in read_outcomes([outcomes_as_json({0: Outcome((written,), counted=(written,))})]).values():
        assert kept.values == (written,)


@pytest.mark.parametrize("name", [*ODD, *LONG])
def test_what_is_shown_of_a_file_is_inert_and_short(name: str) -> None:
    text = {**ODD, **LONG}[name]
    lines = [{text: "a", f"{text}2": "b"}, *({"other": text} for _ in range(9))]
    content = "".join(f"{json.dumps(one)}\n" for one in lines).encode() + b"[1]\n"
    table = read_table(content, Format.JSON_LINES)
    labels = tuple(filter(None, (text[:20], "one", "two")))
    typed = (
        Options(Command.SENTIMENT),
        _made(lambda: Options(Command.ZERO_SHOT, labels)),
        _made(lambda: Options(Command.SIMILARITY, reference=text)),
    )
    for options in filter(None, typed):
        job = job_of(table, f"{text[:200]}.csv".encode("utf-8", "replace").decode(), options, table.columns[0])
        assert read_job(job_as_json(job)) == job
        errors = {index: Outcome(error=f"This row has: {text}") for index in range(10)}
        summary = summarised(table, options, errors | {10: Outcome(("x",), counted=(text[:60],))})
        embeds = [
            rendering.asking_column(job),
            rendering.waiting(job),
            rendering.working(job, Progress(10, 5, 1, 0.5, 100.0), notice="The model is being loaded first."),
            rendering.finished(job, summary, 1.5, 3, "A note."),
            rendering.failed(job, "Why not."),
        ]
        for embed in embeds:
            check_embed(embed.to_dict())
        assert len(set(answer_names(options))) == len(answer_names(options))
    with taken() as found:
        check_components(found, columns_view("id", table.columns).to_components(), None, v2=False)
    with pytest.raises(InvalidRequest) as refused:
        find_column(table, f"{text}!")
    check_sentence(refused.value.sentence)


def _made(build: Callable[[], Options]) -> Options | None:
    try:
        return build()
    except InvalidRequest as error:
        check_sentence(error.sentence)
        return None


class TestRowsThatCannotBeRead:
    @pytest.mark.parametrize("header", [True, False, None])
    def test_those_before_the_first_good_one_are_told_as_well(self, header: bool | None) -> None:
        content = b'\n"a"b\n\n"c"d\nid,text\n1,a\n'
        table = read_table(content, Format.CSV, header)
        named = header is not False
        assert table.has_header == named
        faults = [(row.number, row.fault) for row in table.rows]
        assert faults == [(2, str(NOT_QUOTED)), (4, str(NOT_QUOTED)), *([] if named else [(5, "")]), (6, "")]
        back = csv_rows(write_table(table, NAMES, {}).content)
        assert [row[0] for row in back if row[0] != "id"] == ['"a"b', '"c"d', "1"]

    def test_a_broken_header_is_a_row(self) -> None:
        table = read_table(b'id,"text\n1,a\n2,b\n', Format.CSV)
        assert [(row.number, row.fault) for row in table.rows] == [(1, str(NOT_QUOTED)), (2, ""), (3, "")]
        assert table.columns == ("column 1", "column 2")

    def test_a_cell_of_a_megabyte(self) -> None:
        long = "a" * 1_000_000
        for cell in (long, f'"{long}"'):
            table = read_table(f"id,text\n1,{cell}\n2,fine\n".encode(), Format.CSV)
            assert [row.fault for row in table.rows] == [str(LONG_CELL), ""]
            [_, row, fine] = csv_rows(write_table(table, NAMES, {1: GOOD}).content.replace(long.encode(), b"long"))
            assert "long" in row[0]
            assert row[-1] == str(LONG_CELL)
            assert fine[:2] == ["2", "fine"]
        table = read_table(json.dumps({"text": long}).encode(), Format.JSON_LINES)
        assert table.rows[0].cells == (long,)

    def test_many_of_them_are_read_as_quickly_as_others(self) -> None:
        """Each is one step: not one through all lines before it."""
        table = read_table(b"id,text\n" + b'1,"a"b\n' * 19_000, Format.CSV)
        assert len(table.rows) == 19_000
        assert {row.fault for row in table.rows} == {str(NOT_QUOTED)}

    def test_a_thousand_cells_in_one_row(self) -> None:
        table = read_table(b"a,b\n" + b"x," * 999 + b"x\n1,2\n", Format.CSV, header=True)
        assert table.rows[0].fault.startswith("This row has 1000 cells instead of 2.")
        assert table.rows[1].cells == ("1", "2")
        for content, kind in (
            (b"x," * 999, Format.CSV),
            (json.dumps(dict.fromkeys(map(str, range(999)))).encode(), Format.JSON_LINES),
        ):
            assert "200 at most" in str(refusal_of(partial(read_table, content, kind)))


class TestJson:
    def test_values_of_every_kind(self) -> None:
        values = ['{"a": {"b": [1, 2]}}', '{"a": [1, "x"]}', '{"a": NaN}', '{"a": -Infinity}', '{"a": true}']
        others = ["[1]", '"x"', "1", "null", "NaN", "{", "{'a': 1}", '{"a": 1} {"a": 2}', "1" * 5_000]
        table = read_table("\n".join([*values, *others]).encode(), Format.JSON_LINES)
        assert [row.fault for row in table.rows] == [""] * len(values) + [str(NOT_JSON)] * len(others)
        assert [row.cells[0] for row in table.rows[: len(values)]] == [
            '{"b": [1, 2]}', '[1, "x"]', "NaN", "-Infinity", "true",
        ]  # fmt: skip
        back = write_table(table, NAMES, {}).content.decode().split("\n")[:-1]
        assert [line.split(', "sentiment"')[0] + "}" for line in back[: len(values)]] == values
        assert [json.loads(line)["line"] for line in back[len(values) :]] == others
        assert math.isnan(json.loads(back[2])["a"])

    def test_however_deep_it_is_nested_it_is_a_row(self) -> None:
        limit = sys.getrecursionlimit()
        depths = [10, *range(limit - 80, limit + 20, 4), 50_000]
        for opening, closing in (("[", "]"), ('{"a":', "}")):
            lines = [f'{{"a": {opening * depth}1{closing * depth}}}' for depth in depths]
            table = read_table("\n".join(lines).encode(), Format.JSON_LINES)
            assert [row.number for row in table.rows] == list(range(1, len(lines) + 1))
            assert table.rows[0].fault == ""
            assert table.rows[-1].fault == str(NOT_JSON)
            assert write_table(table, NAMES, {}).content.count(b"\n") == len(lines)

    def test_names_of_fields(self) -> None:
        names = ["", " ", "text", "text ", "\ud83d", "\ud83d\udc00x", "\ufffd", "error", "a,b", '"', "=1"]
        table = read_table(json.dumps(dict.fromkeys(names, "x")).encode(), Format.JSON_LINES)
        assert len(set(table.columns)) == len(names)
        "".join(table.columns).encode()
        job = job_of(table, column=table.columns[4])
        assert read_job(job_as_json(job)) == job
        [line] = write_table(table, NAMES, {0: GOOD}).content.decode().splitlines()
        whole = [whole_characters(name) if len(name) == 3 else name for name in names]
        assert list(json.loads(line))[: len(names)] == whole
        assert json.loads(line)["error_2"] is None
        twice = read_table(b'{"text": "a", "text": "b"}', Format.JSON_LINES)
        assert twice.rows[0].cells == ("b",)


class TestHeaders:
    @pytest.mark.parametrize(
        ("content", "columns"),
        [
            (b"text,text,TEXT,\na,b,c,d\n", ("text", "text_2", "TEXT", "column 4")),
            (b",,\na,b,c\n", ("column 1", "column 2", "column 3")),
            (b" a , a,a\n1,2,3\n", ("a", "a_2", "a_3")),
            (b"\xef\xbb\xbf\xef\xbb\xbftext\na\n", ("\ufefftext",)),
        ],
    )
    def test_each_column_can_be_found(self, content: bytes, columns: tuple[str, ...]) -> None:
        table = read_table(content, Format.CSV, header=True)
        assert table.columns == columns
        assert [find_column(table, name) for name in columns] == list(columns)

    def test_nothing_but_a_header_is_no_row(self) -> None:
        for content in (b"id,text\n", b"id,text", b"\n\nid,text\n\n\n"):
            assert "no row" in str(refusal_of(partial(read_table, content, Format.CSV)))
        one = read_table(b"I love it, really.\n", Format.CSV)
        assert (one.has_header, len(one.rows)) == (False, 1)
        assert obvious_column(read_table(b"I love it.", Format.TEXT)) == "text"

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_line_ends_of_every_kind(self, end: str) -> None:
        table = read_table(f"id,text{end}1,a\r2,b\r\n3,c\n4,d{end}".encode(), Format.CSV)
        assert [row.cells for row in table.rows] == [("1", "a"), ("2", "b"), ("3", "c"), ("4", "d")]
        assert [row[:2] for row in csv_rows(write_table(table, NAMES, {}).content)[1:]] == [
            ["1", "a"], ["2", "b"], ["3", "c"], ["4", "d"],
        ]  # fmt: skip


def _renamed() -> Iterator[bytes]:
    yield gzip.compress(b"text\nI love it\n" * 50, mtime=1)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("a.csv", "text\nI love it\n")
    yield archive.getvalue()
    yield b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    yield b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n\x01\x02"
    yield "text\nnot marked\n".encode("utf-16-le")
    yield b"text\na\0b\n"
    yield b"\xff\xfetext\n"


@pytest.mark.parametrize("content", list(_renamed()), ids=["gzip", "zip", "png", "pdf", "utf-16", "nul", "odd utf-16"])
def test_what_is_no_text_is_refused_whatever_its_name(content: bytes) -> None:
    assert refusal_of(lambda: decode(content)) == str(NO_TEXT)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("latin-1", "größe\nschöne Grüße aus Köln\n"),
        ("utf-8-sig", "größe\n"),
        ("utf-16", "größe\r\n"),
        ("utf-32", "ä\n"),
    ],
)
def test_an_encoding_that_is_no_utf_8(name: str, text: str) -> None:
    assert decode(text.encode(name))[0] == text


@pytest.mark.parametrize("text", ["déjà vu\n", "café", "über", "naïve;öl\n1;2\n"])
def test_a_few_words_with_accents_are_no_chinese(text: str) -> None:
    found, encoding = decode(text.encode("cp1252"))
    assert (found, encoding.name) == (text, "cp1252")


def test_a_delimiter_under_which_the_quotation_marks_are_broken_is_none() -> None:
    table = read_table(b'||a||,b,c\n"x y",""" z",1\n', Format.CSV)
    assert table.dialect.delimiter == ","
    assert not any(row.fault for row in table.rows)


def test_no_label_is_too_odd_for_the_names_of_the_answers() -> None:
    for labels in (tuple(f"label {n}" for n in range(40)), ("a", "A", "a "), ("", " "), ("x" * 81, "y")):
        assert refusal_of(partial(Options, Command.ZERO_SHOT, labels)) is not None
    options = Options(Command.ZERO_SHOT, ('a "b", c', "=1", "@everyone", "d\ne", "a\ud83d"))
    table = read_table(b"label,p(=1)\nx,y\n", Format.CSV, header=True)
    header, *_ = csv_rows(write_table(table, answer_names(options), {}).content)
    assert header[2:] == [
        "label_2", "probability", 'p(a "b", c)', "p(=1)_2", "p(@everyone)", "p(d\ne)", "p(a)", "error",
    ]  # fmt: skip


@given(st.lists(st.text(st.sampled_from('a",;\t\r\n =\ufeff'), max_size=8), min_size=1, max_size=8))
@settings(max_examples=150, deadline=None)
def test_no_line_is_lost(lines: list[str]) -> None:
    """Whatever stands in a file, each of its characters but the marks of cells comes back."""
    content = ("x" + "\n".join(lines)).encode()
    for kind in (Format.CSV, Format.TSV):
        try:
            table = read_table(content, kind, header=False)
        except InvalidRequest:
            continue
        back = write_table(table, NAMES, {}).content.decode()
        assert back.count("a") >= content.decode().count("a")
        numbers = [row.number for row in table.rows]
        assert numbers == sorted(set(numbers))
