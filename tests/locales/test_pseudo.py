"""The pseudo-locale marks what is translated, and nothing else."""

from __future__ import annotations

from bot.locales.message import _, in_context, later, later_plural, plural
from tests.locales.pseudo import marked, unmarked


def test_every_kind_of_message_is_marked_inside_the_body_only() -> None:
    constant = later("Please wait.")
    with marked():
        assert _("Wait {seconds} seconds.", seconds=3) == "⟦Wait 3 seconds.⟧"
        assert plural("{count} row", "{count} rows", 1) == "⟦1 row⟧"
        assert in_context("button", "Open") == "⟦Open⟧"
        assert str(constant) == "⟦Please wait.⟧"
        assert str(later("Because: {reason}", reason=later_plural("{count} row", "{count} rows", 2))) == (
            "⟦Because: ⟦2 rows⟧⟧"
        )
    assert str(constant) == "Please wait."


def test_what_is_outside_of_all_marks_remains() -> None:
    assert unmarked("a ⟦Because: ⟦2 rows⟧ and ⟦more⟧⟧ b") == "a  b"
