"""Whatever is done to a chain of events is found, and found at the right place."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sprintline.mechanisms.ledger.chain import EMPTY, Head, check_chain, event_hash, next_event

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
BODIES = st.lists(st.dictionaries(st.text(max_size=4), JSON, max_size=3), min_size=2, max_size=12)
START = datetime(2013, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def chain_of(bodies):
    events, head = [], EMPTY
    for i, body in enumerate(bodies):
        said = {
            "at": START + timedelta(hours=i),
            "kind": "decision",
            "product": "flights",
            "sprint": f"2013-S{i:02d}",
            # As a ledger has them: old events without the platform's time, then events with it.
            "as_of": START - timedelta(days=300) if i > len(bodies) // 2 else None,
        }
        events.append(next_event(head, **said, actor="someone", body=body, key=str(i)))
        head = Head(events[-1].seq, events[-1].hash)
    return events, head


def rehashed(event, **changed):
    event = replace(event, **changed)
    said = {
        name: getattr(event, name)
        for name in ("seq", "prev", "at", "kind", "product", "sprint", "actor", "body", "key", "as_of")
    }
    return replace(event, hash=event_hash(**said))


CHANGES = {
    "at": lambda event: event.at + timedelta(microseconds=1),
    "kind": lambda event: event.kind + "s",
    "product": lambda event: "",
    "sprint": lambda event: None,
    "actor": lambda event: event.actor + " else",
    "body": lambda event: {**event.body, "more": 1},
    "key": lambda event: None,
    "as_of": lambda event: START if event.as_of is None else None,
    "prev": lambda event: "f" * 64,
    "hash": lambda event: "f" * 64,
}


@settings(max_examples=40, deadline=None)
@given(BODIES)
def test_an_untouched_chain_holds_with_and_without_its_head(bodies):
    events, head = chain_of(bodies)
    assert check_chain(events) is None
    assert check_chain(iter(events), head) is None
    assert check_chain(events, Head(1, events[0].hash)) is None  # grown since its head was written
    assert check_chain([]) is None
    assert check_chain([], EMPTY) is None


@settings(max_examples=100, deadline=None)
@given(BODIES, st.data())
def test_an_edit_of_any_field_is_found_at_its_event(bodies, data):
    events, head = chain_of(bodies)
    place = data.draw(st.integers(0, len(events) - 1))
    field = data.draw(st.sampled_from(sorted(CHANGES)))
    events[place] = replace(events[place], **{field: CHANGES[field](events[place])})
    broken = check_chain(events)
    assert broken is not None
    assert broken.seq == place + 1
    assert check_chain(events, head).seq == place + 1


@settings(max_examples=50, deadline=None)
@given(BODIES, st.data())
def test_an_edit_with_its_hash_computed_anew_is_found_at_the_next_event_or_by_the_head_file(bodies, data):
    events, head = chain_of(bodies)
    place = data.draw(st.integers(0, len(events) - 1))
    events[place] = rehashed(events[place], actor="mallory")
    broken = check_chain(events, head)
    assert broken is not None
    assert broken.seq == min(place + 2, len(events))


@settings(max_examples=50, deadline=None)
@given(BODIES, st.data())
def test_a_removed_event_is_found(bodies, data):
    events, _ = chain_of(bodies)
    place = data.draw(st.integers(0, len(events) - 2))
    del events[place]
    assert check_chain(events).seq == place + 1


@settings(max_examples=50, deadline=None)
@given(BODIES, st.data(), st.booleans())
def test_an_inserted_event_is_found(bodies, data, moved_up):
    events, _ = chain_of(bodies)
    place = data.draw(st.integers(0, len(events) - 1))
    forged = rehashed(events[place], actor="mallory")
    later = [replace(event, seq=event.seq + 1) for event in events[place:]] if moved_up else events[place:]
    # The forgery itself follows its predecessor; what stood there no longer follows.
    assert check_chain([*events[:place], forged, *later]).seq == place + 2


@settings(max_examples=50, deadline=None)
@given(BODIES, st.data(), st.booleans())
def test_two_swapped_events_are_found_at_the_first(bodies, data, renumbered):
    events, _ = chain_of(bodies)
    first = data.draw(st.integers(0, len(events) - 2))
    second = data.draw(st.integers(first + 1, len(events) - 1))
    one, other = events[first], events[second]
    events[first] = replace(other, seq=one.seq) if renumbered else other
    events[second] = replace(one, seq=other.seq) if renumbered else one
    assert check_chain(events).seq == first + 1


@settings(max_examples=40, deadline=None)
@given(BODIES, st.data())
def test_a_cut_end_is_found_by_the_head_file_only(bodies, data):
    events, head = chain_of(bodies)
    left = data.draw(st.integers(0, len(events) - 1))
    assert check_chain(events[:left]) is None
    broken = check_chain(events[:left], head)
    assert broken is not None
    assert broken.seq == left + 1
    assert str(head.seq) in broken.why


def test_a_chain_computed_anew_is_found_by_the_head_file():
    events, head = chain_of([{"a": 1}, {"a": 2}, {"a": 3}])
    forged, _ = chain_of([{"a": 1}, {"a": "other"}, {"a": 3}])
    assert check_chain(forged) is None
    assert check_chain(forged, head).seq == 3
    assert check_chain(forged, Head(2, events[1].hash)).seq == 2


def test_an_event_that_cannot_be_hashed_is_not_appended():
    said = {"at": START, "kind": "k", "product": "p", "sprint": None, "actor": "a"}
    with pytest.raises(ValueError, match="nan"):
        next_event(EMPTY, **said, body={"x": float("nan")})
    with pytest.raises(ValueError, match="time zone"):
        next_event(EMPTY, **{**said, "at": datetime(2013, 1, 1)}, body={})


def test_an_event_without_the_platform_s_time_has_the_hash_it_always_had():
    said = {"seq": 1, "prev": "0" * 64, "at": START, "kind": "closed", "product": "p", "sprint": "S"}
    said |= {"actor": "a", "body": {}}
    text = (
        "sprintline.ledger.v1|1|" + "0" * 64 + '|["2013-01-01T00:00:00.000000Z","closed","p","S","a",null,{}]'
    )
    assert event_hash(**said) == hashlib.sha256(text.encode()).hexdigest()
    assert (
        len({event_hash(**said), *(event_hash(**said, as_of=one) for one in (START, START + MICROSECOND))})
        == 3
    )
