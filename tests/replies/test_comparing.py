"""The pages that are particular to the work of `/similarity`."""

from __future__ import annotations

import numpy as np

from bot.inference.heads.pooling import PoolingMode
from bot.tasks.work.blocks import Page
from bot.tasks.work.similarity import cosines_page, pooling_page, product_page
from tests.replies.test_work import shown, text_of


def pooled(mode: PoolingMode, texts: int = 2) -> Page:
    """Of a text whose vector is (3, −4, 0, 0), and of one of length 1."""
    vectors = np.array([[3.0, -4.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]])[:texts]
    norms = np.array([5.0, 1.0])[:texts]
    return pooling_page(
        mode, ("A cat sleeps.", "It\nrains")[:texts], (6, 4)[:texts], vectors, norms, vectors / norms[:, None]
    )


class TestPooling:
    def test_the_mean_with_the_numbers_put_in(self) -> None:
        reply = shown(pooled(PoolingMode.MEAN))

        text = text_of(reply)
        assert "takes the **mean** of its tokens' vectors" in text
        assert "tokens    |v|  text\n     6  5.000  1  A cat sleeps.\n     4  1.000  2  It rains\n" in text
        assert (
            "For text 1, the first 3 of 4 numbers:\n```\nv = (h1 + … + h6) / 6\n  = (3.000, −4.000, 0.000, …)\n" in text
        )
        assert "|v| = √(3.000² + (−4.000)² + …)\n    = 5.000\nu = v / |v|\n  = (0.600, −0.800, 0.000, …)\n```" in text
        assert "The file has all 4 numbers of each u." in text
        assert reply.file is not None
        assert "  text 1   text 2  dimension\n 0.60000  0.00000  1\n−0.80000  1.00000  2\n" in reply.file.text

    def test_the_first_token(self) -> None:
        text = text_of(shown(pooled(PoolingMode.CLS, 1)))

        assert "takes that of the **first token**" in text
        assert "v = h1\n  = (3.000, −4.000, 0.000, …)\n" in text

    def test_the_picture_shows_the_directions(self) -> None:
        drawing = shown(pooled(PoolingMode.MEAN)).drawing

        assert drawing is not None
        assert "“1  A cat sleeps.” begins with 0.60, −0.80, 0.00." in drawing.draw().alt


class TestProduct:
    def test_the_sum_with_the_numbers_put_in(self) -> None:
        vectors = np.array([[0.6, -0.8, 0.1], [0.0, 0.0, 0.0], [0.5, 0.5, 0.1]])

        text = text_of(shown(product_page((0, 2), vectors, -0.09)))

        assert "The texts 1 and 3, worked out. The largest of 3 products come first:\n```\n" in text
        assert "text 1  text 3  product  dimension\n−0.800   0.500  −0.4000  2\n 0.600   0.500  +0.3000  1\n" in text
        assert "                −0.0900  sum\n```" in text
        assert text.endswith("```\ncos = Σ u·w\n= (−0.400) + 0.300 + 0.010 + …\n= −0.0900\n```")

    def test_many_products_are_in_the_file(self) -> None:
        reply = shown(product_page((0, 1), np.full((2, 384), 0.05), 0.96))

        assert "… 374 more\n" in text_of(reply)
        assert reply.file is not None
        assert "+0.0025  384\n" in reply.file.text


class TestCosines:
    VALUES = np.array([[1.0, 0.25, 0.5], [0.25, 1.0, -0.125], [0.5, -0.125, 1.0]])

    def test_a_ranking(self) -> None:
        text = text_of(shown(cosines_page(("a", "b", "c"), self.VALUES, ranked=True)))

        assert "#  text\n1  a\n2  b\n3  c\n" in text
        assert text.endswith("```\ncosine  texts\n0.5000  1 and 3\n0.2500  1 and 2\n```")

    def test_all_pairs(self) -> None:
        reply = shown(cosines_page(("a", "b", "c"), self.VALUES, ranked=False))

        assert text_of(reply).endswith("0.2500  1 and 2\n−0.1250  2 and 3\n```")
        assert reply.drawing is not None
        assert "Most alike: “a” and “c” 0.50" in reply.drawing.draw().alt
