"""What was known at a moment: later rows are left out, later values of open questions are never the true ones."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.landing.landed_files import CONTRACT

from sprintline.features.knowledge import Knowledge, as_known
from sprintline.landing.contracts import Column
from sprintline.landing.odcs import parse_contract

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def orders(hours_late: list[int] | None = None, **columns: list) -> pd.DataFrame:
    """Orders at 10:00, 11:00, ... of which each becomes known some hours after its event."""
    late = hours_late or [1, 3, 1, 1]
    event = pd.Series([NOON + (place - 2) * HOUR for place in range(len(late))]).astype("datetime64[us, UTC]")
    frame = {
        "order_id": pd.array([f"O{place}" for place in range(len(late))], dtype="string"),
        "delay": pd.array([3, 9, None, 40][: len(late)], dtype="Int64"),
        "returned": pd.array(["no", None, "yes", "no"][: len(late)], dtype="string"),
        "returned_at": pd.Series([None, None, NOON + HOUR, NOON - HOUR][: len(late)]).astype(
            "datetime64[us, UTC]"
        ),
        **columns,
        "event_at": event,
        "known_at": event + pd.to_timedelta(pd.Series(late), unit="h"),
    }
    return pd.DataFrame(frame)


def test_without_a_declaration_nothing_of_a_row_is_known_before_the_row():
    found = as_known(orders(), Knowledge(), NOON, timedelta(days=1))
    assert found.rows["order_id"].tolist() == ["O0"] and not found.scrambled
    pd.testing.assert_frame_equal(found.rows, orders().iloc[:1])


def test_an_open_question_keeps_its_row_and_no_later_value_is_the_true_one():
    frame = orders()
    found = as_known(frame, Knowledge(asked=frozenset({"order_id"})), NOON)
    assert found.rows["order_id"].tolist() == ["O0", "O1", "O2"], "the last one is asked after the moment"
    assert set(found.scrambled) == {"delay", "returned", "returned_at", "known_at"}
    pd.testing.assert_series_equal(found.rows.iloc[0], frame.iloc[0])
    for name in found.scrambled:
        for one, true in zip(found.rows[name][1:], frame[name][1:3], strict=True):
            assert not (pd.isna(one) and pd.isna(true)) and (pd.isna(one) or pd.isna(true) or one != true), (
                name
            )
    assert (found.rows["known_at"][1:] > NOON).all(), "what was not known is not known afterwards either"
    assert found.rows.dtypes.equals(frame.dtypes)


def test_rows_ahead_are_kept_as_far_as_questions_are_asked_ahead():
    found = as_known(orders(), Knowledge(asked=frozenset({"order_id"})), NOON, HOUR)
    assert found.rows["order_id"].tolist() == ["O0", "O1", "O2", "O3"]


def test_a_column_known_at_its_own_moment_is_scrambled_until_then_also_in_a_row_known_before():
    knowledge = Knowledge(moments={"returned": "returned_at"})
    frame = orders([0, 0, 0, -2])
    found = as_known(frame, knowledge, NOON)
    assert found.rows["returned"].tolist()[3] == "no", "its moment was reached"
    assert found.scrambled["returned"] == 3, "a moment that is missing is not reached"
    for place in (0, 1, 2):
        one, true = found.rows["returned"][place], frame["returned"][place]
        assert pd.isna(one) != pd.isna(true) or one != true
    assert (found.rows["returned_at"][:3] > NOON).all()
    assert found.rows["delay"].equals(frame["delay"]), "the row's other columns are known with it"


def test_a_day_is_known_at_its_end_in_its_own_zone():
    days = [date(2026, 1, 4), date(2026, 1, 5), None, date(2026, 1, 3)]
    frame = orders([0, 0, 0, -2], paid_on=pd.Series(days, dtype=object))
    berlin = Knowledge(
        moments={"returned": "paid_on"},
        columns={"paid_on": Column("paid_on", "date", timezone="Europe/Berlin")},
    )
    late = datetime(2026, 1, 5, 23, 30, tzinfo=UTC)  # half past midnight of the 6th in Berlin
    assert as_known(frame, berlin, late).scrambled["returned"] == 1
    utc = Knowledge(moments={"returned": "paid_on"}, columns={"paid_on": Column("paid_on", "date")})
    found = as_known(frame, utc, late)
    assert found.scrambled["returned"] == 2
    assert all(day > date(2026, 1, 5) for day in found.rows["paid_on"][1:3])


@given(
    st.lists(st.one_of(st.none(), st.integers(-5, 5), st.just(2**60)), min_size=2, max_size=30),
    st.sampled_from(["Int64", "float64", "string", "boolean"]),
)
def test_every_scrambled_value_differs_whatever_the_column_holds(values, dtype):
    if dtype == "string":
        values = [None if value is None else str(value) for value in values]
    if dtype == "boolean":
        values = [None if value is None else value > 0 for value in values]
    event = pd.Series([NOON] * len(values)).astype("datetime64[us, UTC]")
    frame = pd.DataFrame(
        {
            "key": range(len(values)),
            "x": pd.Series(values).astype(dtype),
            "event_at": event,
            "known_at": event + HOUR,
        }
    )
    found = as_known(frame, Knowledge(asked=frozenset({"key"})), NOON).rows
    assert found["x"].dtype == frame["x"].dtype
    for one, true in zip(found["x"], frame["x"], strict=True):
        assert pd.isna(one) != pd.isna(true) or (not pd.isna(one) and one != true)


def test_it_is_the_same_in_a_second_run():
    knowledge = Knowledge(asked=frozenset({"order_id"}))
    pd.testing.assert_frame_equal(
        as_known(orders(), knowledge, NOON).rows, as_known(orders(), knowledge, NOON).rows
    )


def test_a_contract_declares_it():
    text = CONTRACT.replace(
        "{name: booked_at,", "{name: booked_at, customProperties: [{property: knownAt, value: row}],", 1
    )
    assert Knowledge.of(parse_contract(text, "contract.yaml")) == Knowledge(
        row_moments=frozenset({"known_at", "booked_at"})
    )


@pytest.mark.parametrize("name", ["delay", "returned", "returned_at", "known_at"])
def test_one_column_alone_can_be_scrambled(name):
    frame = orders()
    found = as_known(frame, Knowledge(asked=frozenset({"order_id"})), NOON, only={name})
    assert set(found.scrambled) == {name}
    others = [column for column in frame.columns if column != name]
    pd.testing.assert_frame_equal(found.rows[others], frame[others].iloc[:3])
