from __future__ import annotations

from bot.pictures.chips import MOST_ROWS, MOST_TOKENS, Kind, Token, TokenRow, token_chips
from bot.pictures.palette import WORDS
from tests.pictures.support import count, decoded

CLS, SEP = Token("[CLS]", 101, Kind.SPECIAL), Token("[SEP]", 102, Kind.SPECIAL)
PAD = Token("[PAD]", 0, Kind.PADDING, attended=False)


def row(*words: str, padding: int = 0, title: str = "", left_out: int = 0) -> TokenRow:
    """WordPiece tokens between [CLS] and [SEP]."""
    tokens = [Token(word, 1000 + index, starts_word=not word.startswith("##")) for index, word in enumerate(words)]
    return TokenRow((CLS, *tokens, SEP, *[PAD] * padding), title, left_out)


def test_the_alt_text_says_every_token() -> None:
    picture = token_chips([row("apples", "are", "sour", ".", padding=2), row("un", "##able")], "shape (2, 8)")

    assert picture.alt == (
        "shape (2, 8). 2 texts as tokens. "
        "Text 1, 6 tokens, 2 of them special, then 2 of padding: “[CLS]” “apples” “are” “sour” “.” “[SEP]”. "
        "Text 2, 4 tokens, 2 of them special: “[CLS]” “un” + “##able” “[SEP]”."
    )


def test_padding_on_the_left_is_said_and_what_truncation_took_away() -> None:
    padded = TokenRow((PAD, PAD, Token("In", 5)), left_out=1200)

    assert "Text 1, 1 token, 0 of them special, after 2 of padding, 1,200 cut off: “In”." in token_chips([padded]).alt


def test_words_have_their_own_colours_and_pieces_that_of_their_word() -> None:
    one_word = token_chips([row("un", "##believ", "##able")])
    three_words = token_chips([row("un", "believ", "able")])

    assert [count(one_word, colour) > 500 for colour in WORDS] == [False, True, False, False]
    assert [count(three_words, colour) > 500 for colour in WORDS] == [False, True, True, True]


def test_special_tokens_and_padding_differ_without_colour() -> None:
    pictures = [token_chips([TokenRow((Token("x", 1, kind),))]) for kind in Kind]
    grey = {bytes(decoded(picture).convert("L").crop((0, 0, 200, 100)).tobytes()) for picture in pictures}

    assert len(grey) == len(Kind)


def test_the_attention_mask_is_shown() -> None:
    seen, unseen = (token_chips([TokenRow((Token("x", 1, attended=attended),))]).png for attended in (True, False))

    assert seen != unseen


def test_a_long_text_is_cut_and_the_picture_does_not_grow() -> None:
    long = token_chips([row(*["word"] * 1000)])
    longer = token_chips([row(*["word"] * 2000)])

    assert (long.width, long.height) == (longer.width, longer.height)
    assert "1,002 tokens" in long.alt
    decoded(long)


def test_many_texts_are_cut() -> None:
    picture = token_chips([row("a", title="A text")] * (MOST_ROWS + 20))

    assert f"{MOST_ROWS + 20} texts" in picture.alt
    decoded(picture)


def test_wide_tokens_do_not_make_it_taller_than_a_screen() -> None:
    decoded(token_chips([row(*["絵" * 40] * MOST_TOKENS)] * MOST_ROWS))


def test_much_padding_is_two_chips_wherever_it_stands() -> None:
    text = (Token("In", 5), Token("this", 6))
    short = token_chips([TokenRow((*text, PAD, PAD))])
    left = token_chips([TokenRow((*[PAD] * 200, *text))])
    right = token_chips([TokenRow((*text, *[PAD] * 200))])

    assert left.height == right.height == short.height
    assert sum(count(left, colour) > 500 for colour in WORDS) == 2  # both words are seen
    assert "after 200 of padding" in left.alt


def test_a_text_from_right_to_left_begins_on_the_right() -> None:
    words = [Token("مرحبا", 1), Token("يا", 2), Token("عالم", 3)]
    image = decoded(token_chips([TokenRow(tuple(words))])).convert("RGB")
    first = [x for x in range(image.width) if image.getpixel((x, 44)) == WORDS[0]]
    last = [x for x in range(image.width) if image.getpixel((x, 44)) == WORDS[2]]

    assert min(first) > max(last)
