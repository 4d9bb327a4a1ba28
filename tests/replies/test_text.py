from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.replies.formatting.text import (
    Keep,
    Style,
    bold,
    code_span,
    escape,
    fit,
    fit_markdown,
    in_pieces,
    inside_quote,
    listed,
    quoted,
    unfinished,
    unfinished_end,
    units,
    visible,
)
from bot.text.characters import CUT
from tests.support import unescape

ANYTHING = st.text(
    st.one_of(
        st.sampled_from("*_~|`<>[]()#+-:/@\\\n \t.1aé👩\u200d👧🏽🇩🇪\u0301\u202e\u200b\ud800\r\u2028…"),
        st.characters(),
    ),
    max_size=200,
)
MARKDOWN = st.lists(
    st.sampled_from(
        [
            "@everyone", "@here", "<@1234567890123456789>", "<@!1>", "<@&1>", "<#1>", "<t:0:R>", "<:a:1>", "<a:a:1>",
            "</x:1>", "<id:guide>", "[a](https://a.b)", "https://a.b/c_d", "steam://x", "# ", "-# ", "> ", ">>> ",
            "- ", "* ", "1. ", "```", "`", "||", "**", "__", "~~", ":smile:", "\\", "\n", " ", "a", "@\u200beveryone",
        ]
    )
).map("".join)  # fmt: skip
TEXTS = st.one_of(ANYTHING, MARKDOWN)
STYLES = st.sampled_from([escape, quoted, inside_quote, bold, visible])


def live(markdown: str) -> str:
    """What is left when everything that is escaped is taken away."""
    return re.sub(r"\\[^0-9A-Za-z\s]", "", markdown)


@given(TEXTS)
def test_escaping_shows_the_same_text(text: str) -> None:
    assert unescape(escape(text)) == visible(text)


@given(TEXTS)
def test_nothing_escaped_is_live(text: str) -> None:
    rest = live(escape(text))

    assert not re.search(r"[*_~|`<\[]", rest)
    assert not re.search(r"@(everyone|here|[!&]?\d)", rest)
    assert "://" not in rest
    assert not re.search(r":[^\s:]+:", rest)


@given(TEXTS)
def test_no_line_begins_like_a_block(text: str) -> None:
    for line in escape(text).split("\n"):
        assert not re.match(r"[ \t]*([>#+*-]|\d+[.)])", line)


@given(TEXTS)
def test_visible_text_can_be_sent(text: str) -> None:
    shown = visible(text)

    shown.encode("utf-8")
    assert visible(shown) == shown
    assert all(character in "\n\t" or unicodedata.category(character) != "Cc" for character in shown)


@given(TEXTS, st.integers(8, 300), STYLES, st.sampled_from(Keep))
def test_what_is_fitted_keeps_the_limit(text: str, limit: int, style: Style, keep: Keep) -> None:
    shown, whole = fit(text, limit, style, keep)

    assert units(shown) <= limit
    if whole:
        assert shown == style(visible(text))
    else:
        assert CUT in shown


@given(TEXTS.filter(lambda text: CUT not in text), st.integers(8, 60))
def test_what_is_cut_is_the_start_of_the_text(text: str, limit: int) -> None:
    shown, whole = fit(text, limit)

    assert visible(text).startswith(unescape(shown).removesuffix("" if whole else CUT))


def test_escapes_are_never_cut_apart() -> None:
    for limit in range(8, 30):
        shown, _ = fit("*" * 100, limit)
        assert live(shown) == CUT


@pytest.mark.parametrize("cluster", ["👩‍👩‍👧‍👦", "🇩🇪", "👍🏽", "e\u0301", "각"])
def test_people_see_whole_characters(cluster: str) -> None:
    for limit in range(8, 40):
        for keep in Keep:
            shown, _ = fit(cluster * 50, limit, keep=keep)
            kept = shown.replace(CUT, "")
            assert kept == cluster * (len(kept) // len(cluster))


def test_cut_between_words() -> None:
    assert fit("The quick brown fox jumps over the lazy dog", 24) == ("The quick brown fox…", False)
    assert fit("The quick brown fox jumps over the lazy dog", 24, keep=Keep.END) == ("…jumps over the lazy dog", False)
    assert fit("The quick brown fox jumps over the lazy dog", 22, keep=Keep.END) == ("…over the lazy dog", False)


def test_cut_before_a_space_near_the_end_only() -> None:
    assert fit("aaaaaaaa bbbb cccc ddddddddd", 16) == ("aaaaaaaa bbbb…", False)
    assert fit("aaaa " + "b" * 50, 12) == ("aaaa bbbbbb…", False)


def test_white_space_at_the_end_stays_where_the_end_is_kept() -> None:
    assert fit("The quick brown fox jumps over the lazy dog ", 24, keep=Keep.END) == ("…over the lazy dog ", False)


def test_what_is_exactly_as_long_as_the_limit_fits() -> None:
    assert fit("a" * 10, 10) == ("a" * 10, True)
    assert fit("*" * 5, 10) == (r"\*" * 5, True)


def test_a_cut_behind_a_full_stop_leaves_room_for_the_space() -> None:
    assert fit("aaaaaaaaa.bbbbbbbbbbb", 11) == ("aaaaaaaaa…", False)


def test_a_long_word_is_cut_anywhere() -> None:
    assert fit("a" * 5_000, 10) == ("a" * 9 + CUT, False)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("One two", "One two…"),
        ("One two. \n", "One two. …"),
        ("One two?", "One two?…"),
        ("One two...", "One two..."),
        ("One two…", "One two…"),
        ("", "…"),
    ],
)
def test_what_would_have_gone_on_has_three_dots_and_never_four(text: str, shown: str) -> None:
    assert unfinished(text) == shown


def test_what_is_cut_behind_a_full_stop_has_no_four_dots() -> None:
    assert fit("The fox jumps. The dog sleeps.", 18) == ("The fox jumps. …", False)


def test_every_line_is_quoted() -> None:
    assert quoted("one\n> two\n\nthree") == "> one\n> \\> two\n> \n> three"


@pytest.mark.parametrize(
    ("text", "markdown"),
    [("  > a", r"  \> a"), ("\t- a", "\t\\- a"), (" 10. a", r" 10\. a"), ("#", r"\#"), ("1) a", r"1\) a")],
)
def test_the_white_space_before_a_block_stays(text: str, markdown: str) -> None:
    assert escape(text) == markdown


def test_finished_markdown_stays_as_it_is_but_for_its_length() -> None:
    markdown = "@\u200beveryone **a**"
    assert fit_markdown(markdown, 16) == markdown
    assert fit_markdown(markdown, 14) == "@\u200beveryone…"


def test_the_end_of_an_unfinished_text_is_shown() -> None:
    assert unfinished_end("a*b", 10) == r"a\*b▌"
    assert unfinished_end("a*b", 10, visible) == "a*b▌"
    assert unfinished_end("b" + "a" * 9, 10) == "…aaaaaaaa▌"
    assert unfinished_end("b" + "a" * 8, 10) == "baaaaaaaa▌"


def test_pieces_have_styles_of_their_own_and_the_rest_none() -> None:
    style = in_pieces([("ab\u200b", bold), ("c*", escape)])
    assert style("abc*d\n> e") == "**ab**c\\*d\n> \\> e"
    assert style("abc") == "**ab**c"
    assert style("a") == "**a**"


def test_as_many_names_as_fit() -> None:
    names = [letter * 12 for letter in "abc"]
    whole = ", ".join(names)
    assert listed(names, len(whole)) == whole
    assert listed(names, len(whole) - 1) == listed(names, 37) == f"{names[0]}, {names[1]} and 1 more"
    assert listed(names, 36) == listed(names, 0) == f"{names[0]} and 2 more"
    assert listed(names[:1], 0) == names[0]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a`b\n c", "ab c"),
        ("a*b", "a*b"),
        ("` ", "unknown"),
        ("\u200b a", "a"),
        ("a" * 9, "a" * 9),
        ("a" * 10, "a" * 8 + CUT),
    ],
)
def test_inline_code_is_one_line_without_backticks(text: str, shown: str) -> None:
    assert code_span(text, 9) == f"`{shown}`"


def test_bold_of_nothing_is_nothing() -> None:
    assert bold("") == ""
    assert bold(" ") == " "
    assert bold("\ud800\x07 ") == " "  # asterisks around it would be shown
    assert bold("a*b") == r"**a\*b**"


def test_lengths_are_those_of_discord() -> None:
    assert units("aé€") == 3
    assert str(units("👍")) == "2"
    assert units("\ud800") == 1


def test_invisible_characters_go_and_joiners_stay() -> None:
    assert visible("a\u202eb\u200bc\x00d\ud800\r\ne\u2028f") == "abcd\ne\nf"
    assert visible("می\u200cخواهم 👩\u200d👧") == "می\u200cخواهم 👩\u200d👧"


SCOTLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@given(st.text(alphabet="ab \U0001f3f4\U000e0067\U000e007f", max_size=8))
def test_flags_that_are_written_with_tags_stay_and_other_tags_do_not(text: str) -> None:
    """Row H8."""
    shown = visible(f"{text}{SCOTLAND}{text}")
    assert SCOTLAND in shown
    assert not set("\U000e0067\U000e007f") & set(shown.replace(SCOTLAND, ""))


def test_a_flag_is_not_cut_apart() -> None:
    shown, whole = fit(SCOTLAND * 3, 32)
    assert (shown, whole) == (f"{SCOTLAND * 2}…", False)
