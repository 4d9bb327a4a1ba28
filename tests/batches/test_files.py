"""Files to tables and back."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.batches.columns import find_column, obvious_column
from bot.batches.formats import MOST_BYTES, MOST_ROWS, Format, answered_name, check_size, format_of
from bot.batches.formulas import GUARD, guarded, is_formula
from bot.batches.outcomes import Outcome
from bot.batches.packing import IS_ZIPPED, TOO_LARGE, packed
from bot.batches.reading import NOT_JSON, NOT_QUOTED, read_table
from bot.batches.writing import NOT_REACHED, write_table
from bot.errors import InvalidRequest

NAMES = ("sentiment", "probability")
GOOD = Outcome(("POSITIVE", 0.98765), counted=("POSITIVE",))

cells = st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\t\n\r\"',;|=+-@ "), max_size=12)


def tables(columns: st.SearchStrategy[int]) -> st.SearchStrategy[list[list[str]]]:
    return columns.flatmap(lambda number: st.lists(st.lists(cells, min_size=number, max_size=number), min_size=1))


def as_csv(rows: list[list[str]], delimiter: str, quoting: int, end: str) -> str:
    lines = []
    for row in rows:
        line = io.StringIO(newline="")
        csv.writer(line, delimiter=delimiter, quoting=quoting).writerow(row)  # type: ignore[arg-type]
        lines.append(line.getvalue().removesuffix("\r\n") + end)
    return "".join(lines)


def read_back(content: bytes, delimiter: str) -> list[list[str]]:
    text = content.decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


class TestRoundTrip:
    @settings(max_examples=150, deadline=None)
    @given(
        rows=tables(st.integers(2, 4)),
        delimiter=st.sampled_from(",\t"),
        quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
        end=st.sampled_from(["\n", "\r\n"]),
    )
    def test_every_cell_comes_back_where_it_was(
        self, rows: list[list[str]], delimiter: str, quoting: int, end: str
    ) -> None:
        names = [f"column {number}" for number in range(len(rows[0]))]
        text = as_csv([names, *rows], delimiter, quoting, end)
        kind = Format.TSV if delimiter == "\t" else Format.CSV
        table = read_table(text.encode(), kind, header=True)
        assert [list(row.cells) for row in table.rows] == rows
        written = write_table(table, NAMES, dict.fromkeys(range(len(rows)), GOOD))
        header, *back = read_back(written.content, table.dialect.delimiter)
        assert header == [*names, *NAMES, "error"]
        assert [row[: len(names)] for row in back] == [[guarded(cell) for cell in row] for row in rows]
        assert [row[len(names) :] for row in back] == [["POSITIVE", "0.9877", ""]] * len(rows)
        assert not any(is_formula(cell) for row in back for cell in row)
        assert written.guarded == sum(is_formula(cell) for row in rows for cell in row)

    @given(st.lists(st.dictionaries(st.text(max_size=5), st.text() | st.floats() | st.integers(), max_size=4)))
    @settings(max_examples=100, deadline=None)
    def test_lines_of_json_keep_every_value(self, objects: list[dict[str, object]]) -> None:
        objects = [{"text": "a"}, *objects]
        content = "".join(f"{json.dumps(one)}\n" for one in objects).encode()
        table = read_table(content, Format.JSON_LINES)
        lines = write_table(table, NAMES, {0: GOOD}).content.decode().splitlines()
        back = [json.loads(line) for line in lines]
        assert [repr({name: one[name] for name in had}) for one, had in zip(back, objects, strict=True)] == [
            repr(one) for one in objects
        ]
        added = [name for name in back[0] if name not in table.columns]
        assert [back[0][name] for name in added] == ["POSITIVE", 0.98765, None]
        assert all(one[added[-1]] == str(NOT_REACHED) for one in back[1:])

    @given(st.binary(max_size=200))
    @settings(max_examples=200, deadline=None)
    def test_any_bytes_are_read_or_refused(self, content: bytes) -> None:
        for kind in Format:
            try:
                table = read_table(content, kind)
            except InvalidRequest:
                continue
            assert table.asked
            write_table(table, NAMES, {})


class TestFormulas:
    @pytest.mark.parametrize(
        "cell",
        [
            "=1+1",
            "+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            "=",
            "-",
            "--5",
            "+1+1",
            "-1-1",
        ],
    )
    def test_formulas_are_guarded(self, cell: str) -> None:
        assert guarded(cell) == GUARD + cell

    @pytest.mark.parametrize(
        "cell", ["", "a=1", "-5", "+1.5", "-1,234.5", "-3 %", "-.5", "+49 151 23456", "'=1", "-1e-5"]
    )
    def test_numbers_and_words_stay_as_they_are(self, cell: str) -> None:
        assert guarded(cell) == cell

    @given(st.text())
    def test_what_is_guarded_is_no_formula(self, cell: str) -> None:
        assert not is_formula(guarded(cell))


class TestFaults:
    def test_bad_rows_are_told_by_number_and_never_dropped(self) -> None:
        content = b'id,text\r\n1,"I love, it"\r\n2\r\n3,a,b,c\r\n\r\n4,"open\r\n5,"fine"\r\n6,x"y\r\n'
        table = read_table(content, Format.CSV)
        assert [(row.number, bool(row.fault)) for row in table.rows] == [
            (2, False), (3, True), (4, True), (5, False), (6, True), (7, False), (8, False),
        ]  # fmt: skip
        assert table.rows[4].fault == str(NOT_QUOTED)
        assert table.rows[2].fault == "This row has 4 cells instead of 2. The others are: b,c"
        lines = write_table(table, NAMES, {0: GOOD}).content.decode().split("\r\n")
        assert len(lines) == 1 + 7 + 1
        assert lines[4] == ""
        assert lines[5] == f'"4,""open",,,,{NOT_QUOTED}'
        assert table.dialect.line_end == "\r\n"

    def test_lines_that_are_no_json_become_a_part_of_one(self) -> None:
        table = read_table(b'{"text": "a", "n": 1.0e5}\n[1]\nx\n\n{}\n', Format.JSON_LINES)
        assert [row.fault for row in table.rows] == ["", str(NOT_JSON), str(NOT_JSON), "", ""]
        lines = write_table(table, NAMES, {0: GOOD}).content.decode().split("\n")
        assert lines[0].startswith('{"text": "a", "n": 1.0e5, "sentiment": "POSITIVE"')
        assert json.loads(lines[1]) == {"line": "[1]", "error": str(NOT_JSON)}
        assert lines[3] == ""
        assert json.loads(lines[4])["error"] == str(NOT_REACHED)

    @pytest.mark.parametrize(
        "content",
        [b"", b"\n\n", b"\x89PNG\r\n\x1a\n\0\0", b"PK\x03\x04\0\0", b"\xff\xfe\0\xd8", b"a\0b", b"\xef\xbb\xbf"],
    )
    def test_what_is_no_text_is_refused(self, content: bytes) -> None:
        for kind in (Format.CSV, Format.TSV, Format.JSON_LINES):
            with pytest.raises(InvalidRequest):
                read_table(content, kind)

    def test_too_much_is_refused(self) -> None:
        with pytest.raises(InvalidRequest, match="20,000"):
            read_table(b"text\n" + b"a,\n" * (MOST_ROWS + 1), Format.CSV)
        assert read_table(b"a\n" * MOST_ROWS, Format.TEXT).asked == MOST_ROWS
        with pytest.raises(InvalidRequest, match="columns"):
            read_table(b"," * 500, Format.CSV)
        for size in (0, MOST_BYTES + 1):
            with pytest.raises(InvalidRequest):
                check_size(size)
        check_size(MOST_BYTES)


class TestEncodings:
    @pytest.mark.parametrize("name", ["utf-8", "utf-8-sig", "utf-16", "cp1252", "utf-32"])
    def test_the_encoding_is_found_and_kept(self, name: str) -> None:
        text = "name;größe\r\nJosé;schöne Grüße aus Köln, wo es heute regnet\r\n"
        table = read_table(text.encode(name), Format.CSV)
        assert table.columns == ("name", "größe")
        assert table.dialect.delimiter == ";"
        back = write_table(table, NAMES, {0: GOOD}).content
        assert back.decode(name).startswith("name;größe;sentiment")
        assert back.startswith(text.encode(name)[:2])

    def test_an_answer_that_an_encoding_lacks_comes_in_utf_8(self) -> None:
        table = read_table("größe und mehr\n".encode("cp1252"), Format.TEXT)
        back = write_table(table, ("translation",), {0: Outcome(("大きさ",))}).content
        assert "大きさ" in back.decode("utf-8-sig")


class TestColumns:
    @pytest.mark.parametrize(
        ("content", "column"),
        [
            (b"text\nI love it\n", "text"),
            (b"id,Review\n1,I love it\n", "Review"),
            (b"id,note\n1,I love it very much\n2,I hate it as well\n", "note"),
            (b"a,b\n1,2\n", None),
            (b"question,text\nwhat is it,it is this\n", None),
        ],
    )
    def test_the_obvious_one(self, content: bytes, column: str | None) -> None:
        assert obvious_column(read_table(content, Format.CSV)) == column

    def test_one_is_found_whatever_its_case(self) -> None:
        table = read_table(b"Text,text ,TEXT\na,b,c\n", Format.CSV, header=True)
        assert table.columns == ("Text", "text", "TEXT")
        assert find_column(table, "text") == "text"
        assert find_column(read_table(b"Text,b\na,b\n", Format.CSV), "tEXT") == "Text"
        with pytest.raises(InvalidRequest, match="`column` can be “Text”, “text” and “TEXT”"):
            find_column(table, "*mood*")

    @pytest.mark.parametrize(
        ("content", "named"),
        [(b"text\nhi\n", True), (b"1,2\n3,4\n", False), (b"I love it.,yes\nno,no\n", False), (b",text\n0,a\n", True)],
    )
    def test_a_header_is_found(self, content: bytes, named: bool) -> None:
        table = read_table(content, Format.CSV)
        assert table.has_header == named
        back = write_table(table, NAMES, {}).content.decode()
        assert ("sentiment" in back) == named

    def test_a_name_that_is_taken_gets_a_number(self) -> None:
        table = read_table(b"text,error,sentiment\na,b,c\n", Format.CSV)
        back = write_table(table, NAMES, {0: GOOD}).content.decode()
        assert back.startswith("text,error,sentiment,sentiment_2,probability,error_2\n")


@pytest.mark.parametrize(
    ("name", "kind", "found"),
    [
        ("A.CSV", None, Format.CSV),
        ("a.tsv", "text/csv", Format.TSV),
        ("a.jsonl", None, Format.JSON_LINES),
        ("a", "text/plain; charset=utf-8", Format.TEXT),
        ("a.xlsx", "application/vnd.ms-excel", None),
        ("a.csv.gz", "application/gzip", None),
    ],
)
def test_formats(name: str, kind: str | None, found: Format | None) -> None:
    if found is not None:
        assert format_of(name, kind) is found
        return
    with pytest.raises(InvalidRequest, match="I read CSV"):
        format_of(name, kind)


def test_names_of_files_that_go_back() -> None:
    assert answered_name("../my reviews*.csv", Format.CSV) == "my reviews_-answered.csv"
    assert answered_name("lines.txt", Format.TEXT) == "lines-answered.csv"
    assert answered_name("...", Format.JSON_LINES).endswith("-answered.jsonl")


def test_a_large_file_is_packed() -> None:
    assert packed("a.csv", b"x" * 10, 10).content == b"x" * 10
    small = packed("a.csv", b"x" * 1_000, 200)
    assert (small.name, small.note) == ("a.csv.zip", str(IS_ZIPPED))
    assert packed("a.csv", b"x" * 1_000, 10).note == str(TOO_LARGE)
