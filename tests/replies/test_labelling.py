"""The pages that are particular to the work of `/entities`."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.replies.reply import SHORTENED
from bot.replies.work.blocks import TABLE_WIDTH
from bot.tasks.work.pieces import (
    Function,
    LabelledToken,
    LabelledTokens,
    LabelledWord,
    LabelledWords,
    Logits,
    NameKinds,
    PossibleAnswer,
    Question,
    Questions,
    Span,
    Spans,
    TokenLogits,
    WeighedNames,
)
from tests.replies.test_work import shown, text_of, token

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
    LabelledWord("Anna", (ANNA,), "B-PER", 0.9),
    LabelledWord("Lee", (LEE, E), "I-PER", 0.8),
    LabelledWord("sings", ROWS[4:], "O", 0.95),
)


def test_one_token_as_an_example() -> None:
    logits = Logits(LABELS, (0.25, 1.5, -0.75), Function.SOFTMAX, (0.2063, 0.7201, 0.0736))

    text = text_of(shown(TokenLogits(E.token, 3, logits)))

    assert "The head does this for every token. As an example, token 3: “·e”.\n" in text
    assert " 1.500  4.482   72.0%  B-PER\n" in text
    assert "p(B-PER)\n= e^1.500\n" in text


class TestTokens:
    def test_each_with_its_label(self) -> None:
        reply = shown(LabelledTokens(LABELS, ROWS))

        assert "B- says that a new entity begins, I- that this belongs to one, and O that there is none." in text_of(
            reply
        )
        assert "```\n    p  label  token\n              [CLS] (special)\n90.0%  B-PER  Anna\n" in text_of(reply)
        assert "80.0%  I-PER  Le\n70.0%      O  ·e\n" in text_of(reply)
        assert text_of(reply).endswith("\n\nThe file has all logits: 3 of each of the 5 tokens.")
        assert SHORTENED not in text_of(reply)  # nothing is, and the file was named
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
        text = text_of(shown(LabelledTokens(labels, ())))

        assert said in text if said else "says that" not in text

    def test_a_long_text_is_bounded(self) -> None:
        reply = shown(LabelledTokens(LABELS, ROWS * 100))

        assert "… 468 more" in text_of(reply)
        assert reply.file is not None
        assert reply.file.text.count("  ·e\n") == 200  # in the table, and with all logits

    def test_long_labels_fit_a_phone(self) -> None:
        name = "B-" + "ORGANIZATION" * 4
        row = replace(ANNA, label=name)
        [table] = text_of(shown(LabelledTokens((name, "O", "b"), (row,)))).split("```")[1::2]

        assert max(map(len, table.splitlines())) <= TABLE_WIDTH
        assert "B-ORGANIZ…" in table


class TestWords:
    def test_put_together(self) -> None:
        text = text_of(shown(LabelledWords(WORDS, marked=True)))

        assert "Words of several tokens, with a · between them: 1 of 3." in text
        assert "a later token got another label, which does not count: 1." in text
        assert "90.0%  B-PER  Anna\n80.0%  I-PER  Le·e\n95.0%      O  sings\n" in text

    def test_tokens_that_are_not_marked(self) -> None:
        text = text_of(shown(LabelledWords(WORDS[:1], marked=False)))

        assert "so each token counts by itself" in text
        assert "    p  label  token\n90.0%  B-PER  Anna\n" in text
        assert "of several tokens" not in text


class TestSpans:
    def test_the_mean_with_the_numbers_put_in(self) -> None:
        spans = (Span("Oslo", 20, 24, "LOC", WORDS[:1], 0.9), Span("Anna Lee", 0, 8, "PER", WORDS[:2], 0.85))

        text = text_of(shown(Spans(spans, 1)))

        assert "    p  parts  label  entity\n90.0%      1    LOC  Oslo\n85.0%      2    PER  Anna Lee\n" in text
        assert "```\np(Anna Lee)\n= (0.9000 + 0.8000) / 2\n= 0.8500\n```" in text
        assert text.endswith("Outside of all entities, with the label O: 1.")

    def test_a_sum_of_many_is_cut_short(self) -> None:
        text = text_of(shown(Spans((Span("a b c d", 0, 7, "PER", WORDS[:2] * 2, 0.85),), 0)))

        assert "= (0.9000 + 0.8000 + …) / 4\n= 0.8500" in text

    def test_nothing_to_work_out(self) -> None:
        assert "p(Anna)" not in text_of(shown(Spans((Span("Anna", 0, 4, "PER", WORDS[:1], 0.9),), 0)))
        assert text_of(shown(Spans((), 7))).endswith("There are none. Outside of all entities, with the label O: 7.")


def test_questions() -> None:
    answers = (PossibleAnswer("a person", -2.0, 0.9526), PossibleAnswer("a place", -5.0, 0.0474))
    reply = shown(Questions("Anna", (Question("Anna, question 1", answers), Question("Anna, question 2", answers))))

    text = text_of(reply)
    assert "As an example, the questions about Anna.\n\nAnna, question 1\n```\nlog p  share  answer\n" in text
    assert text.count("−2.00  95.3%  a person\n−5.00   4.7%  a place\n") == 2
    assert text.endswith("```\nshare(a person)\n= e^−2.00\n  / (e^−2.00 + e^−5.00)\n= 0.9526\n```")
    assert reply.drawing is not None
    assert reply.drawing.draw().alt.startswith("Answers: Anna: 1: a person 95.3 %, 1: a place 4.7 %, 2: a person")


class TestNames:
    ROWS = (NameKinds("Anna", 3, (2.0, -1.0), (0.9526, 0.0474)), NameKinds("Bible", 1, (-1.0, 2.0), (0.0474, 0.9526)))

    def test_all_kinds_of_all_names(self) -> None:
        reply = shown(WeighedNames(("PER", "O"), "O", self.ROWS, truncated=False))

        text = text_of(reply)
        assert "O is what is none of the others: such a name is no entity.\n```\n" in text
        assert "    p  kind  name\n95.3%   PER  Anna (3 times)\n95.3%     O  Bible\n" in text
        assert "more names" not in text
        assert reply.file is not None
        assert "score PER  score O  p PER    p O  name\n    2.000   −1.000  95.3%   4.7%  Anna\n" in reply.file.text

    def test_more_than_were_looked_at(self) -> None:
        text = text_of(shown(WeighedNames(("PER", "O"), "O", self.ROWS, truncated=True)))

        assert "The text has more names: only the first 2 different ones were looked at." in text
