from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.replies.formatting.bars import bar_line
from bot.replies.results import entities
from bot.tasks.entities import EntitiesRequest, EntitiesResult, Entity
from tests.replies.test_renderers import WRITTEN, answer, assert_within_limits, valid

TEXT = "My name is *Sylvain* and I work at Hugging Face in Brooklyn."


def entity(name: str, label: str, probability: float = 0.99, text: str = TEXT) -> Entity:
    start = text.index(name)
    return Entity(start, start + len(name), label, probability)


def test_reply() -> None:
    found = (entity("Sylvain", "PER", 0.998), entity("Hugging Face", "ORG", 0.97), entity("Brooklyn", "GPE", 0.5))

    reply = entities.render(EntitiesRequest(TEXT), answer(EntitiesResult(found, truncated=False)))

    assert reply.embed.title == "3 entities"
    assert reply.embed.description == "\n".join(
        [
            "> My name is \\***Sylvain** `PER`\\* and I work at **Hugging Face** `ORG` in **Brooklyn** `GPE`.",
            "",
            bar_line(0.998, "**Sylvain** · person"),
            bar_line(0.97, "**Hugging Face** · organisation"),
            bar_line(0.5, "**Brooklyn** · GPE"),
        ]
    )
    assert reply.embed.footer.text == "tiny · cpu float32 · 34 ms"
    assert reply.file is None


def test_no_names() -> None:
    reply = entities.render(EntitiesRequest("I love it."), answer(EntitiesResult((), truncated=False)))

    assert reply.embed.title == "No entities"
    assert reply.embed.description == f"> I love it.\n\n{entities.NONE}"


def test_the_footer_tells_who_guessed_and_what_was_not_read() -> None:
    one = (entity("Brooklyn", "LOC"),)

    def footer(*, truncated: bool, guessed: bool) -> str:
        reply = entities.render(EntitiesRequest(TEXT), answer(EntitiesResult(one, truncated, guessed)))
        assert reply.embed.title == "1 entity"
        return reply.embed.footer.text or ""

    assert footer(truncated=True, guessed=False).endswith("exceeds this model's context and was not read.")
    assert footer(truncated=False, guessed=True).endswith(f"{entities.GUESSED} {entities.NO_CAPITALS}")
    assert footer(truncated=True, guessed=True).endswith("Only the first 40 different names were looked at.")


def test_very_many_entities_are_attached() -> None:
    text = "Anna " * 100
    found = tuple(Entity(5 * index, 5 * index + 4, "PER", 0.9) for index in range(100))

    reply = entities.render(EntitiesRequest(text), answer(EntitiesResult(found, truncated=False)))

    assert "… and 85 more" in (reply.embed.description or "")
    assert reply.file is not None
    assert reply.file.text.count("PER  Anna") == 100
    assert reply.file.text.startswith("[Anna](PER) [Anna](PER)")


def test_labels_cannot_leave_their_code() -> None:
    one = (entity("Brooklyn", "``x`\n@everyone"),)

    reply = entities.render(EntitiesRequest(TEXT), answer(EntitiesResult(one, truncated=False)))

    assert "**Brooklyn** `''x' @everyone`." in (reply.embed.description or "")
    assert "@everyone" not in (reply.embed.description or "").split("\n")[2]


def test_marks_stand_where_the_entities_are_although_something_is_not_shown() -> None:
    """D2, D5: whatever stands before them, and is read or shown as something else."""
    text = "\U000e0067 We met Zoe\u0301 😀 in Paris"
    request = EntitiesRequest("x")
    object.__setattr__(request, "text", text)
    found = (entity("Zoe\u0301", "PER", text=text), entity("Paris", "LOC", text=text))

    description = entities.render(request, answer(EntitiesResult(found, truncated=False))).embed.description or ""

    assert "We met **Zoe\u0301** `PER` 😀 in **Paris** `LOC`\n" in description


@given(WRITTEN, WRITTEN, st.lists(st.integers(0, 400), max_size=120), st.booleans())
@settings(max_examples=60)
def test_limits(text: str, label: str, borders: list[int], flag: bool) -> None:
    if (request := valid(lambda: EntitiesRequest(text))) is not None:
        places = sorted({min(border, len(request.text)) for border in borders})
        found = tuple(Entity(start, end, label, 0.5) for start, end in zip(places[::2], places[1::2], strict=False))
        reply = entities.render(request, answer(EntitiesResult(found, flag, flag)))
        assert_within_limits(reply)
