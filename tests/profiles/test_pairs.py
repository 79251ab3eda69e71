"""Two sources that tell of the same things are compared by key, value, group and day."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.profiles.relation_shapes import contract, draw, orders, sensors

from sprintline.profiles.relations import Relation, holding, violations


@pytest.fixture
def shop() -> dict[str, pd.DataFrame]:
    """Orders, and shipments of most of them."""
    made = orders()
    sent = made.iloc[draw(1).permutation(len(made))[:540]].sort_values("order_id")
    shipments = sent[["order_id", "shop", "quantity", "event_at"]].assign(
        weight=np.round(draw(2).uniform(1, 30, len(sent)), 1)
    )
    return {"orders": made, "shipments": shipments.reset_index(drop=True)}


def contracts(frames: dict[str, pd.DataFrame]):
    return {name: contract(frame, "order_id") for name, frame in frames.items()}


def between(frames, declared) -> set[str]:
    return {one.key for one in holding(frames, declared) if one.other}


def test_sources_with_one_key_agree_on_values_groups_and_keys(shop):
    assert between(shop, contracts(shop)) == {
        "shipments: keys in(order_id) / orders(order_id)",
        "orders: same value(shop, order_id) / shipments(shop, order_id)",
        "orders: same value(quantity, order_id) / shipments(quantity, order_id)",
        "orders: same groups(shop) / shipments(shop)",
    }


def test_a_key_that_has_another_name_is_found_by_its_values(shop):
    shop["shipments"] = shop["shipments"].rename(columns={"order_id": "reference"})
    declared = {
        "orders": contract(shop["orders"], "order_id"),
        "shipments": contract(shop["shipments"], "reference"),
    }
    assert "shipments: keys in(reference) / orders(order_id)" in between(shop, declared)


def test_whole_numbers_are_no_key_of_another_name():
    frames = {
        "people": pd.DataFrame({"id": range(1, 500), "age": draw().integers(18, 90, 499)}),
        "visits": pd.DataFrame({"id": range(1, 500), "minutes": draw(1).integers(1, 90, 499)}),
    }
    declared = {name: contract(frame, "id") for name, frame in frames.items()}
    assert not [one for one in between(frames, declared) if "age" in one or "minutes" in one]


def test_a_group_renamed_in_one_source_shows(shop):
    declared = contracts(shop)
    held = [one for one in holding(shop, declared) if one.other]
    shop["shipments"].loc[shop["shipments"]["shop"] == "harbour", "shop"] = "harbor"
    broken = {one.key: violations(one, shop, declared) for one in held}
    groups = broken["orders: same groups(shop) / shipments(shop)"]
    assert groups.group.by == "shop"
    assert groups.group.value in ("harbour", "harbor")
    assert groups.group.violating == groups.group.n > 100
    values = broken["orders: same value(shop, order_id) / shipments(shop, order_id)"]
    assert values.violating == (shop["shipments"]["shop"] == "harbor").sum()
    assert broken["shipments: keys in(order_id) / orders(order_id)"].violating == 0


def test_a_small_group_renamed_is_named_though_it_is_little_of_all(shop):
    made = shop["orders"]
    made["shop"] = ["tiny" if number % 150 == 0 else one for number, one in enumerate(made["shop"])]
    shop["shipments"]["shop"] = (
        made.set_index("order_id")["shop"].loc[shop["shipments"]["order_id"]].to_numpy()
    )
    declared = contracts(shop)
    relation = Relation.of("orders: same groups(shop) / shipments(shop)")
    assert violations(relation, shop, declared).violating == 0
    shop["shipments"].loc[shop["shipments"]["shop"] == "tiny", "shop"] = "teeny"
    found = violations(relation, shop, declared)
    assert found.share < 0.01
    assert found.group.n == found.group.violating


def test_a_missing_key_counts_once_however_many_rows_have_it():
    hours = sensors()
    readings = hours[["station", "height"]].drop_duplicates()
    frames = {"hours": hours, "stations": readings.iloc[:3]}
    declared = {"hours": contract(hours, "station", "read_at"), "stations": contract(readings, "station")}
    found = violations(Relation.of("hours: keys in(station) / stations(station)"), frames, declared)
    assert (found.n, found.violating) == (4, 1)


def test_a_series_with_gaps_is_not_proposed_as_keys():
    weather = sensors().drop(columns=["event_at"])
    trips = weather.sample(300, random_state=1, replace=True).assign(trip=[f"T{n}" for n in range(300)])
    frames = {"trips": trips[["trip", "station", "read_at"]], "weather": weather}
    declared = {
        "trips": contract(frames["trips"], "trip"),
        "weather": contract(weather, "station", "read_at"),
    }
    assert not [one for one in between(frames, declared) if "keys in" in one]


def test_sources_without_a_common_key_are_counted_by_day():
    first = sensors()
    second = first.rename(columns={"station": "post", "read_at": "moment"})[["post", "moment", "event_at"]]
    frames = {"a": first, "b": second}
    declared = {"a": contract(first, "station", "read_at"), "b": contract(second, "post", "moment")}
    assert "a: same rows per day() / b()" in between(frames, declared)
    frames["b"] = second.iloc[48:]  # twelve hours of four stations are cut off
    found = violations(Relation("same rows per day", "a", (), "b", ()), frames, declared)
    assert (found.violating, found.day.value, found.day.violating) == (48, "2026-01-05", 48)


def test_values_of_partly_overlapping_sources_are_compared_where_both_have_them():
    made = orders()
    frames = {"a": made.iloc[:400][["order_id", "shop"]], "b": made.iloc[300:][["order_id", "shop"]]}
    declared = contracts(frames)
    found = violations(Relation.of("a: same value(shop, order_id) / b(shop, order_id)"), frames, declared)
    assert (found.n, found.violating) == (100, 0)
    frames["a"] = frames["a"].assign(shop=None)
    assert (
        "no row"
        in violations(Relation.of("a: same value(shop, order_id) / b(shop, order_id)"), frames, declared).lack
    )


def test_numbers_of_two_types_are_one_value():
    frames = {
        "a": pd.DataFrame({"id": range(100), "x": range(100)}),
        "b": pd.DataFrame({"id": np.arange(100.0), "x": pd.array(range(100), "Int64")}),
    }
    declared = {name: contract(frame, "id") for name, frame in frames.items()}
    relation = Relation.of("a: same value(x, id) / b(x, id)")
    assert (violations(relation, frames, declared).n, violations(relation, frames, declared).violating) == (
        100,
        0,
    )
    frames["b"].loc[7, "x"] = 8
    assert violations(relation, frames, declared).violating == 1


def test_an_empty_other_source_has_none_of_the_keys():
    frames = {"a": pd.DataFrame({"id": ["x", "y"]}), "b": pd.DataFrame({"id": pd.Series([], dtype=object)})}
    declared = {name: contract(frame, "id") for name, frame in frames.items()}
    assert violations(Relation.of("a: keys in(id) / b(id)"), frames, declared).violating == 2
    lacking = violations(Relation.of("a: keys in(id) / c(id)"), frames, declared)
    assert (lacking.n, lacking.share, lacking.lack) == (0, None, "c has no rows")


def test_a_source_without_contract_is_compared_by_its_columns(shop):
    declared = contracts(shop)
    found = between(shop, {"orders": declared["orders"]})
    assert "shipments: keys in(order_id) / orders(order_id)" in found
