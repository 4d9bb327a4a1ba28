from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.replies.formatting.bars import bar_line
from bot.replies.results import answer as replies
from bot.tasks.answer import AnswerRequest, AnswerResult
from bot.text.graphemes import Span
from tests.replies.test_renderers import WRITTEN, answer, assert_within_limits, valid

REQUEST = AnswerRequest("Where do *I* work?", "I work at Hugging Face in Brooklyn.")
SPAN = Span(10, 22)


def test_reply() -> None:
    reply = replies.render(REQUEST, answer(AnswerResult("Hugging Face", SPAN, 0.6949, 0.01)))

    assert reply.embed.title == "Hugging Face"
    assert reply.embed.description == "\n".join(
        [
            "**Where do \\*I\\* work?**",
            "> I work at **Hugging Face** in Brooklyn.",
            "",
            bar_line(0.6949, "**Hugging Face**"),
            bar_line(0.01, "not in the text"),
        ]
    )
    assert reply.embed.footer.text == "tiny · cpu float32 · 34 ms"


def test_not_in_the_text() -> None:
    reply = replies.render(REQUEST, answer(AnswerResult("Hugging Face", SPAN, 0.1, 0.8)))

    assert reply.embed.title == str(replies.ABSENT)
    lines = (reply.embed.description or "").split("\n")
    assert lines[3] == str(replies.UNFOUND)
    assert lines[5:] == [bar_line(0.8, "**not in the text**"), bar_line(0.1, "Hugging Face")]


def test_the_models_own_words() -> None:
    reply = replies.render(REQUEST, answer(AnswerResult("at @home", None, 0.9, 0.1, truncated=True, guessed=True)))

    assert reply.embed.title == "at @home"
    assert f"> I work at Hugging Face in Brooklyn.\n\n{replies.OWN_WORDS}\n\n" in (reply.embed.description or "")
    assert (reply.embed.footer.text or "").endswith(
        f"{replies.GUESSED} The end of the context exceeds this model's context and was not read."
    )


def test_a_part_of_the_models_words() -> None:
    def description(text: str) -> str:
        found = AnswerResult(text, SPAN, 0.9, 0.1, guessed=True)
        return replies.render(REQUEST, answer(found)).embed.description or ""

    assert str(replies.PARTLY) in description("for Hugging Face")
    assert str(replies.PARTLY) not in description("hugging, face")


def test_no_answer_at_all() -> None:
    reply = replies.render(REQUEST, answer(AnswerResult("", None, 0.0, 1.0, guessed=True)))

    assert reply.embed.title == str(replies.ABSENT)
    assert (reply.embed.description or "").endswith(f"Brooklyn.\n\n{bar_line(1.0, '**not in the text**')}")


def test_of_a_long_context_the_answers_surroundings_are_shown() -> None:
    context = "before " * 400 + "the answer " + "after " * 400
    start = context.index("the answer")
    request = AnswerRequest("What?", context)

    reply = replies.render(request, answer(AnswerResult("the answer", Span(start, start + 10), 0.9, 0.0)))

    description = reply.embed.description or ""
    assert "> …before" in description
    assert "before **the answer** after" in description
    assert reply.file is not None
    assert reply.file.text.startswith("What?\n\n")
    assert context.strip() in reply.file.text


@given(WRITTEN, WRITTEN, WRITTEN, st.integers(0, 400), st.integers(0, 400), st.booleans())
@settings(max_examples=60)
def test_limits(question: str, context: str, text: str, start: int, length: int, quoted: bool) -> None:
    if (request := valid(lambda: AnswerRequest(question, context))) is not None:
        start = min(start, len(request.context))
        span = Span(start, min(start + length, len(request.context))) if quoted else None
        if span is not None:
            text = request.context[span.start : span.end]
        for likely in (0.9, 0.1):
            found = AnswerResult(text, span, likely, 0.5, truncated=True, guessed=True)
            assert_within_limits(replies.render(request, answer(found, note=text)))
