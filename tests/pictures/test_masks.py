from __future__ import annotations

import numpy as np
import pytest

from bot.pictures.masks import Mask, mask_maps, who_sees_whom
from bot.pictures.palette import ACCENT
from tests.pictures.support import count, decoded


def test_a_decoder_sees_half_of_what_an_encoder_sees() -> None:
    full, half = np.ones((4, 4), dtype=np.float32), np.tri(4, dtype=np.float32)
    encoder = mask_maps([Mask("tiny-bert", "Encoder", full)], "Who sees whom")
    decoder = mask_maps([Mask("tiny-gpt2", "Decoder", half)])
    for picture in (encoder, decoder):
        decoded(picture)
    assert count(decoder, ACCENT, 3) == pytest.approx(count(encoder, ACCENT, 3) * 10 / 16, rel=0.02)
    assert encoder.alt == "Who sees whom. 1 mask. tiny-bert, Encoder: each of 4 tokens sees all 4."


def test_in_words() -> None:
    window = np.tri(4, dtype=np.float32) - np.tri(4, k=-2, dtype=np.float32)
    assert who_sees_whom(window) == "of 4 × 4 pairs, 7 can be seen."
    assert who_sees_whom(np.ones((1, 3), dtype=np.float32)) == "each of 1 token sees all 3."
    assert who_sees_whom(np.tri(3, dtype=np.float32)).startswith("each of 3 tokens sees itself and those before it")


def test_the_masks_of_one_model_stand_in_one_row() -> None:
    mask = np.ones((40, 40), dtype=np.float32)
    one = [Mask("t5", part, mask) for part in ("Encoder", "Decoder", "Cross-attention")]
    heights = [decoded(mask_maps(masks)).size[1] for masks in (one, [Mask("a", "Encoder", mask), *one], [*one, *one])]
    assert heights[0] < heights[1] == heights[2]
