"""The pages that are particular to the work of `/entities`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.replies.reply import SHORTENED
from bot.replies.work.text_table import TABLE_WIDTH
from bot.tasks.entities import Entity, TaggedWord, WordGroup
from bot.tasks.names.kinds import WeighedNames
from bot.tasks.work.blocks import Page
from bot.tasks.work.entities import (
    LabelledToken,
    entities_page,
    example_page,
    labelled_page,
    names_page,
    questions_page,
    words_page,
)
from tests.replies.test_work import shown, text_of, token, weighed_name

LABELS = ("O", "B-PER", "I-PER")


def labelled(text: str, label: str | None, share: float, *, starts_word: bool = True) -> LabelledToken:
    rest = (1 - share) / 2
    found = token(text, special=label is None, starts_word=starts_word)
    return LabelledToken(found, label, (0.25, 1.5, -0.75), (rest, share, rest))


CLS = labelled("[CLS]", None, 0.5)
ANNA = labelled("Anna", "B-PER", 0.9)
LEE = labelled("Le", "I-PER", 0.8)
E = labelled("e", "O", 0.7, starts_word=False)
ROWS = (CLS, ANNA, LEE, E, labelled("sings", "O", 0.95))
WORDS = (
    (TaggedWord(0, 4, (1, 2), "B-PER", 0.9), (ANNA,)),
    (TaggedWord(5, 8, (2, 4), "I-PER", 0.8), (LEE, E)),
    (TaggedWord(9, 14, (4, 5), "O", 0.95), ROWS[4:]),
)


def test_one_token_as_an_example() -> None:
    one = replace(E, logits=(0.25, 1.5, -0.75), probabilities=(0.2063, 0.7201, 0.0736))

    text = text_of(shown(example_page(LABELS, one, 3)))

    assert "The head does this for every token. As an example, token 3: “·e”.\n" in text
    assert " 1.500  4.482   72.0%  B-PER\n" in text
    assert "p(B-PER)\n= e^1.500\n" in text


class TestTokens:
    def test_each_with_its_label(self) -> None:
        reply = shown(labelled_page(LABELS, ROWS))

        assert "B- says that a new entity begins, I- that this belongs to one, and O that there is none." in text_of(
            reply
        )
        assert "```\n    p  label  token\n              [CLS] (special)\n90.0%  B-PER  Anna\n" in text_of(reply)
        assert "80.0%  I-PER  Le\n70.0%      O  ·e\n" in text_of(reply)
        assert text_of(reply).endswith("\n\nThe file has all logits: 3 of each of the 5 tokens.")
        assert str(SHORTENED) not in text_of(reply)  # nothing is, and the file was named
        assert reply.file is not None
        assert "    O  B-PER   I-PER  token\n0.250  1.500  −0.750  [CLS] (special)\n" in reply.file.text

    @pytest.mark.parametrize(
        ("labels", "said"),
        [
            (("O", "I-PER"), "I- says that this belongs to an entity, and O that there is none."),
            (("O", "B-PER"), "B- says that a new entity begins, and O that there is none."),
            (("O", "PER"), None),
        ],
    )
    def test_what_prefixes_mean(self, labels: tuple[str, ...], said: str | None) -> None:
        text = text_of(shown(labelled_page(labels, ())))

        assert said in text if said else "says that" not in text

    def test_a_long_text_is_bounded(self) -> None:
        reply = shown(labelled_page(LABELS, ROWS * 100))

        assert "… 468 more" in text_of(reply)
        assert reply.file is not None
        assert reply.file.text.count("  ·e\n") == 200  # in the table, and with all logits

    def test_long_labels_fit_a_phone(self) -> None:
        name = "B-" + "ORGANIZATION" * 4
        row = replace(ANNA, label=name)
        [table] = text_of(shown(labelled_page((name, "O", "b"), (row,)))).split("```")[1::2]

        assert max(map(len, table.splitlines())) <= TABLE_WIDTH
        assert "B-ORGANIZ…" in table


class TestWords:
    def test_put_together(self) -> None:
        text = text_of(shown(words_page(WORDS, marked=True)))

        assert "Words of several tokens, with a · between them: 1 of 3." in text
        assert "a later token got another label, which does not count: 1." in text
        assert "90.0%  B-PER  Anna\n80.0%  I-PER  Le·e\n95.0%      O  sings\n" in text

    def test_tokens_that_are_not_marked(self) -> None:
        text = text_of(shown(words_page(WORDS[:1], marked=False)))

        assert "so each token counts by itself" in text
        assert "    p  label  token\n90.0%  B-PER  Anna\n" in text
        assert "of several tokens" not in text


def group(entity: Entity, *shares: float) -> WordGroup:
    """An entity with the probabilities of its words."""
    return WordGroup(tuple(replace(WORDS[0][0], probability=share) for share in shares), entity)


class TestSpans:
    def test_the_mean_with_the_numbers_put_in(self) -> None:
        found = (group(Entity(13, 17, "LOC", 0.9), 0.9), group(Entity(0, 8, "PER", 0.85), 0.9, 0.8))

        text = text_of(shown(entities_page("Anna Lee, in Oslo", found, 1)))

        assert "    p  parts  label  entity\n90.0%      1    LOC  Oslo\n85.0%      2    PER  Anna Lee\n" in text
        assert "```\np(Anna Lee)\n= (0.9000 + 0.8000) / 2\n= 0.8500\n```" in text
        assert text.endswith("Outside of all entities, with the label O: 1.")

    def test_a_sum_of_many_is_cut_short(self) -> None:
        text = text_of(shown(entities_page("a b c d", [group(Entity(0, 7, "PER", 0.85), 0.9, 0.8, 0.9, 0.8)], 0)))

        assert "= (0.9000 + 0.8000 + …) / 4\n= 0.8500" in text

    def test_nothing_to_work_out(self) -> None:
        one = entities_page("Anna", [group(Entity(0, 4, "PER", 0.9), 0.9)], 0)
        assert "p(Anna)" not in text_of(shown(one))
        assert text_of(shown(entities_page("", [], 7))).endswith(
            "There are none. Outside of all entities, with the label O: 7."
        )


def test_questions() -> None:
    anna = weighed_name("Anna", log_probs=(-2.0, -5.0, -6.0, -7.0), shares=(0.9296, 0.0463, 0.017, 0.0063))
    reply = shown(questions_page(anna))

    text = text_of(reply)
    assert "As an example, the questions about Anna.\n\nAnna, question 1\n```\nlog p  share  answer\n" in text
    assert "−2.00  93.0%  person\n−5.00   4.6%  place\n" in text
    assert "−2.00  93.0%  a person\n−5.00   4.6%  a place\n" in text
    assert text.endswith("```\nshare(person)\n= e^−2.00\n  / (e^−2.00 + e^−5.00 + …)\n= 0.9296\n```")
    assert reply.drawing is not None
    assert reply.drawing.draw().alt.startswith("Answers: Anna: 1: person 93.0 %, 1: place 4.6 %, 1: company 1.7 %")


class TestNames:
    @staticmethod
    def page(*, truncated: bool) -> Page:
        anna = weighed_name("Anna", 3, shares=(0.9526, 0.0, 0.0, 0.0474), scores=(2.0, -9.0, -9.5, -1.0))
        bible = weighed_name("Bible", shares=(0.0474, 0.0, 0.0, 0.9526), scores=(-1.0, -9.0, -9.5, 2.0))
        return names_page(WeighedNames((anna, bible), truncated))

    def test_all_kinds_of_all_names(self) -> None:
        reply = shown(self.page(truncated=False))

        text = text_of(reply)
        assert "O is what is none of the others: such a name is no entity.\n```\n" in text
        assert "    p  kind  name\n95.3%   PER  Anna (3 times)\n95.3%     O  Bible\n" in text
        assert "more names" not in text
        assert reply.file is not None
        titles, anna, *_ = reply.file.text.partition("all kinds.\n")[2].splitlines()
        assert titles.split("  ")[:4] == ["score PER", "score LOC", "score ORG", "score O"]
        assert anna.split() == ["2.000", "−9.000", "−9.500", "−1.000", "95.3%", "0.0%", "0.0%", "4.7%", "Anna"]

    def test_more_than_were_looked_at(self) -> None:
        text = text_of(shown(self.page(truncated=True)))

        assert "The text has more names: only the first 2 different ones were looked at." in text
