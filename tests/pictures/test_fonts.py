from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.pictures.fonts import Han, installed
from bot.pictures.wording import visible

JAPANESE, CHINESE = Han.JAPANESE, Han.SIMPLIFIED_CHINESE


def numbers(text: str) -> list[int]:
    return [glyph.number for _, glyphs in installed().line(text, JAPANESE).parts for glyph in glyphs]


def mask(text: str, han: Han = JAPANESE, bold: bool = False) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    drawn = installed().line(text, han, bold).rasterised(64)
    assert drawn is not None
    return np.asarray(drawn[0])


@pytest.mark.parametrize(
    "text",
    [
        "course Ġ à ß ▁", "Привет", "αβγ", "日本語", "中文", "繁體", "한국어", "مرحبا", "שלום", "नमस्ते", "สวัสดี", "বাংলা",
        "தமிழ்", "გამარჯობა", "Բարեւ", "አማርኛ", "ខ្មែរ", "😀🇩🇪👍🏽❤️", "→ ▲ ▼ ✂ ␣ ⏎ … −", "\ufffd",
    ],
)  # fmt: skip
def test_every_script_has_its_letters(text: str) -> None:
    assert 0 not in numbers(text)


@pytest.mark.parametrize("char", ["\ue000", "\U00012000", "\u0378"])
def test_what_no_font_has_is_a_box(char: str) -> None:
    box = mask(char)

    assert numbers(char) == [0]
    assert box[0].all()
    assert box[:, 0].all()
    assert not box[box.shape[0] // 2, box.shape[1] // 2]


def test_arabic_letters_are_joined() -> None:
    fonts = installed()

    assert len(set(numbers("ححح"))) == 3  # the same letter first, between and last
    assert fonts.line("ححح", JAPANESE).width < 3 * fonts.line("ح", JAPANESE).width


def test_pieces_of_an_arabic_word_are_shaped_as_in_the_word() -> None:
    fonts = installed()
    joined = fonts.joined(["بحر", "مح", "مد", "hel", "lo"], [False, False, True, False, True], JAPANESE)

    assert joined == ["بحر", "مح\u200d", "\u200dمد", "hel", "lo"]
    assert set(numbers("محمد")) <= {number for piece in joined[1:3] for number in numbers(piece)}
    assert not set(numbers("محمد")) <= {number for piece in ("مح", "مد") for number in numbers(piece)}
    # After a letter that never joins the next one, nothing is joined.
    assert fonts.joined(["مر", "حبا"], [False, True], JAPANESE) == ["مر", "حبا"]
    # Nor between two words, nor at a token without letters.
    assert fonts.joined(["مح", "مد", ""], [False, False, True], JAPANESE) == ["مح", "مد", ""]


def test_arabic_runs_from_right_to_left() -> None:
    [(_, glyphs)] = installed().line("اب", JAPANESE).parts
    [alef] = numbers("ا")

    assert glyphs[-1].number == alef  # the first letter stands on the right


def test_words_of_two_directions_stand_in_order() -> None:
    parts = installed().line("abc שלום", JAPANESE).parts

    assert [glyphs[0].x for _, glyphs in parts] == sorted(glyphs[0].x for _, glyphs in parts)
    assert len(parts) == 2


@pytest.mark.parametrize("emoji", ["👨‍👩‍👧", "🇩🇪", "👍🏽"])
def test_an_emoji_of_several_characters_is_one_glyph(emoji: str) -> None:
    assert len([number for number in numbers(emoji) if number]) == 1


def test_chinese_characters_are_drawn_as_their_country_does() -> None:
    assert Han.of(["東京", "は"]) is JAPANESE
    assert Han.of(["안녕"]) is Han.KOREAN
    assert Han.of(["你好"]) is CHINESE
    assert mask("直", JAPANESE).tobytes() != mask("直", CHINESE).tobytes()


def test_bold_is_heavier() -> None:
    assert mask("token", bold=True).mean() > mask("token").mean()


def test_a_turned_line_is_tall() -> None:
    level = installed().line("because", JAPANESE).rasterised(40)
    upright = installed().line("because", JAPANESE).rasterised(40, 90)
    assert level is not None
    assert upright is not None

    assert level[0].width > level[0].height
    assert upright[0].height == pytest.approx(level[0].width, abs=2)
    assert upright[2] + upright[0].height <= 2  # it ends where the line starts


def test_nothing_to_see_is_no_mask() -> None:
    assert installed().line("  ", JAPANESE).rasterised(40) is None
    assert installed().line("", JAPANESE).width == 0


@given(st.text(st.characters()), st.floats(2, 30))
def test_what_is_cut_fits(text: str, ems: float) -> None:
    fonts = installed()
    cut = fonts.cut(visible(text), JAPANESE, ems)

    assert fonts.line(cut, JAPANESE).width <= ems or cut == "…"
    assert cut == visible(text) or cut.endswith("…")


def test_a_very_long_text_is_cut_without_shaping_it_all() -> None:
    assert len(installed().cut("a" * 1_000_000, JAPANESE, 10)) < 30
