"""The statistics of a source: what is measured, of which groups, with which error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from tests.profiles.history import days_of, profile, rows

from sprintline.profiles.statistics import COLUMNS, measured_columns, statistics


def one(found: pd.DataFrame, **place: str) -> pd.Series:
    chosen = found
    for name, value in place.items():
        chosen = chosen[chosen[name] == value]
    assert len(chosen) == 1, chosen
    return chosen.iloc[0]


def test_rows_are_counted_by_local_day():
    moments = pd.to_datetime(["2026-01-05T22:59Z", "2026-01-05T23:00Z", "2026-01-06T22:59Z"])
    found = statistics(pd.DataFrame({"event_at": moments}), ["2026-01-05", "2026-01-06"], "Europe/Berlin")
    counts = found[found.measure == "rows"].set_index("day")["n"].to_dict()
    assert counts == {"2026-01-05": 1, "2026-01-06": 2}


def test_a_source_without_rows_has_days_without_rows():
    found = statistics(rows(0).iloc[:0], days_of(0), "UTC")
    assert found[found.measure == "rows"]["n"].tolist() == [0] * 7
    assert list(found.columns) == list(COLUMNS)


def test_shares_nulls_levels_spreads_and_runs_of_each_group():
    frame = rows(0)
    frame.loc[frame.index[:100], "value"] = np.nan  # of station north
    found = profile(frame, 0)
    assert one(found, measure="share", group="east").figure == pytest.approx(1 / 3)
    assert one(found, measure="nulls", column="value", group="north").figure == pytest.approx(100 / 336)
    assert one(found, measure="nulls", column="value", by="").figure == pytest.approx(100 / 1008)
    south = frame.loc[frame.station == "south", "value"]
    assert one(found, measure="level", group="south").figure == pytest.approx(south.mean(), abs=0.1)
    assert one(found, measure="spread", group="south").figure == pytest.approx(south.std(), rel=0.1)
    assert one(found, measure="run", group="south").figure >= 1
    assert one(found, measure="same", group="south").figure < 0.1


def test_a_stuck_station_has_one_long_run_in_time_order():
    frame = rows(0)
    stuck = frame.index[frame.station == "north"][200:]
    frame.loc[stuck, "value"] = 5.0
    shuffled = frame.sample(frac=1, random_state=1)
    assert one(profile(shuffled, 0), measure="run", group="north").figure == 136


def test_what_names_a_row_or_repeats_its_moment_is_not_measured():
    frame = rows(0).assign(hour=lambda one: one.event_at.dt.hour, year=2026, number=range(1008))
    numbers, groups = measured_columns(frame, ["reading_id"], "UTC")
    assert numbers == ["value", "number"]
    assert groups == ["station"]


def test_a_column_that_groups_too_finely_does_not_group():
    frame = rows(0)
    frame["code"] = [f"c{one % 500}" for one in range(len(frame))]
    assert measured_columns(frame, ["reading_id"], "UTC")[1] == ["station"]


def test_minutes_to_other_moments_are_measured():
    frame = rows(0)
    frame["ended_at"] = frame.event_at + pd.to_timedelta([80, 100] * 504, unit="min")
    assert one(
        profile(frame, 0), measure="level", column="ended_at - event_at (minutes)", by=""
    ).figure == pytest.approx(90)


def test_hidden_columns_show_only_their_nulls():
    found = statistics(rows(0), days_of(0), "UTC", ["reading_id"], hidden=["station", "value"])
    assert set(found.loc[found.column == "value", "measure"]) == {"nulls"}
    assert not (found.by == "station").any()


def test_columns_of_any_type_and_of_no_value_are_measured_without_error():
    frame = rows(0).assign(
        none=None,
        flag=pd.array([True, None] * 504, dtype="boolean"),
        big=2**62,
        mixed="a",
        date=pd.Timestamp(0),
    )
    frame["empty"] = pd.array([pd.NA] * len(frame), dtype="Float64")
    found = profile(frame, 0)
    assert one(found, measure="nulls", column="empty", by="").figure == 1
    assert np.isfinite(found[["figure", "value", "error"]].to_numpy(dtype=float)).all()
