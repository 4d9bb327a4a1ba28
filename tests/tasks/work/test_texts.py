from __future__ import annotations

import json

import pytest

from bot.inference.wire.codec import Codec
from bot.inference.wire.form import Unreadable
from bot.locales.current import written_in
from bot.replies.work.numbers import written
from bot.tasks import all_tasks
from bot.tasks.work.blocks import Explanation, Page, Paragraph
from bot.tasks.work.texts import LONGEST_TEMPLATE, MOST_VALUES, Form, Listed, Number, Sentence, Text, grouped
from bot.tasks.work.wording import later, later_plural, listed_with_and
from tests.locales.pseudo import marked

WORK = Codec(all_tasks())["work"].result


def on_a_page(text: Text) -> Explanation:
    return Explanation((Page(later("Text"), "", (Paragraph(text),)),))


def as_it_arrives(**changes: object) -> bytes:
    """An explanation with a sentence, as another process might send it."""
    sentence = {"type": "sentence", "template": "{word}", "values": {"word": "a"}} | changes
    page = {"name": "a", "about": "b", "blocks": [{"type": "paragraph", "text": sentence}]}
    return json.dumps({"pages": [page]}).encode()


def test_a_sentence_crosses_as_it_is() -> None:
    inner = later_plural("{number} token", "{number} tokens", 3, number=grouped(3))
    said = later("{tokens} of {names}, {share}", tokens=inner, names=listed_with_and(["a", "b"]), share=0.25)
    found = WORK.decode(WORK.encode(on_a_page((said, " ", None))))

    assert found == on_a_page((said, " ", None))
    [paragraph] = found.pages[0].blocks
    assert isinstance(paragraph, Paragraph)
    assert written(paragraph.text) == "3 tokens of a and b, 0.2500 "


@pytest.mark.parametrize(
    "template",
    ["{word.__class__}", "{word[0]}", "{word!r}", "{word:>1000000000}", "{0}", "{}", "{other}", "{word", "}"],
)
def test_a_template_of_another_process_reaches_nothing_but_its_values(template: str) -> None:
    assert WORK.decode(as_it_arrives())
    with pytest.raises(Unreadable):
        WORK.decode(as_it_arrives(template=template))
    with pytest.raises(Unreadable):
        WORK.decode(as_it_arrives(other=template))


def test_a_sentence_of_another_process_is_bounded() -> None:
    with pytest.raises(Unreadable):
        WORK.decode(as_it_arrives(template="a" * (2 * LONGEST_TEMPLATE + 1)))
    with pytest.raises(Unreadable):
        WORK.decode(as_it_arrives(values={"word": "a"} | {f"a{number}": "b" for number in range(MOST_VALUES)}))


def test_braces_of_values_are_no_fields() -> None:
    assert written(later("“{text}”", text="{text.__class__} {0}")) == "“{text.__class__} {0}”"


def test_without_values_braces_stand_for_themselves() -> None:
    assert written(Sentence("f(x) = {x}")) == "f(x) = {x}"


def test_what_an_earlier_version_kept_can_be_read() -> None:
    """Its pages had finished sentences."""
    page = {"name": "Text (1)", "about": "A model …", "blocks": [{"type": "paragraph", "text": ["a ", 0.5]}]}
    found = WORK.decode(json.dumps({"pages": [page]}))

    assert found == Explanation((Page("Text (1)", "A model …", (Paragraph(("a ", 0.5)),)),))


def test_a_sentence_is_no_part_of_a_string() -> None:
    """It would be written in the language of the worker."""
    with pytest.raises(TypeError):
        f"{later('Tokens')}"


def test_numbers_and_lists_are_the_readers() -> None:
    said = later("{share}, {number}, {names}", share=0.25, number=grouped(12_345), names=Listed(("a", "b", "c"), True))
    percent = Number(0.831, Form.PERCENT)

    assert written((said, " ", percent)) == "0.2500, 12,345, a, b and c 83.1%"
    with written_in("de"):
        assert written((said, " ", percent)) == "0,2500, 12.345, a, b und c 83,1\N{NO-BREAK SPACE}%"
    with written_in("ja"):
        assert written(listed_with_and(["a", "b"])) == "a、b"


def test_everything_in_a_sentence_is_translated() -> None:
    outer = later("{text} of {number}", text=later("text"), number=later_plural("{n} part", "{n} parts", 1, n=1))
    with marked():
        assert written(outer) == "⟦⟦text⟧ of ⟦1 part⟧⟧"


def test_numbers_in_a_row_are_told_apart_where_a_comma_is_decimal() -> None:
    row = Listed((0.5, -0.25, "…"))
    assert written(row) == "0.500, −0.250, …"
    with written_in("de"):
        assert written(row) == "0,500; −0,250; …"
