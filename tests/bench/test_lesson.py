"""The lessons' numbers are compared with what pages show."""

from __future__ import annotations

from tests.bench.lesson import LESSON, TEXT, missing, numbers


def test_numbers_are_found() -> None:
    assert numbers("from −0.197 (45.1%) to +5.341, 64 texts") == ["−0.197", "45.1", "+5.341"]
    assert list(missing("+1.000 and 20.5 %", "+1.000, 20.4%")) == ["20.5"]


def test_the_lesson_has_numbers_about_its_text() -> None:
    lesson = LESSON.read_text("utf-8")
    assert TEXT in lesson
    assert len(numbers(lesson)) > 10
