"""What holds in sources of many fields is found, what does not is not, and nothing that came by chance."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest
from tests.profiles.relation_shapes import clocks, contract, draw, keys, orders, sensors, stays

from sprintline.landing.declared_relations import Accepted, Relation
from sprintline.profiles.relations import MOST, Tables, accepted, holding, violations


def found_in(frame: pd.DataFrame, *key: str) -> set[str]:
    return keys(holding({"s": frame}, {"s": contract(frame, *key)}))


def test_orders_have_their_amounts_durations_and_places():
    found = found_in(orders(), "order_id")
    assert {
        "s: product(price, quantity, total)",
        "s: product(total, rate, local_total)",
        "s: difference(gross, total, tax)",
        "s: difference(delivered_at, placed_at, took_minutes) in minutes",
        "s: order(placed_at, delivered_at)",
        "s: determines(shop, city)",
    } <= found
    assert "s: determines(city, shop)" not in found  # two shops are in one city
    assert not [one for one in found if "express" in one]


def test_clocks_are_compared_over_midnight_and_their_empty_rows_go_together():
    found = found_in(clocks(), "train")
    assert {"s: difference(left, planned, late) in hhmm", "s: null together(left, late)"} <= found
    assert not [one for one in found if one.startswith("s: order")]


def test_sensors_have_heights_dew_points_and_reasons():
    found = found_in(sensors(), "station", "read_at")
    assert {
        "s: determines(station, height)",
        "s: order(dewp, temp)",
        "s: null together(fault, fault_code)",
    } <= found


def test_dates_and_days():
    found = found_in(stays(), "stay")
    assert {"s: difference(departure, arrival, nights) in days", "s: order(arrival, departure)"} <= found


@pytest.mark.parametrize(("unit", "per"), [("seconds", 1), ("minutes", 60), ("hours", 3600), ("days", 86400)])
def test_the_unit_of_a_duration_is_found_and_no_other(unit, per):
    dice = draw()
    begin = pd.Timestamp("2026-01-05T00:00:00Z") + pd.to_timedelta(dice.integers(0, 10**6, 500), unit="s")
    seconds = dice.integers(0, 40 * per, 500)
    frame = pd.DataFrame({
        "begin": begin, "finish": begin + pd.to_timedelta(seconds, unit="s"), "lasted": np.round(seconds / per, 2),
    })  # fmt: skip
    found = [one for one in holding({"s": frame}, {}) if one.kind == "difference"]
    assert keys(found) == {f"s: difference(finish, begin, lasted) in {unit}"}


def test_a_sum_is_found_once_and_one_with_mostly_zeros_is_none():
    dice = draw()
    net, fee = dice.integers(1, 900, 500), np.where(dice.random(500) < 0.02, dice.integers(1, 9, 500), 0)
    found = found_in(
        pd.DataFrame({"net": net, "fee": fee, "gross": net + fee, "part": dice.integers(1, 9, 500)})
    )
    assert not [one for one in found if "difference" in one or "product" in one]
    tip = dice.integers(1, 90, 500)
    found = found_in(pd.DataFrame({"net": net, "tip": tip, "gross": net + tip}))
    assert [one for one in found if "difference" in one] == ["s: difference(gross, net, tip)"]


def test_columns_that_are_equal_are_found_once_and_stand_for_each_other():
    dice = draw()
    a, b = dice.integers(0, 900, 300), dice.integers(0, 900, 300)
    found = found_in(pd.DataFrame({"a": a, "again": a, "more": a, "b": b, "c": a + b}))
    assert {"s: equal(a, again)", "s: equal(a, more)", "s: difference(c, a, b)"} <= found
    assert not [one for one in found if "again, b" in one or "equal(again" in one]


def test_two_texts_determine_what_neither_does():
    dice = draw()
    start, stop = dice.choice(list("ABCD"), 800), dice.choice(list("PQRS"), 800)
    miles = [100 + 13 * (ord(one) * 7 + ord(other) * 5) % 900 for one, other in zip(start, stop, strict=True)]
    found = found_in(pd.DataFrame({"start": start, "stop": stop, "miles": miles}))
    assert "s: determines(start, stop, miles)" in found


def test_what_is_trivial_is_not_shown():
    dice = draw()
    frame = pd.DataFrame({
        "year": 2026, "zero": 0, "key": [f"k{number}" for number in range(400)], "x": dice.normal(size=400),
        "big": dice.integers(10**6, 10**7, 400), "small": dice.integers(0, 9, 400),
        "nearly": np.where(dice.random(400) < 0.003, "odd", "same"),
    })  # fmt: skip
    assert found_in(frame, "key") == set()


def test_columns_without_any_relation_have_none():
    dice = draw()
    frame = pd.DataFrame({f"c{number}": dice.normal(size=900) for number in range(40)})
    for number in range(10):
        frame[f"t{number}"] = dice.choice(list("abcdef"), 900)
        frame[f"i{number}"] = dice.integers(0, 40, 900)
        frame[f"b{number}"] = dice.random(900) < 0.5
    assert found_in(frame) == set()


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": [1], "b": ["x"]}),
        pd.DataFrame({"a": pd.Series([], dtype="int64"), "b": pd.Series([], dtype=object)}),
        pd.DataFrame({"a": [None] * 200, "b": [np.nan] * 200, "c": range(200)}),
        pd.DataFrame({"a": [1, "x", None, 2.5, [1, 2]] * 40, "b": [{"a": 1}, 2, "3", 4, 5] * 40}),
        pd.DataFrame({"a": [np.inf, -np.inf, np.nan, 1.0] * 50, "b": [1.0, 2.0, 3.0, 4.0] * 50}),
        pd.DataFrame({"a": pd.array([True, None] * 100, "boolean"), "b": [date(9999, 12, 31), None] * 100}),
        pd.DataFrame({"a": pd.array([2**62, 2**62 + 1, None] * 70, "Int64"), "b": [2**62, 1, 0] * 70}),
    ],
    ids=["one row", "no rows", "no values", "mixed", "infinite", "truth and year 9999", "64 bits"],
)
def test_odd_frames_do_no_harm(frame):
    frames = {"s": frame, "t": frame.assign(other=1)}
    contracts = {"s": contract(frame, "a"), "t": contract(frame, "a")}
    for relation in holding(frames, contracts):
        assert violations(relation, frames, contracts).n
    for kind in ("equal", "order", "null together"):
        violations(Relation(kind, "s", ("a", "b")), frames, contracts)
    violations(Relation("difference", "s", ("a", "b", "a2")), frames, contracts)


def test_whole_numbers_beyond_floats_are_compared_exactly():
    a = np.arange(2**62, 2**62 + 200)
    frame = pd.DataFrame({"a": a, "b": a, "c": np.r_[a[:-20], a[-20:] + 1]})
    found = holding({"s": frame}, {})
    assert "s: equal(a, b)" in keys(found)
    assert violations(Relation("equal", "s", ("a", "c")), {"s": frame}, {}).violating == 20


def test_the_same_rows_give_the_same_relations_in_the_same_order():
    frames = {"o": orders(), "s": sensors()}
    contracts = {"o": contract(frames["o"], "order_id"), "s": contract(frames["s"], "station", "read_at")}
    assert holding(frames, contracts) == holding(dict(reversed(frames.items())), contracts)


def test_many_columns_are_a_matter_of_seconds_and_of_at_most_sixty_relations():
    dice = draw()
    base = dice.normal(size=3000).cumsum()
    numbers = {f"c{number}": np.round(base + dice.normal(size=3000), 1) for number in range(150)}
    wide = pd.DataFrame(
        numbers | {f"t{number}": np.where(base > number, "high", "low") for number in range(150)}
    )
    begun = time.perf_counter()
    found = holding({"s": wide}, {"s": contract(wide)})
    assert len(found) <= MOST
    assert time.perf_counter() - begun < 20  # 2 s alone; a busy machine is no reason to fail


def test_accepted_relations_get_their_sources_name():
    stated = Accepted(Relation.from_text("order(a, b)"), 0.02)
    frame = pd.DataFrame({"a": [1], "b": [2]})
    plain = contract(frame, "a")
    found = accepted({"s": replace(plain, relations=(stated,)), "t": plain})
    assert [(one.relation.key, one.allowed) for one in found] == [("s: order(a, b)", 0.02)]


def test_prepared_tables_give_what_frames_give():
    frame = orders()
    contracts = {"s": contract(frame, "order_id")}
    prepared = Tables.of({"s": frame}, contracts)
    relation = Relation.of("s: product(price, quantity, total)")
    assert holding(prepared, contracts) == holding({"s": frame}, contracts)
    assert violations(relation, prepared, contracts) == violations(relation, {"s": frame}, contracts)
