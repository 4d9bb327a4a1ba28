"""What of a message is translated, and what stays as it is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tasks.translation.passages import Document
from bot.tasks.translation.protected import PieceKind, pieces, without_protected
from bot.text.sentences import sentences

KEPT = [
    "<:catjam:123456789012345678>",
    "<a:partyblob:123456789012345678>",
    "<@123456789012345678>",
    "<@!123456789012345678>",
    "<@&123456789012345678>",
    "<#123456789012345678>",
    "</translate text:123456789012345678>",
    "<t:1700000000>",
    "<t:1700000000:R>",
    "<id:customize>",
    "https://example.com/the/red/house",
    "<https://example.com/a?b=c&d=1#e>",
    "https://en.wikipedia.org/wiki/Cat_(animal)",
    "www.example.com",
    "www.Example.org/Team",
    "ssh://example.com:22/a",
    "example.com/the/red/house",
    "first.last+tag@example.co.uk",
    "`pip install cats`",
    "``a ` b``",
    "snake_case_name",
    "4915123456789",
    "+4915123456789",
    "😀",
    "👨‍👩‍👧‍👦",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "🇩🇪",
    "👍🏽",
    "1️⃣",
    ":smile:",
    "@everyone",
]


@pytest.mark.parametrize("kept", KEPT)
def test_what_is_no_language_is_one_piece(kept: str) -> None:
    """Rows G10 and G11 and their kind."""
    for text in (f"Look at {kept} now", f"({kept})", f"{kept}, please", f"Look at {kept}."):
        assert [piece.text for piece in pieces(text) if piece.kind is PieceKind.KEPT] == [kept]


@pytest.mark.parametrize(
    "text",
    ["At 10:30:45 o'clock", "3.14 and 1,000", "C++ & C#", "a < b > c", "e.g. this", "I am 25. You too", "me@home", "©"],
)
def test_what_is_language(text: str) -> None:
    assert not [piece for piece in pieces(text) if piece.kind is PieceKind.KEPT]


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("**bold** and *it*", ["**", "**", "*", "*"]),
        ("__under__ _line_", ["__", "__", "_", "_"]),
        ("~~no~~ ||secret||", ["~~", "~~", "||", "||"]),
        ("[the cat](https://example.com/a_(b)) sleeps", ["[", "](https://example.com/a_(b))"]),
        ("[the cat](<https://example.com>)", ["[", "](<https://example.com>)"]),
        (r"2 \* 3", [r"\*"]),
        ("[no link] (really)", []),
    ],
)
def test_marks(text: str, marks: list[str]) -> None:
    assert [piece.text for piece in pieces(text) if piece.kind is PieceKind.MARK] == marks


def test_words_alone() -> None:
    text = "Hola <@1> **amigo**, mira https://example.com/the/house `x = 1` 😀\n```py\nprint()\n```\nadiós"
    assert without_protected(text) == "Hola amigo, mira adiós"


def by_sentence(text: str) -> Document:
    return Document.of(text, lambda line: sentences(line, "en"))


def by_line(text: str) -> Document:
    return Document.of(text, lambda line: [line])


def readings(document: Document) -> list[tuple[str, ...]]:
    return [passage.readings for passage in document.passages]


def test_layout() -> None:
    """Rows G6 and G8 and their kind: empty lines, indentation, lists, quotes, headings and code."""
    code = "```py\nprint('Hi.')\n```"
    text = f"# News\n\n  - one thing. Another\n\t1. two\n> quoted\n>>> all\n-# small\n* * *\n{code}\nend  "
    document = by_sentence(text)
    assert readings(document) == [
        (one,) for one in ("News", "one thing.", "Another", "two", "quoted", "all", "small", "end")
    ]
    assert document.with_translations("abcdefgh") == (f"# a\n\n  - b c\n\t1. d\n> e\n>>> f\n-# g\n* * *\n{code}\nh  ")


@pytest.mark.parametrize("mark", ["a.", "b)", "(c)", "(1)", "iv.", "- [ ]", "- [x]", "2)"])
def test_marks_of_lists(mark: str) -> None:
    document = by_sentence(f"Lists:\n  {mark} Buy bread\nI am fine. You too.")
    assert readings(document)[1:] == [("Buy bread",), ("I am fine.",), ("You too.",)]
    assert document.with_translations("abcd") == f"a\n  {mark} b\nc d"


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("I love cats <:cat:1> 😀", ("I love cats",)),
        ("😀 I love cats!", ("I love cats!",)),
        ("**I love cats.**", ("I love cats.",)),
        ("Ask <@1> about the cat.", ("Ask X1 about the cat.", "Ask", "about the cat.")),
        ("I **love** cats", ("I **love** cats", "I", "love", "cats")),
        ("**I** love cats", ("**I** love cats", "I", "love cats")),
        ("I love **cats**", ("I love **cats**", "I love", "cats")),
        ("Read [the book](https://a.b) now", ("Read [the book](X1) now", "Read", "the book", "now")),
        ("X1 is <@1> and <@2>, ok", ("X1 is Z1 and Z2, ok", "X1 is", "and", "ok")),
        ("**Dr.** Miller", ("**Dr.** Miller", "Dr.", "Miller")),
        ("See https://a.b/x.html. It is good.", ("See",)),
    ],
)
def test_what_a_model_reads(text: str, read: tuple[str, ...]) -> None:
    assert readings(by_sentence(text))[0] == read


@pytest.mark.parametrize(
    ("translation", "right"),
    [
        ("Frag X1 nach **der** Katze.", "Frag <@1> nach **der** Katze."),
        ("Frag **X1** nach der Katze.", "Frag **about the** cat"),  # not in order
        ("Frag X1 X1 nach **der** Katze.", None),
        ("Frag nach **der** Katze.", None),
        ("Frag X1 nach der Katze.", None),
        ("Frag X12 nach **der** Katze.", None),
        ("Frag X1 nach **der** Katze X2.", None),
        ("Frag X1 nach **der** **Katze**.", None),
        ("", None),
    ],
)
def test_stand_ins_have_to_come_back(translation: str, right: str | None) -> None:
    [passage] = by_sentence("Ask <@1> about **the** cat.").passages
    assert passage.readings == ("Ask X1 about **the** cat.", "Ask", "about", "the", "cat.")
    found, used = passage.assembled([translation, "A", "B", "C", "D"])
    if right is not None and right.startswith("Frag <@1>"):
        assert (found, used) == (right, range(1))
    else:
        assert (found, used) == ("A <@1> B **C** D", range(1, 5))


def test_a_fragment_gets_no_full_stop_that_it_has_not() -> None:
    """Models end what they write, also where the sentence goes on behind a mention."""
    [passage] = by_sentence("Ask <@1> about **the** cat.").passages
    found, _ = passage.assembled(["", "Frag.", "nach…", "der。", "Katze."])
    assert found == "Frag <@1> nach… **der** Katze."
    assert by_sentence("I love cats <:a:1>").translated(["Ich liebe Katzen."])[0] == "Ich liebe Katzen <:a:1>"
    assert by_sentence("Hi **you**! Go.").translated(["He **du**.", "", "", "Geh."])[0] == "He **du**! Geh."
    assert by_sentence("I love cats\nBye").translated(["Ich liebe Katzen.", "Ade."])[0] == "Ich liebe Katzen.\nAde."


@pytest.mark.parametrize("number", ["+49 151 1234567", "+1 (555) 123-4567", "+33 1 23 45 67 89", "+4915112345"])
def test_telephone_numbers_stay(number: str) -> None:
    assert by_sentence(f"Please call {number}.").passages[0].kept == {number}


def test_what_a_model_makes_up_once_more_is_left_out() -> None:
    document = by_sentence("I love cats 😀")
    assert document.translated(["Ich liebe 😀 Katzen 😀"]) == ("Ich liebe  Katzen  😀", [0])
    document = by_sentence("Ask <@1> and\nall <@2> of them")
    written = ["", "Frag <@1> <@2>", "und <@<@1>1>", "alle X1 davon <@1>", "", ""]
    assert document.translated(written)[0] == "Frag   <@1> und \nalle <@2> davon"


ATOMS = st.one_of(
    st.sampled_from(
        [*KEPT, "**", "*", "_", "~~", "||", "[", "](https://example.com/x)", "```", "`", "\\*", "X1", "Z2"]
    ),
    st.sampled_from(
        [" ", "  ", "\n", "\n\n", "\t", "> ", "- ", "1. ", "# ", ". ", "! ", "? ", "。", '"', "“", "”", "(", ")"]
    ),
    st.sampled_from(["cat", "Dr.", "e.g.", "I", "über", "猫", "1.5", "10:30"]),
    st.text(max_size=4),
)
TEXTS = st.lists(ATOMS, max_size=14).map("".join)


@given(TEXTS)
def test_apart_and_together_again(text: str) -> None:
    for document in (by_sentence(text), by_line(text)):
        original = ["".join(piece.text for piece in passage.pieces) for passage in document.passages]
        assert document.with_translations(original) == text
        assert all("\n" not in read for passage in document.passages for read in passage.readings)
        assert all(any(map(str.isalnum, read)) for passage in document.passages for read in passage.readings)


APART = [one for one in KEPT if not any(one in other for other in KEPT if other != one)]


def in_order(parts: list[str], text: str) -> Iterator[bool]:
    end = 0
    for part in parts:
        place = text.find(part, end)
        yield place >= 0
        end = place + len(part)


@given(
    st.lists(st.sampled_from(APART), min_size=1, max_size=5, unique=True),
    st.lists(st.sampled_from(["cats are nice", "Ask", "and", "the end.", "\n", "**", "X1"]), min_size=6, max_size=6),
    st.data(),
)
def test_whatever_a_model_writes(kept: list[str], between: list[str], data: st.DataObject) -> None:
    """Each piece that is no language is in the result once, and in its place among the others."""
    text = "".join(f"{words} {one} " for words, one in zip(between, kept, strict=False)) + between[-1]
    here = [piece.text for piece in pieces(text) if piece.kind is PieceKind.KEPT]
    written = st.lists(st.sampled_from([*here, "X1", "X2", "Z1", "**", " ", "Unsinn", "<@", ">"]), max_size=6).map(
        "".join
    )
    for document in (by_sentence(text), by_line(text)):
        result, _ = document.translated([data.draw(written) for passage in document.passages for _ in passage.readings])
        assert all(in_order(here, result))
        assert [result.count(one) for one in here] == [1] * len(here)
