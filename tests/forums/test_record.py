from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.forums.record import PostRecord, TagRecord, TagState

TAGS = range(1, 9)
RECORDS = st.dictionaries(
    st.sampled_from(TAGS), st.builds(TagRecord, state=st.sampled_from(TagState), score=st.floats(0, 1))
).map(lambda tags: PostRecord(tags=tags))
SETS = st.frozensets(st.sampled_from(TAGS))


def record_of(**states: TagState) -> PostRecord:
    """A record whose tags are named t1, t2 …"""
    return PostRecord(tags={int(name[1:]): TagRecord(state=state) for name, state in states.items()})


def states_of(record: PostRecord) -> dict[str, TagState]:
    return {f"t{tag}": one.state for tag, one in record.tags.items()}


def test_people_remove_and_add_tags() -> None:
    record = record_of(t1=TagState.APPLIED, t2=TagState.APPLIED, t3=TagState.WITHHELD, t4=TagState.CHOSEN)
    corrected = record.corrected([2, 3, 5], TAGS)
    assert states_of(corrected) == {
        "t1": TagState.REJECTED,
        "t2": TagState.APPLIED,
        "t3": TagState.CHOSEN,
        "t4": TagState.DROPPED,
        "t5": TagState.CHOSEN,
    }
    assert states_of(corrected.corrected([1, 2, 4], TAGS))["t1"] is TagState.APPLIED
    assert states_of(corrected.corrected([1, 2, 4], TAGS))["t4"] is TagState.CHOSEN


def test_a_proposed_tag_that_somebody_adds_by_hand_is_accepted() -> None:
    assert states_of(record_of(t1=TagState.PROPOSED).corrected([1], TAGS)) == {"t1": TagState.APPLIED}
    assert states_of(record_of(t1=TagState.PROPOSED).corrected([], TAGS)) == {"t1": TagState.PROPOSED}


def test_a_tag_that_is_deleted_from_the_forum_says_nothing() -> None:
    record = record_of(t1=TagState.APPLIED, t2=TagState.CHOSEN)
    assert record.corrected([], [3]) is record


@given(RECORDS, SETS, SETS)
def test_a_correction_says_the_same_twice(
    record: PostRecord, applied: frozenset[int], available: frozenset[int]
) -> None:
    once = record.corrected(applied, available)
    assert once.corrected(applied, available) is once
    for tag in available:
        state = once.tags[tag].state if tag in once.tags else None
        there = (TagState.APPLIED, TagState.CHOSEN)
        assert (state in there) == (tag in applied)
    assert all(once.tags[tag] == one for tag, one in record.tags.items() if tag not in available)


@given(RECORDS)
def test_a_record_is_read_as_it_was_written(record: PostRecord) -> None:
    assert PostRecord.read(record.model_dump_json()) == record


def test_a_record_of_another_version() -> None:
    assert PostRecord.read('{"tags": {"1": {"state": "unheard of"}}}') is None
    assert PostRecord.read("") is None
    assert PostRecord.read('{"tags": {}, "more": 1}') == PostRecord()


def test_tags_in_a_state_come_likeliest_first() -> None:
    tags = {tag: TagRecord(state=TagState.APPLIED, score=score) for tag, score in ((1, 0.2), (2, None), (3, 0.9))}
    assert PostRecord(tags=tags).those(TagState.APPLIED) == (3, 1, 2)
