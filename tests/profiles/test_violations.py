"""A broken relation says how many rows break it, and the group, day and row to look at."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tests.profiles.relation_shapes import clocks, contract, orders, sensors

from sprintline.landing.declared_relations import KINDS
from sprintline.profiles.relations import Part, Relation, Tables, holding, violations

CLOCKS = Relation.of("s: difference(left, planned, late) in hhmm")


def measured(relation: Relation, frame: pd.DataFrame, *key: str, hidden: tuple[str, ...] = ()):
    return violations(relation, {"s": frame}, {"s": contract(frame, *key, hidden=hidden)})


def test_delays_of_one_line_in_seconds_name_the_line():
    frame = clocks()
    rows = frame["line"] == "tiny"
    frame.loc[rows, "late"] = (frame.loc[rows, "late"] * 60).clip(-30, 1400)  # within the contract's bounds
    found = measured(CLOCKS, frame, "train")
    assert found.group == Part("line", "tiny", found.group.n, found.group.n)
    assert found.violating == found.group.violating
    assert found.example.startswith("train T")


def test_all_zero_delays_of_one_line_name_it():
    frame = clocks()
    frame.loc[frame["line"] == "green", "late"] = 0
    found = measured(CLOCKS, frame, "train")
    assert (found.group.by, found.group.value) == ("line", "green")
    assert found.group.violating > 0.95 * found.group.n


def test_one_bad_day_is_named_in_the_contracts_time_zone():
    frame = clocks()
    local = frame["event_at"].dt.tz_convert("America/New_York")
    rows = (local.dt.strftime("%Y-%m-%d") == "2026-01-08") & frame["late"].notna()
    frame.loc[rows, "late"] += 60
    declared = replace(contract(frame, "train"), timezone="America/New_York")
    found = violations(CLOCKS, {"s": frame}, {"s": declared})
    assert found.day == Part("day", "2026-01-08", int(rows.sum()), int(rows.sum()))


def test_a_midnight_between_clock_and_plan_is_no_violation():
    frame = pd.DataFrame({"left": [5, 2355, 2400], "planned": [2350, 10, 2359], "late": [15, -15, 1]})
    assert measured(CLOCKS, frame).violating == 0
    assert measured(CLOCKS, frame.assign(late=[14, -15, 1])).violating == 1


def test_empty_rows_are_not_compared_but_their_pattern_is():
    frame = clocks()
    assert measured(CLOCKS, frame, "train").n == frame["late"].notna().sum()
    together = Relation.of("s: null together(left, late)")
    assert measured(together, frame, "train").violating == 0
    frame.loc[frame.index[1:31:2], "late"] = pd.NA
    assert measured(together, frame, "train").violating > 10


def test_a_sprint_without_empty_rows_keeps_a_relation_of_empty_rows():
    frame = clocks().dropna()
    found = measured(Relation.of("s: null together(left, late)"), frame, "train")
    assert (found.n, found.violating) == (len(frame), 0)


def test_values_of_personal_columns_are_never_shown():
    frame = orders()
    relation = Relation.of("s: determines(customer, shop)")
    found = measured(relation, frame, "customer", "order_id", hidden=("customer", "shop"))
    assert found.violating
    text = repr(found)
    assert "example.org" not in text
    assert not [one for one in ("north", "south", "harbour", "hill") if one in text]
    assert "(customer, shop not shown)" in found.example
    assert found.group is None or found.group.by == "city"


@pytest.mark.parametrize(
    ("relation", "column"),
    [
        ("s: product(price, quantity, total)", "total"),
        ("s: difference(gross, total, tax)", "tax"),
        ("s: difference(delivered_at, placed_at, took_minutes) in minutes", "took_minutes"),
    ],
)
@pytest.mark.parametrize("change", [lambda one: one * 60, lambda one: one / 60, lambda one: one * 0])
def test_amounts_of_one_shop_in_another_unit_are_found(relation, column, change):
    frame = orders()
    rows = frame["shop"] == "hill"
    frame[column] = frame[column].where(~rows, change(frame[column].astype(float)))
    found = measured(Relation.of(relation), frame, "order_id")
    assert found.violating > 0.9 * rows.sum()
    assert found.violating <= rows.sum()
    assert {found.group.value} <= {"hill", "Ulm"}


def test_rounding_is_no_violation_and_a_cent_is_one():
    frame = pd.DataFrame({"price": [0.1] * 60, "quantity": [3] * 60, "total": [0.3] * 60})
    relation = Relation.of("s: product(price, quantity, total)")
    assert measured(relation, frame).violating == 0
    frame.loc[5, "total"] = 0.4
    assert measured(relation, frame).violating == 1
    cents = pd.DataFrame({"price": [0.25] * 60, "quantity": [3] * 60, "total": [0.75] * 60})
    cents.loc[5, "total"] = 0.76
    assert measured(relation, cents).violating == 1


def test_a_duration_may_be_cut_or_rounded_but_not_be_a_minute_off():
    relation = Relation.of("s: difference(came, left, minutes) in minutes")
    left = pd.Series(pd.date_range("2026-01-05", periods=60, freq="h", tz="UTC"))
    frame = pd.DataFrame({"left": left, "came": left + pd.Timedelta(seconds=150), "minutes": [2, 3] * 30})
    assert measured(relation, frame).violating == 0
    assert measured(relation, frame.assign(minutes=4)).violating == 60
    frame["came"] = left + pd.Timedelta(minutes=2)
    assert measured(relation, frame).violating == 30
    tenths = frame.assign(minutes=[2.0, 2.1] * 30)
    assert measured(relation, tenths).violating == 30


def test_a_value_that_is_not_the_most_frequent_of_its_group_violates():
    frame = sensors()
    frame.loc[frame["station"].eq("beta") & (frame.index % 40 == 1), "height"] = 341
    found = measured(Relation.of("s: determines(station, height)"), frame, "station", "read_at")
    assert found.violating == (frame["height"] == 341).sum()
    assert found.group == Part("station", "beta", 336, found.violating)


def test_the_group_is_the_most_particular_one_not_the_largest():
    frame = pd.DataFrame({
        "a": 1, "b": np.where(np.arange(1000) % 50 == 0, 0, 1), "large": ["x"] * 990 + ["y"] * 10,
        "kind": ["odd" if number % 50 == 0 else "usual" for number in range(1000)],
    })  # fmt: skip
    found = measured(Relation.of("s: order(a, b)"), frame)
    assert found.group == Part("kind", "odd", 20, 20)


@pytest.mark.parametrize(
    ("relation", "lack"),
    [
        ("s: order(a, gone)", "s has no column gone"),
        ("s: order(a, text)", "a (number) and text (text) have values of different types"),
        ("s: difference(a, b, text)", "text is not a number"),
        ("s: difference(a, b, b2) in minutes", "a and b are not both moments"),
        ("s: product(a, text, b)", "s: product(a, text, b) compares numbers"),
        ("s: order(text, text2)", "text has no whole numbers"),
    ],
)
def test_what_cannot_be_compared_says_why(relation, lack):
    frame = pd.DataFrame({"a": [1, 2], "b": [2, 3], "b2": [1, 1], "text": ["x", "y"], "text2": ["x", "y"]})
    found = measured(Relation.of(relation), frame)
    assert (found.n, found.violating, found.share) == (0, 0, None)
    assert lack.removeprefix("s: ") in found.lack


def test_every_kind_is_measured():
    found = {one.kind for one in _all_kinds()}
    assert found == set(KINDS)


def _all_kinds() -> list[Relation]:
    frames = {
        "s": orders(),
        "c": clocks(),
        "w": sensors(),
        "v": sensors().rename(columns={"station": "post"}),
    }
    frames["s"] = frames["s"].assign(again=frames["s"]["total"])
    frames["o"] = orders()[["order_id", "shop", "event_at"]]
    declared = {
        "s": contract(frames["s"], "order_id"), "o": contract(frames["o"], "order_id"),
        "c": contract(frames["c"], "train"), "w": contract(frames["w"], "station", "read_at"),
        "v": contract(frames["v"], "post", "read_at"),
    }  # fmt: skip
    tables = Tables.of(frames, declared)
    found = holding(tables, declared)
    assert all(violations(one, tables, declared).share <= 0.01 for one in found)
    return found


def test_time_grows_with_the_rows_and_no_faster():
    def seconds(times: int) -> float:
        frame = pd.concat([orders(2000)] * times, ignore_index=True)
        declared = {"s": contract(frame, "order_id")}
        begun = time.perf_counter()
        tables = Tables.of({"s": frame}, declared)
        for relation in holding(tables, declared):
            violations(relation, tables, declared)
        return time.perf_counter() - begun

    seconds(1)
    assert seconds(20) < 60 * max(
        seconds(1), 0.05
    )  # twenty times the rows; three times that for a busy machine
