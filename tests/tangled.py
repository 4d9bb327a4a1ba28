"""Texts whose characters are put together of several code points, or read by tokenizers in other pieces."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = (
    *("Ann", "Zoe\u0301", "Zoé", "Berlin", "apples", "of", "U.S.", "O'Neill", "C++", "-5", "10.5", "$12.50", "40%"),
    *(
        "😀",
        "👍🏽",
        "👩\u200d👧",
        "👨\u200d👩\u200d👧\u200d👦",
        "🏳\ufe0f\u200d🌈",
        "🇩🇪",
        "🇫🇷",
        "5\ufe0f\u20e3",
        "\u263a\ufe0f",
    ),
    *(
        "\u1112\u1161\u11ab",
        "한국어",
        "क्षि",
        "می\u200cخواهم",
        "กรุงเทพ",
        "東京",
        "は",
        "タワー",
        "\u30ab\u3099",
        "ﬁn",
        "İ",
        "ß",
    ),
    *(" ", " ", " ", "  ", "\n", ".", ", ", "!", "?", "’s ", "-", "\u0301", "\u200d", "\u00a0", "１２", "…", "😀😀"),
    *("<:Kappa:12>", "<@1>", "`Ann`", "https://Ann.de", "**", "```", ">", "|"),
)
TANGLED = st.lists(st.sampled_from(PIECES), min_size=1, max_size=12).map("".join) | st.text(max_size=30)
"""Anything that people write, and often what is hard to mark a part of."""
