"""Holding rows made again against the stored ones: each difference is counted, and named by its column."""

from __future__ import annotations

from datetime import timedelta

import pandas as pd
import pytest

from sprintline.features.point_in_time import answers, compare

KEYS = ["courier", "event_timestamp"]


@pytest.fixture
def stored() -> pd.DataFrame:
    hours = pd.date_range("2026-01-05", periods=4, freq="h", tz="UTC")
    return pd.DataFrame(
        {
            "courier": ["swift", "swift", "tandem", "tandem"],
            "event_timestamp": hours,
            "rate": [0.1, None, 0.3, 0.1 + 0.2],
            "count": pd.array([1, 2, None, 4], dtype="Int64"),
        }
    )


def test_equal_rows_in_another_order_and_type_are_equal(stored):
    again = stored.sample(frac=1, random_state=1).astype({"count": "float64"})
    found = compare("view", stored, again, KEYS)
    assert (found.rows, found.unequal, found.columns, found.first) == (4, 0, (), "")


@pytest.mark.fault
@pytest.mark.parametrize(
    ("row", "column", "value"),
    [
        (3, "rate", 0.3),  # the last bit
        (0, "rate", None),
        (1, "rate", 0.5),
        (2, "count", 3),
    ],
)
def test_one_value_is_one_row_named_by_its_column(stored, row, column, value):
    again = stored.copy()
    again.loc[row, column] = value
    found = compare("view", stored, again, KEYS)
    assert (found.rows, found.unequal, found.columns) == (4, 1, (column,))
    assert found.first.startswith(f"courier {stored['courier'][row]}, ") and column in found.first


@pytest.mark.fault
def test_a_row_on_one_side_only_is_unequal(stored):
    for one, other in ((stored, stored.iloc[1:]), (stored.iloc[1:], stored)):
        found = compare("view", one, other, KEYS)
        assert (found.rows, found.unequal) == (4, 1)
        assert "on one side only" in found.first


def test_the_plain_join_takes_the_newest_row_in_reach():
    rows = pd.DataFrame(
        {
            "courier": ["swift", "swift", "tandem"],
            "event_timestamp": pd.to_datetime(
                ["2026-01-05 08:00Z", "2026-01-05 09:00Z", "2026-01-05 09:00Z"]
            ),
            "rate": [0.1, 0.2, 0.9],
        }
    )
    asked = ["2026-01-05 07:59Z", "2026-01-05 09:00Z", "2026-01-05 10:30Z", "2026-01-05 12:01Z"]
    questions = pd.DataFrame(
        {"question_id": list("abcd"), "question_at": pd.to_datetime(asked), "courier": "swift"}
    )
    found = answers(questions, rows, ["courier"], ["rate"], timedelta(hours=3)).set_index("question_id")[
        "rate"
    ]
    assert found.isna().tolist() == [True, False, False, True]
    assert found[["b", "c"]].tolist() == [0.2, 0.2]
