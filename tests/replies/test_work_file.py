"""The file of an explanation, which Discord takes only up to a size."""

from __future__ import annotations

import hypothesis
from hypothesis import strategies as st

from bot.replies.work.file import CUT, work_file
from bot.tasks.work.blocks import Page, Paragraph


def pages(*texts: str) -> list[Page]:
    return [Page(f"Step {number}", "", (Paragraph(text),)) for number, text in enumerate(texts, 1)]


def test_all_pages_in_order() -> None:
    text = work_file(pages("one", "two", "three"), 1)
    assert [text.index(word) for word in ("one", "two", "three")] == sorted(map(text.index, ("one", "two", "three")))
    assert "not in this file" not in text


def test_the_page_that_is_open_is_always_in_it() -> None:
    text = work_file(pages(*(str(number) * 100 for number in range(1, 10))), 7, 400)
    assert "8" * 100 in text
    assert "1" * 100 in text
    assert "… Steps 3 to 7 are not in this file, which would be too long." in text
    assert text.endswith(
        "… Step 9 is not in this file, which would be too long. Turn to a step to get a file that has it.\n"
    )


def test_a_page_that_is_too_long_ends_at_a_whole_line() -> None:
    text = work_file(pages("short", "äöü\n" * 1_000), 1, 500)
    *_, last, cut, _ = text.split("\n")[: text.split("\n").index(str(CUT)) + 2]
    assert (last, cut) == ("äöü", str(CUT))
    assert "short" not in text


@hypothesis.given(st.lists(st.text(max_size=200), min_size=1, max_size=30), st.data())
def test_its_size_is_bounded(texts: list[str], data: st.DataObject) -> None:
    number = data.draw(st.integers(0, len(texts) - 1))
    room = data.draw(st.integers(300, 3_000))
    text = work_file(pages(*texts), number, room)
    assert len(text.encode()) <= room + 400  # the lines about what is left out
    assert f"Step {number + 1}\n" in text
    if "…" not in text:
        assert text.count("Step ") >= len(texts)
