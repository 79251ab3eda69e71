"""The features of flight_delays, computed by their shipped queries over invented marts, against a search by hand."""

import random
from datetime import date, timedelta

import duckdb
import pandas as pd
import pytest

from sprintline.base.settings import ROOT, Home
from sprintline.features.marts import restricted_query
from sprintline.features.store import FeatureStore
from sprintline.lake.tables import Lake
from sprintline.product.calendar import Calendar

CALENDAR = Calendar(date(2013, 1, 1), 14, "America/New_York", date(2014, 7, 1))
BEFORE, SPRINT = (CALENDAR.window(key) for key in CALENDAR.keys[1:3])
LOOKBACK = [CALENDAR.keys[0], BEFORE.key]
HOUR = timedelta(hours=1)

COUNTS = [
    "departed", "departure_delay_minutes", "late_departures", "cancelled",
    "arrived", "arrival_delay_minutes", "late_arrivals", "en_route_minutes",
]  # fmt: skip
ENTITIES = {
    "carrier_hours": {"carrier": ["AA", "UA", "WN"]},
    "origin_hours": {"origin": ["EWR", "JFK"]},
    "destination_hours": {"destination": ["ORD", "BOS"]},
    "route_hours": {"route": ["EWR-ORD", "JFK-BOS"]},
    "flight_hours": {"carrier": ["AA", "UA"], "flight": [1, 22]},
}
WEATHER = [
    "temperature_f", "dew_point_spread_f", "humidity_pct", "wind_speed_mph", "wind_gust_mph", "wind_from_east_mph",
    "wind_from_north_mph", "precipitation_in", "pressure_mb", "visibility_miles",
]  # fmt: skip


def invent(seed):
    """Marts as dbt makes them: quiet hours have no row, and a sprint's last flights become known in the next one."""
    dice, marts = random.Random(seed), {}
    hours = pd.date_range(BEFORE.start, SPRINT.end + 6 * HOUR, freq="h", unit="us")
    for name, keys in ENTITIES.items():
        rows = []
        for hour in hours:
            if dice.random() < 0.75:  # quiet hours, so that windows run empty
                continue
            sprint = BEFORE.key if hour < SPRINT.start + 3 * HOUR else SPRINT.key
            known = hour - timedelta(minutes=dice.randrange(1, 60))
            rows.append(
                [sprint, *[dice.choice(values) for values in keys.values()], hour, *_counts(dice), known]
            )
        columns = ["sprint", *keys, "known_hour", *COUNTS, "last_known_at"]
        marts[name] = pd.DataFrame(rows, columns=columns).drop_duplicates(["sprint", *keys, "known_hour"])
    measured = [(origin, hour) for origin in ("EWR", "JFK") for hour in hours if dice.random() < 0.9]
    rows = [
        [CALENDAR.sprint_at(hour).key, origin, hour, *[round(dice.random() * 50, 2) for _ in WEATHER], hour]
        for origin, hour in measured
    ]
    marts["weather_hours"] = pd.DataFrame(
        rows, columns=["sprint", "origin", "known_hour", *WEATHER, "last_known_at"]
    )
    return marts


def _counts(dice):
    departed, arrived = dice.randrange(4), dice.randrange(4)
    return [
        departed, dice.randrange(-20, 200) * bool(departed), dice.randrange(departed + 1), dice.randrange(2),
        arrived, dice.randrange(-20, 200) * bool(arrived), dice.randrange(arrived + 1), dice.randrange(-9, 9),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("flights"))
    return FeatureStore("flight_delays", home, Lake(home.lake))


def compute(store, marts, folder):
    file = folder / "flight_delays.duckdb"
    with duckdb.connect(str(file)) as session:
        session.execute("set TimeZone = 'UTC'")
        session.execute("create schema marts")
        for name, frame in marts.items():
            session.register("given", frame)
            session.execute(f"create table marts.{name} as select * from given")
            session.unregister("given")
    frames = {
        view: store.compute(view, SPRINT, LOOKBACK, lambda *given: restricted_query(file, *given))
        for view in store.declared().views
    }
    file.unlink()
    return frames


# feature suffix -> (sum of, divided by)
MEANING = {
    "departures": ("departed", None),
    "departure_delay_mean": ("departure_delay_minutes", "departed"),
    "departure_late_rate": ("late_departures", "departed"),
    "cancelled": ("cancelled", None),
    "arrivals": ("arrived", None),
    "arrival_delay_mean": ("arrival_delay_minutes", "arrived"),
    "arrival_late_rate": ("late_arrivals", "arrived"),
    "en_route_loss_mean": ("en_route_minutes", "arrived"),
}


@pytest.mark.parametrize("mart", ENTITIES)
def test_every_delay_feature_equals_a_search_by_hand(declared, tmp_path, mart):
    view = "flight_number_delays" if mart == "flight_hours" else mart.replace("_hours", "_delays")
    marts = invent(7)
    frame = compute(declared, marts, tmp_path)[view]
    keys, known = declared.declared().keys(view), marts[mart]
    features = list(declared.declared().kinds(view))
    assert {name.split("_")[-1] for name in features} <= {"1h", "3h", "6h", "24h", "7d", "21d"}
    for row in frame.sample(min(len(frame), 60), random_state=1).to_dict("records"):
        mine = known[(known[keys] == [row[key] for key in keys]).all(axis=1)]
        until = mine[mine["known_hour"] <= row["event_timestamp"]]
        assert row["created_timestamp"] == until["last_known_at"].max()
        for name in features:
            prefix = "flight_number_" if view == "flight_number_delays" else f"{keys[0]}_"
            what, _, window = name.removeprefix(prefix).rpartition("_")
            length = timedelta(hours=int(window[:-1]) * (24 if window.endswith("d") else 1))
            seen = until[until["known_hour"] > row["event_timestamp"] - length]
            count, by = MEANING[what]
            if by is None:
                assert row[name] == seen[count].sum(), (name, row)
            elif seen[by].sum() == 0:
                assert pd.isna(row[name]), (name, row)
            else:
                assert row[name] == seen[count].sum() / seen[by].sum(), (name, row)


def test_rows_come_at_every_hour_or_day_once_an_entity_is_known(declared, tmp_path):
    frames = compute(declared, invent(8), tmp_path)
    hours = (SPRINT.end - SPRINT.start) / HOUR
    assert len(frames["origin_delays"]) == 2 * hours
    assert frames["route_delays"]["event_timestamp"].dt.hour.unique().tolist() == [6]
    assert len(frames["route_delays"]) == 2 * 14


@pytest.mark.parametrize("days", [0.3, 6])
def test_what_becomes_known_later_changes_no_earlier_value(declared, tmp_path, days):
    moment = SPRINT.start + timedelta(days=days)
    whole, dice = invent(9), random.Random(9)
    cut = {name: mart[mart["known_hour"] <= moment] for name, mart in whole.items()}
    scrambled = {name: mart.copy() for name, mart in whole.items()}
    for mart in scrambled.values():
        later = mart["known_hour"] > moment
        for column in [*COUNTS, *WEATHER]:
            if column in mart:
                mart.loc[later, column] = [dice.randrange(1000) for _ in range(int(later.sum()))]
        if "cancelled" in mart:  # and for entities no one has seen before
            mart.loc[later, mart.columns[1]] = "XX"
    expected = compute(declared, whole, tmp_path)
    for other in (cut, scrambled):
        for view, frame in compute(declared, other, tmp_path).items():
            before = expected[view][expected[view]["event_timestamp"] <= moment].reset_index(drop=True)
            now = frame[frame["event_timestamp"] <= moment].reset_index(drop=True)
            assert len(before) > 0
            pd.testing.assert_frame_equal(now, before, check_exact=True)


def test_weather_is_that_of_its_hour_and_looks_back_three(declared, tmp_path):
    marts = invent(10)
    frame = compute(declared, marts, tmp_path)["origin_weather"]
    weather = marts["weather_hours"]
    for row in frame.sample(60, random_state=1).to_dict("records"):
        at = row["event_timestamp"]
        near = weather[
            (weather["origin"] == row["origin"])
            & (weather["known_hour"] <= at)
            & (weather["known_hour"] >= at - 3 * HOUR)
        ].sort_values("known_hour")
        assert row["created_timestamp"] == at
        assert row["precipitation_max_3h_in"] == near["precipitation_in"].max()
        assert row["pressure_change_3h_mb"] == near["pressure_mb"].iloc[-1] - near["pressure_mb"].iloc[0]
        assert row["temperature_f"] == near["temperature_f"].iloc[-1]


def test_every_view_has_a_query_and_every_feature_a_description(declared):
    product = declared.declared()
    queries = {path.stem for path in (ROOT / "feature_repo" / "flight_delays").glob("*.sql")}
    assert queries == set(product.views)
    assert set(product.service_views("flight_delays_v1")) == set(product.views)
    for view in product.views.values():
        assert view.description
        assert view.owner
        assert all(field.description for field in view.features), view.name
