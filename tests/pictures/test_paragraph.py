from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from bot.pictures.paragraph import Cell, Placed, flow, height

CELLS = st.lists(st.builds(Cell, st.floats(1, 60), st.floats(0, 9), st.booleans()), max_size=30)


def test_a_full_line_is_followed_by_another() -> None:
    cells = [Cell(40), Cell(40, gap=10), Cell(40, gap=10)]

    assert flow(cells, 5, 100, 9) == [Placed(5, 0), Placed(55, 0), Placed(5, 1)]


def test_from_right_to_left() -> None:
    cells = [Cell(40), Cell(40, gap=10), Cell(30, gap=10)]

    assert flow(cells, 5, 100, 9, leftwards=True) == [Placed(65, 0), Placed(15, 0), Placed(75, 1)]


def test_a_cell_can_end_its_line() -> None:
    assert [place.line for place in flow([Cell(5, ends_line=True), Cell(5)], 0, 100, 9)] == [0, 1]


def test_what_stands_below_is_left_out() -> None:
    places = flow([Cell(60)] * 5, 0, 100, 2)

    assert [place.line for place in places] == [0, 1]
    assert height(places, 20) == 40
    assert height([], 20) == 0


@given(CELLS, st.booleans())
def test_cells_never_overlap_nor_leave_the_paragraph(cells: list[Cell], leftwards: bool) -> None:
    places = flow(cells, 10, 100, 99, leftwards)

    assert len(places) == len(cells)
    for line in {place.line for place in places}:
        spans = sorted((p.x, p.x + c.width) for p, c in zip(places, cells, strict=True) if p.line == line)
        assert spans[0][0] >= 10 - 1e-6
        assert spans[-1][1] <= 110 + 1e-6
        assert all(end <= start + 1e-6 for (_, end), (start, _) in pairwise(spans))
