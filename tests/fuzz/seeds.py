"""Where fuzzing begins: the odd texts, with numbers before them."""

from __future__ import annotations

from collections.abc import Iterator

from hypothesis import strategies as st

from tests.fuzz.choices import written
from tests.odd_texts import NASTY, ODD
from tests.tangled import PIECES, TANGLED

LONGEST = 2_000
"""Bytes of a text: a fuzzer tries more inputs if they are short."""
NUMBERS = (bytes(12), bytes(range(12)), b"\xfe\x01" * 6)
WORDS = (
    *("```py\n", "~~~", "<|im_end|>", "[/INST]", "<s>", "___", "<mask>", "@everyone", "<@1>", "https://a.b/", "[a]("),
    *("||", "> ", '{"text": "a"}\n', '"a","b"\n', "=1+1", "\t", "a;b", "«a»", "0-3,8", "127.0.0.1:9464"),
    *("glassbox:stop:a", "glassbox-page:1:a", "glassbox-settings:a:b:c:d", "glassbox-forum-add:1:2:button"),
    *("glassbox-attention:head:encoder.1.average:a", "glassbox-attention:pair:cross.1.2-3-4:a", "/fill text:"),
)  # fmt: skip
"""What the code under test looks for."""

_WORDS = st.lists(st.sampled_from((*WORDS, *PIECES)), max_size=8).map("".join)
_KNOWN = st.sampled_from([text for text in (*ODD.values(), *NASTY.values()) if len(text) < LONGEST])
INPUTS = st.builds(
    lambda numbers, texts: written(numbers, *texts),
    st.binary(max_size=16),
    st.lists(TANGLED | _WORDS | _KNOWN | st.text(max_size=20), max_size=4),
)
"""Inputs for hypothesis."""


def seeds() -> Iterator[bytes]:
    """Yield the inputs that a fuzzer begins with."""
    for text in (*ODD.values(), *NASTY.values(), *WORDS):
        raw = text.encode("utf-8", "surrogatepass")[:LONGEST]
        for numbers in NUMBERS:
            yield written(numbers, raw, raw[:200], raw[:60])


def dictionary() -> str:
    """Return a dictionary of libFuzzer's: a word in quotation marks a line, each byte in hexadecimal numbers."""
    words = dict.fromkeys((*(word.encode() for word in (*WORDS, *PIECES)), b"\xff"))
    return "".join('"' + "".join(f"\\x{byte:02x}" for byte in word) + '"\n' for word in words)
