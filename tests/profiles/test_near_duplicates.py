"""Rows that come again under a new key are counted; rows that are alike by nature are not."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd
from tests.profiles.relation_shapes import orders

from sprintline.profiles.near_duplicates import Doubled, near_duplicates
from sprintline.profiles.violations import Part

KEY = ["order_id"]


def again(frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    copies = frame.iloc[:rows].assign(order_id=[f"N{number}" for number in range(rows)])
    return pd.concat([frame, copies], ignore_index=True)


def test_rows_without_a_copy_are_none():
    assert near_duplicates(orders(), KEY) == Doubled(600, columns=14)


def test_copies_under_new_keys_are_counted_with_their_originals():
    found = near_duplicates(again(orders(), 30), KEY)
    assert (found.n, found.exact, found.doubled) == (630, 60, 60)
    assert found.share == 60 / 630


def test_copies_with_one_other_value_are_doubled_but_not_exact():
    frame = again(orders(), 30)
    frame.loc[600:, "took_minutes"] += np.arange(1, 31)
    found = near_duplicates(frame, KEY)
    assert (found.exact, found.doubled) == (0, 60)
    frame.loc[600:, "tax"] += 1.0
    assert near_duplicates(frame, KEY).doubled == 0


def test_a_value_that_became_empty_is_one_other_value():
    frame = again(orders(), 30)
    frame.loc[600:, "shop"] = None
    assert near_duplicates(frame, KEY).doubled == 60


def test_values_swapped_between_columns_are_no_duplicates():
    frame = pd.DataFrame({
        "id": range(200), "a": [1, 2] * 100, "b": [2, 1] * 100, "c": np.repeat(range(100), 2), "d": [0.0, 0.5] * 100,
    })  # fmt: skip
    assert near_duplicates(frame.assign(d=0.0), ["id"]).exact == 0


def test_with_few_columns_only_equal_rows_count():
    frame = pd.DataFrame({"id": range(100), "day": [1, 2, 3, 4] * 25, "x": range(100), "y": range(100)})
    assert near_duplicates(frame, ["id"]).doubled == 0
    frame.loc[50, ["day", "x", "y"]] = frame.loc[0, ["day", "x", "y"]].to_numpy()
    assert near_duplicates(frame, ["id"]).doubled == 2


def test_the_group_and_day_with_most_copies_are_named():
    frame = orders()
    hill = frame[frame["shop"] == "hill"].head(25)
    frame = pd.concat(
        [frame, hill.assign(order_id=[f"N{number}" for number in range(25)])], ignore_index=True
    )
    found = near_duplicates(frame, KEY)
    assert found.group.by in ("shop", "city")
    assert found.group.value in ("hill", "Ulm")
    assert found.day.by == "day"
    assert near_duplicates(frame, KEY, hidden=("shop", "city")).group.by not in ("shop", "city")


def test_columns_of_one_value_do_not_count():
    frame = again(orders(), 30).assign(country="NO", empty=None)
    assert near_duplicates(frame, KEY) == near_duplicates(again(orders(), 30), KEY)


def test_odd_frames():
    assert near_duplicates(pd.DataFrame({"id": []}), ["id"]) == Doubled(0)
    assert near_duplicates(pd.DataFrame({"id": [1], "a": [2]}), ["id"]) == Doubled(1)
    assert near_duplicates(pd.DataFrame({"id": [1, 2]}), ["id"]) == Doubled(2)
    twice = pd.DataFrame(
        {"id": [1, 2], "when": pd.to_datetime(["2026-01-05", "2026-01-05"], utc=True), "x": [1, 1]}
    )
    assert near_duplicates(twice, ["id"]).share == 0.0  # nothing but columns of one value
    assert isinstance(near_duplicates(again(orders(), 3), KEY).group, Part | None)


def test_a_sprint_of_flights_size_takes_less_than_a_second():
    frame = orders(13_000)
    begun = time.perf_counter()
    near_duplicates(frame, KEY)
    assert time.perf_counter() - begun < 3  # 0.1 s alone
