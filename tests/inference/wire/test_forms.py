from __future__ import annotations

import json
import math
import subprocess
import sys
from dataclasses import dataclass, fields
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from bot.inference.answering import AnsweringState, Loading, Stage
from bot.inference.heads.inspection.attention_weights import Part
from bot.inference.heads.inspection.worked_attention import HeadRow, Steps
from bot.inference.languages.pairs import LanguagePairs
from bot.inference.requests import Answer
from bot.inference.tokenization.tokens import Token
from bot.inference.wire.codec import Codec
from bot.inference.wire.events import KEEP_ALIVE, Accepted, Event, StateEvent, event_message
from bot.inference.wire.form import Form, Unreadable
from bot.tasks import all_tasks
from bot.tasks.attention import AttentionResult
from bot.tasks.attention_masks import PartMask, WhoSeesWhom
from bot.tasks.attention_sink import Sink
from bot.tasks.attention_view import AttentionView, Heads, Shown
from bot.tasks.work import blocks, texts
from bot.tasks.work.blocks import Explanation, Page, Paragraph
from bot.tasks.work.texts import Listed, Number, Sentence, Short
from tests.inference.wire.support import facts
from tests.timers import PATIENCE

codec = Codec(all_tasks())

NUMBERS = st.floats() | st.integers()
TOKENS = st.builds(Token, st.text(), st.integers(), st.booleans(), st.booleans())


def items(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=3).map(tuple)


def sentences(one: st.SearchStrategy[Any]) -> st.SearchStrategy[Sentence]:
    """Sentences with any values, in the plural too."""
    values = st.fixed_dictionaries({"one": one, "other": one})
    return st.builds(Sentence, st.just("{one}"), values, st.sampled_from(["", "{one}, {other}"]), st.integers(0, 9))


TEXT = st.recursive(
    st.text() | NUMBERS | st.none() | TOKENS | st.builds(Number, NUMBERS, st.sampled_from(texts.Form))
    | st.builds(Short, st.text(), st.integers()),
    lambda one: st.lists(one, max_size=3).map(tuple) | sentences(one) | st.builds(Listed, items(one), st.booleans()),
    max_leaves=5,
)  # fmt: skip
WORDS = st.text() | sentences(TEXT)
FLOATS = st.lists(st.floats(), max_size=3).map(tuple)
IDS = st.lists(st.integers(), max_size=3).map(tuple)
OF_TYPES: dict[str, st.SearchStrategy[Any]] = {
    "str": st.text(),
    "bool": st.booleans(),
    "int": st.integers(),
    "int | None": st.none() | st.integers(),
    "float": st.floats(),
    "Text": TEXT,
    "Words": WORDS,
    "tuple[Words, ...]": items(WORDS),
    "tuple[tuple[Words, tuple[Token, ...]], ...]": items(st.tuples(WORDS, items(TOKENS))),
    "tuple[int, ...]": IDS,
    "tuple[float, ...]": FLOATS,
    "tuple[str, ...]": st.lists(st.text(), max_size=3).map(tuple),
    "tuple[Text, ...]": st.lists(TEXT, max_size=3).map(tuple),
    "tuple[Token, ...]": st.lists(TOKENS, max_size=3).map(tuple),
    "tuple[tuple[float, ...], ...]": st.lists(FLOATS, max_size=3).map(tuple),
    "tuple[tuple[tuple[str, float], ...], ...]": st.lists(
        st.lists(st.tuples(st.text(), st.floats()), max_size=2).map(tuple), max_size=2
    ).map(tuple),
    "Annotated[Form, ByName()]": st.sampled_from(texts.Form),
}


def built(kind: type[Any]) -> st.SearchStrategy[Any]:
    """Any values of a kind of blocks or pictures."""
    return st.builds(kind, **{field.name: OF_TYPES[str(field.type)] for field in fields(kind)})


OF_TYPES["tuple[Column, ...]"] = st.lists(built(blocks.Column), max_size=2).map(tuple)
OF_TYPES["tuple[Station, ...]"] = st.lists(built(blocks.Station), max_size=2).map(tuple)
OF_TYPES["Table"] = built(blocks.Table)
KINDS = [*get_args(blocks.Block), *get_args(blocks.Picture)]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_block_and_picture_is_read_as_it_was_written(kind: type[Any]) -> None:
    form = codec["work"].result
    is_block = kind in get_args(blocks.Block)

    @given(built(kind))
    def as_written(piece: Any) -> None:
        page = Page("a", "b", (piece,)) if is_block else Page("a", "b", (), piece)
        data = form.encode(Explanation((page,)))
        assert facts(form.decode(data)) == facts(Explanation((page,)))
        json.loads(data, parse_constant=pytest.fail)

    as_written()


@given(arrays.arrays(np.float32, arrays.array_shapes(min_dims=2, max_dims=2, max_side=4)), st.sampled_from(Part))
def test_attention_weights_are_read_as_they_were_written(weights: Any, part: Part) -> None:
    shown = Shown(weights, AttentionView(part, 1, Heads.WORKED, 2, 1, 1), (Part.ENCODER, part), 2, 4, (weights,))
    row = HeadRow((1.5,), ((2.0,),), ((0.1,),), (3.0,), 0.5, (), None, (True,), (1.5,), (1.0,), (0.1,), 2, True)
    steps, sink = Steps(row, weights, weights, 1e-7), Sink(0, 0.5)
    result = AttentionResult(
        (Token("a", 1, True, False),), (), shown, True, steps, sink, WhoSeesWhom((PartMask(part, weights),), "a", 0.5)
    )
    answer = Answer(result, "tiny", "cpu", "float32", 0.1, "A note.")
    form = codec["attention"].answer

    read = form.decode(form.encode(answer))

    # Which of the NaNs it was, JSON does not say, and no answer has one.
    assert np.array_equal(read.result.shown.weights, weights, equal_nan=True)
    assert np.array_equal(read.result.steps.norms, weights, equal_nan=True)
    assert (read.result.steps.row, read.result.sink_by_weight) == (row, sink)
    assert read.result.shown.weights.dtype == np.float32
    if not np.isnan(weights).any():
        assert facts(read) == facts(answer)


def test_a_tag_stands_only_where_a_union_needs_one() -> None:
    page = Page("a", "b", (Paragraph(("x", 1, 0.5, Number(2, texts.Form.PERCENT), None)),))

    assert codec["work"].result.plain(Explanation((page,))) == {
        "pages": [
            {
                "name": "a",
                "about": "b",
                "blocks": [
                    {
                        "type": "paragraph",
                        "text": ["x", 1, 0.5, {"type": "number", "value": 2, "form": "percent"}, None],
                    }
                ],
                "picture": None,
                "is_estimate": False,
                "strongest": [],
                "variants": [],
            }
        ]
    }


@given(
    st.builds(
        StateEvent,
        st.sampled_from(Stage),
        st.none() | st.builds(Loading, st.text(), st.booleans(), st.none() | st.floats(), st.none() | st.floats()),
        st.none() | st.integers(),
    )
)
def test_a_stage_is_read_as_it_was_written(event: StateEvent) -> None:
    read = codec.state.decode(codec.state.encode(event))

    assert facts(read) == facts(event)
    assert facts(read.state) == facts(AnsweringState(event.stage, event.loading))


@given(st.dictionaries(st.text(), st.frozensets(st.text())))
def test_pairs_of_languages_are_read_as_they_were_written(targets: dict[str, frozenset[str]]) -> None:
    pairs = LanguagePairs(targets)
    read = codec.languages.decode(codec.languages.encode(pairs))

    assert read == pairs
    assert read == LanguagePairs.of([(source, target) for source, known in targets.items() for target in known]) or any(
        not known for known in targets.values()
    )
    assert codec.languages.decode(codec.languages.encode(None)) is None


def test_an_event_is_one_message() -> None:
    data = codec.accepted.encode(Accepted("a\nb\u2028"))

    assert event_message(Event.ACCEPTED, data) == b'event: accepted\ndata: {"id":"a\\nb\xe2\x80\xa8"}\n\n'
    assert KEEP_ALIVE.startswith(b":")
    assert KEEP_ALIVE.endswith(b"\n\n")


def test_an_answer_of_another_kind_is_not_read() -> None:
    form = codec["sentiment"].answer
    for data in (b"", b"{}", b"[1]", b'{"result": {"scores": 5}}', b"\xff"):
        with pytest.raises(Unreadable) as raised:
            form.decode(data)
        assert raised.value.__suppress_context__


def test_a_field_of_a_later_version_is_left_out() -> None:
    assert codec.state.decode('{"stage": "queued", "of_a_later_version": 5}') == StateEvent(Stage.QUEUED)


def test_numbers_that_json_has_no_word_for_are_strings() -> None:
    @dataclass(frozen=True)
    class Numbers:
        values: tuple[float, ...]

    form: Form[Numbers] = Form(Numbers)

    assert form.encode(Numbers((math.inf, -math.inf, math.nan))) == b'{"values":["Infinity","-Infinity","NaN"]}'
    assert facts(form.decode(form.encode(Numbers((math.inf, 0.1))))) == facts(Numbers((math.inf, 0.1)))


def test_the_codec_needs_no_torch() -> None:
    code = """
import sys
from bot.inference.wire.codec import Codec
from bot.tasks import all_tasks

codec = Codec(all_tasks())
for forms in codec.values():
    forms.request, forms.result, forms.answer
codec.status, codec.description, codec.languages
print(sorted({"torch", "transformers", "fastapi"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True, timeout=PATIENCE)
    assert done.stdout.strip() == "[]"
