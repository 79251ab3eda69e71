"""The year of flights: its relations are found, none is a false alarm, and what was green before is reported."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from tests.products.flight_delays.year import CONTRACTS, YEAR, Frames, landed

from sprintline.profiles.relation_facts import relation_facts
from sprintline.profiles.relation_rules import RULE, broke
from sprintline.profiles.relations import Relation, Tables, holding, violations

ON_TRIAL = "2013-S13"
KEY = "year, month, day, carrier, flight, origin, dest"


def judged(frames: Frames):
    return RULE({"accepted": relation_facts(frames, CONTRACTS)})


@pytest.mark.slow
def test_a_year_has_its_relations_and_no_false_alarm():
    tables = {sprint: Tables.of(landed(sprint), CONTRACTS) for sprint in YEAR}
    found: dict[str, Relation] = {}
    times: dict[str, int] = {}
    for sprint in YEAR:
        for one in holding(tables[sprint], CONTRACTS):
            found[one.key] = one
            times[one.key] = times.get(one.key, 0) + 1
    always = {key for key, count in times.items() if count == len(YEAR)}
    assert {
        "departures: difference(dep_time, sched_dep_time, dep_delay) in hhmm",
        "arrivals: difference(arr_time, sched_arr_time, arr_delay) in hhmm",
        "departures: null together(dep_time, dep_delay)",
        f"arrivals: keys in({KEY}) / departures({KEY})",
        f"arrivals: same value(distance, {KEY}) / departures(distance, {KEY})",
        "arrivals: same groups(dest) / departures(dest)",
        "departures: determines(origin, dest, distance)",
        "departures: determines(tailnum, carrier)",
    } <= always
    assert len(found) <= 45
    alarms = []
    for key, relation in found.items():
        measured = [violations(relation, tables[sprint], CONTRACTS) for sprint in YEAR]
        alarms += [(key, YEAR[n]) for n, now in enumerate(measured) if broke(now, measured[:n])]
    assert alarms == []
    assert [sprint for sprint in YEAR if judged(tables[sprint]).outcome != "pass"] == []  # type: ignore[arg-type]


def _changed(source: str, rows: Callable[[pd.DataFrame], pd.Series], **change: Callable) -> Frames:
    frames = {name: frame.copy() for name, frame in landed(ON_TRIAL).items()}
    frame = frames[source]
    chosen = rows(frame)
    assert chosen.any()
    for name, new in change.items():
        frame.loc[chosen, name] = new(frame.loc[chosen, name])
    return frames


@pytest.mark.parametrize(
    ("source", "rows", "column", "change", "named"),
    [
        ("departures", lambda f: f["carrier"] == "UA", "dep_delay", lambda d: (d * 60).clip(-60, 1500), "carrier UA"),
        ("departures", lambda f: f["carrier"] == "HA", "dep_delay", lambda d: d // 60, "carrier HA"),
        ("departures", lambda f: f["carrier"] == "YV", "dep_delay", lambda d: d * 0, "carrier YV"),
        ("arrivals", lambda f: f["carrier"] == "F9", "arr_delay", lambda d: d * 0, "carrier F9"),
        ("arrivals", lambda f: f["dest"] == "BUR", "dest", lambda d: "BRU", "dest BRU"),
        ("arrivals", lambda f: f["carrier"] == "F9", "carrier", lambda d: "WN", "carrier F9"),
        ("arrivals", lambda f: f["origin"] == "LGA", "distance", lambda d: (d * 1.609).astype(int), "origin LGA"),
        ("departures", lambda f: f["day"] == 20, "dep_delay", lambda d: d + 60, "on 2013-06-20"),
        ("departures", lambda f: f["carrier"] == "EV", "dep_delay", lambda d: pd.NA, "carrier EV"),
    ],
    ids=["seconds", "hours", "zeros", "zeros at arrival", "renamed", "merged", "kilometres", "a day", "silent"],
)  # fmt: skip
def test_what_is_wrong_within_bounds_names_source_columns_and_group_or_day(
    source, rows, column, change, named
):
    found = judged(_changed(source, rows, **{column: change}))
    assert found.outcome == "fail"
    assert named in found.sentence
    assert source in found.sentence
    assert column in found.sentence
