"""Real Feast on a temporary home with small invented lake tables: what a question may see, and what it must not."""

import random
import shutil
import time
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from tests.features.bakery import (
    CALENDAR,
    FIRST,
    HOUR,
    SECOND,
    SHOP_TTL,
    THIRD,
    TICK,
    TOWN_TTL,
    ask,
    put,
    sales,
    weather,
)

from sprintline.features.store import FeatureError

# Point in time


def believed(rows, key, key_name, moment, ttl, feature):
    """The oracle: of a key's rows started and known by `moment` and within ttl, the last; of a tie the last known."""
    seen = [
        row
        for row in rows
        if row[key_name] == key
        and row["event_timestamp"] <= moment
        and row["created_timestamp"] <= moment
        and row["event_timestamp"] + ttl >= moment
    ]
    if not seen:
        return None
    return max(seen, key=lambda row: (row["event_timestamp"], row["created_timestamp"]))[feature]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_historical_values_equal_a_brute_force_search(store, seed):
    dice = random.Random(seed)
    shops, towns = ["a", "b", "a:b", "", "ä"], ["x", "y"]

    def moments(sprint):
        event = sprint.start + timedelta(minutes=dice.randrange(0, 60 * 72, 30))
        known = timedelta(
            minutes=dice.choice([-90, -30, 0, 0, 30, 200]), microseconds=dice.randrange(1_000_000)
        )
        return event, event + known

    # Few half-hours, many rows: ties of the event, known at different moments, are common.
    sold = [(dice.choice(shops), *moments(FIRST), dice.randrange(100), dice.random()) for _ in range(900)]
    rain = [(dice.choice(towns), *moments(FIRST), dice.choice([None, dice.random()])) for _ in range(300)]
    sold_frame, rain_frame = sales(*sold), weather(*rain)
    put(store, "shop_sales", FIRST, sold_frame)
    put(store, "town_weather", FIRST, rain_frame)

    def asked_at():
        return FIRST.start + timedelta(minutes=dice.randrange(0, 60 * 74, 10))

    asked = [(str(n), asked_at(), dice.choice([*shops, "new"]), dice.choice(towns)) for n in range(400)]
    asked += asked[:50]  # the same key at the same moment, asked twice
    questions = ask(*asked).sample(frac=1, random_state=seed)

    answer = store.historical(questions, "bakery_v1")

    sold_rows, rain_rows = sold_frame.to_dict("records"), rain_frame.to_dict("records")
    for row in answer.to_dict("records"):
        for name, rows, key, ttl in (
            ("sold", sold_rows, "shop", SHOP_TTL),
            ("rate", sold_rows, "shop", SHOP_TTL),
            ("rain", rain_rows, "town", TOWN_TTL),
        ):
            expected = believed(rows, row[key], key, row["question_at"], ttl, name)
            assert (pd.isna(row[name]) and pd.isna(expected)) or row[name] == expected, (row, name, expected)
    assert answer["sold"].notna().mean() > 0.3, "the draw must have answers to compare"
    pd.testing.assert_frame_equal(answer[list(questions.columns)], questions)
    assert [str(kind) for kind in answer.dtypes[len(questions.columns) :]] == ["float64"] * 3


@pytest.mark.parametrize(
    ("after", "sold"),
    [(timedelta(0), 7), (SHOP_TTL, 7), (SHOP_TTL + TICK, None), (-TICK, None)],
)
def test_a_value_holds_from_its_event_to_its_ttl_inclusive(store, noon, after, sold):
    answer = store.historical(ask(("q", noon + after, "a", "x"), ("far", noon + HOUR, "a", "x")), "bakery_v1")
    assert answer["sold"].astype(object).where(answer["sold"].notna(), None).tolist() == [sold, 7]


def test_of_tied_events_the_last_known_by_the_question_counts(store, noon):
    put(
        store,
        "shop_sales",
        FIRST,
        sales(
            ("a", noon, noon - HOUR, 1, 0.1),
            ("a", noon, noon - HOUR / 2, 2, 0.2),
            ("a", noon, noon + HOUR, 3, 0.3),  # a correction that came after the first question
        ),
    )
    answer = store.historical(
        ask(("q", noon + HOUR / 2, "a", "x"), ("r", noon + 2 * HOUR, "a", "x")), "bakery_v1"
    )
    assert answer["sold"].tolist() == [2, 3]


def test_a_row_known_later_than_the_question_is_not_seen(store, noon):
    late = ("a", noon, noon + 3 * HOUR, 9, 0.9)
    put(store, "shop_sales", FIRST, sales(("a", noon - HOUR, noon - HOUR, 1, 0.1), late))
    answer = store.historical(
        ask(("q", noon + 2 * HOUR, "a", "x"), ("r", noon + 3 * HOUR, "a", "x")), "bakery_v1"
    )
    assert answer["sold"].tolist() == [1, 9]


def test_own_columns_index_and_order_are_left_as_they_are(store, noon):
    questions = ask(("q2", noon + HOUR, "a", "x"), ("q1", noon, "b", "x"), ("q2", noon + HOUR, "a", "x"))
    questions = questions.assign(own=[3, 2, 1], late=[True, None, False]).set_axis([9, 4, 9])
    answer = store.historical(questions, "bakery_v1")
    pd.testing.assert_frame_equal(answer[list(questions.columns)], questions)
    assert answer["sold"].fillna(-1).tolist() == [7, -1, 7]


def test_a_feature_named_like_an_own_column_is_refused(store, noon):
    with pytest.raises(FeatureError, match="feature 'rain' is named like a question's column"):
        store.historical(ask(("q", noon, "a", "x")).assign(rain=0), "bakery_v1")


def test_a_missing_key_column_or_zone_is_told(store, noon):
    with pytest.raises(FeatureError, match="no column 'town'"):
        store.historical(ask(("q", noon, "a", "x")).drop(columns="town"), "bakery_v1")
    naive = ask(("q", noon, "a", "x"))
    naive["question_at"] = naive["question_at"].dt.tz_localize(None)
    with pytest.raises(FeatureError, match="question_at: every question needs a moment with time zone"):
        store.historical(naive, "bakery_v1")


@pytest.mark.parametrize(
    ("town", "kind"),
    [(7, "a number"), (True, "true or false"), (datetime(2024, 1, 2, tzinfo=UTC), "timestamp")],
)
def test_a_key_of_another_kind_is_told(store, noon, town, kind):
    """DuckDB would cast one to the other, and take "007" for 7."""
    questions = ask(("q", noon, "a", "x")).assign(town=[town])
    with pytest.raises(FeatureError, match=f"view town_weather: key town is text in the view and {kind}"):
        store.historical(questions, "bakery_v1")


def test_keys_may_be_categories(store, noon):
    questions = ask(("q", noon, "a", "x"))
    answer = store.historical(questions.astype({"shop": "category"}), "bakery_v1")
    assert answer["sold"].tolist() == store.historical(questions, "bakery_v1")["sold"].tolist() == [7]


def seen(view_columns: dict, created: str | None = "created_timestamp", known: bool = True, **change):
    """What `_latest_seen` finds at hours 0 to 5 for one key, by a table of hours."""
    from types import SimpleNamespace

    import duckdb

    from sprintline.features.offline import _latest_seen

    names = [name for name in view_columns if name not in ("key", "event_timestamp", "created_timestamp")]
    view = SimpleNamespace(
        name="view", join_keys=["key"], features=[SimpleNamespace(name=name) for name in names],
        batch_source=SimpleNamespace(timestamp_field="event_timestamp", created_timestamp_column=created),
        projection=SimpleNamespace(join_key_map={}),
    )  # fmt: skip
    with duckdb.connect() as connection:
        rows = pd.DataFrame(view_columns)
        connection.register("rows_of_view", rows)
        questions = pd.DataFrame({"key": 1, "event_timestamp": range(6)})
        connection.register("questions", questions)
        sql = f"select at_view.value from questions {_latest_seen(view, known)} order by questions.event_timestamp"
        return [value for (value,) in connection.execute(sql).fetchall()]


def test_a_feature_may_have_any_name():
    table = {
        "key": [1, 1],
        "event_timestamp": [1, 3],
        "created_timestamp": [2, 3],
        "seen_at": [9, 9],
        "seen_at_": [0, 0],
    }
    assert seen({**table, "value": [7, 8]}) == [None, None, 7, 8, 8, 8]


def test_what_nobody_says_the_creation_of_was_known_to_nobody():
    table = {"key": 1, "event_timestamp": [1, 2, 2], "created_timestamp": [1, None, 4], "value": [5, 6, 7]}
    assert seen(table) == [None, 5, 5, 5, 7, 7]
    assert seen(table, known=False) == [None, 5, 7, 7, 7, 7], "of a tie, what was created later"
    assert seen(table, created=None, known=False)[1] == 5


def test_a_row_of_an_earlier_event_that_came_later_answers_nothing(store, noon):
    """What was known by then, and of it the latest event: a late correction of the past is not the present."""
    put(
        store,
        "shop_sales",
        FIRST,
        sales(
            ("a", noon, noon, 7, 0.5),
            ("a", noon - HOUR, noon + HOUR, 3, 0.5),
            ("a", noon + HOUR, noon, 9, 0.5),
        ),
    )
    put(store, "town_weather", FIRST, weather(("x", noon, noon, 1.5)))
    asked = ask(*((str(after), noon + after * TICK, "a", "x") for after in (0, 3_599_999_999, 3_600_000_000)))
    assert store.historical(asked, "bakery_v1")["sold"].tolist() == [7, 7, 9]


def test_what_this_store_does_not_join_is_refused(store, noon):
    put(store, "shop_sales", FIRST, sales(("a", noon, noon, 7, 0.5)))
    put(store, "town_weather", FIRST, weather(("x", noon, noon, 1.5)))
    feast, _ = store._ready()
    entities = ask(("q", noon, "a", "x")).rename(columns={"question_at": "event_timestamp"})
    with pytest.raises(FeatureError, match="leave full_feature_names out"):
        feast.get_historical_features(entities, ["shop_sales:sold"], full_feature_names=True)
    with pytest.raises(FeatureError, match="data frame to get historical features, not SQL"):
        feast.get_historical_features("select 1", ["shop_sales:sold"])
    answer = feast.get_historical_features(entities, ["shop_sales:sold"])
    assert answer.to_df()["sold"].tolist() == [7]
    assert answer.to_arrow()["sold"].to_pylist() == [7]


def test_only_files_in_reach_of_the_questions_are_read(store, noon):
    later = THIRD.start + 5 * HOUR
    put(store, "shop_sales", THIRD, sales(("a", later, later, 8, 0.5)))
    put(store, "town_weather", THIRD, weather(("x", later, later, 3.5)))
    for view in ("shop_sales", "town_weather"):
        for file in (store.lake.path(f"bakery/{view}") / f"sprint={FIRST.key}").glob("*.parquet"):
            file.write_bytes(b"opening this file would fail")
    answer = store.historical(ask(("q", later + HOUR, "a", "x")), "bakery_v1")
    assert answer[["sold", "rain"]].to_numpy().tolist() == [[8, 3.5]]
    assert [done.keys for done in store.publish_online(["shop_sales"], later + HOUR)] == [1]


def test_a_missing_table_or_range_is_an_error_not_nulls(store, noon):
    with pytest.raises(
        FeatureError, match=r"bakery.shop_sales: no rows from 2024-01-15 06:00 UTC to .* materialize"
    ):
        store.historical(ask(("q", SECOND.start + 12 * HOUR, "a", "x")), "bakery_v1")
    keyed = ask(("q", noon, "a", "x"), ("r", SECOND.start + HOUR, "a", "x")).assign(
        sprint=[FIRST.key, SECOND.key]
    )
    with pytest.raises(FeatureError, match="view shop_sales has no rows of sprint 2024-S02: materialize it"):
        store.historical(keyed, "bakery_v1")
    shutil.rmtree(store.lake.path("bakery/town_weather"))
    with pytest.raises(FeatureError, match=r"bakery.town_weather: no feature table .* materialize"):
        store.historical(ask(("q", noon, "a", "x")), "bakery_v1")


# Online


def test_online_values_move_forwards_only(store):
    early, late = FIRST.end - HOUR, SECOND.end - HOUR
    put(store, "shop_sales", FIRST, sales(("a", early, early, 1, 0.1), ("b", early, early, 5, 0.5)))
    put(store, "shop_sales", SECOND, sales(("a", late, late, 2, 0.2)))

    [done] = store.publish_online(["shop_sales"], SECOND.end)
    assert (done.keys, done.newest, done.why) == (1, late, "")
    [again] = store.publish_online(["shop_sales"], FIRST.end)
    assert (again.keys, again.newest) == (0, late)
    assert "online values are of 2024-01-28 23:00" in again.why
    assert online(store, "a", SECOND.end)["sold"] == [2]

    put(store, "shop_sales", SECOND, sales(("a", late, late, 3, 0.3)))  # fixed
    [fixed] = store.publish_online(["shop_sales"], SECOND.end)
    assert fixed.keys == 1
    assert online(store, "a", SECOND.end)["sold"] == [3]


def test_the_store_itself_refuses_older_values_whoever_writes(store):
    late = SECOND.end - HOUR
    put(store, "shop_sales", SECOND, sales(("a", late, late, 2, 0.2)))
    store.publish_online(["shop_sales"], SECOND.end)
    feast, _ = store._ready()
    older = sales(("a", late - HOUR, late - HOUR, 1, 0.1), ("b", late - HOUR, late, 4, 0.4))
    feast.write_to_online_store("shop_sales", older)
    assert online(store, "a", SECOND.end)["sold"] == [2]
    assert online(store, "b", SECOND.end)["sold"] == [4]


def test_publishing_goes_no_further_than_the_clock(store):
    rows = [("a", FIRST.start + n * HOUR, FIRST.start + n * HOUR, n, 0.0) for n in range(1, 12)]
    put(store, "shop_sales", FIRST, sales(*rows))
    [done] = store.publish_online(["shop_sales"], FIRST.end, now=FIRST.start + 5 * HOUR)
    assert done.newest == FIRST.start + 4 * HOUR


def test_a_feed_that_ended_early_leaves_what_is_there_and_a_missing_table_is_an_error(store, noon):
    [done] = store.publish_online(["shop_sales"], SECOND.end)
    assert (done.keys, done.newest) == (0, None)
    assert "shop_sales: no rows from 2024-01-28 18:00 UTC to" in done.why
    shutil.rmtree(store.lake.path("bakery/shop_sales"))
    with pytest.raises(FeatureError, match="no feature table"):
        store.publish_online(["shop_sales"], SECOND.end)


def online(store, shop, at):
    town = SECOND.end - HOUR
    if not store.lake.has("bakery/town_weather", SECOND.key):
        put(store, "town_weather", SECOND, weather(("x", town, town, 1.5)))
        store.publish_online(["town_weather"], SECOND.end)
    return store.online("bakery_v1", [{"shop": shop, "town": "x", "other": 1}], at=at).values


def test_stale_missing_and_future_values_are_null_and_flagged(store):
    late = SECOND.end - HOUR
    put(store, "shop_sales", SECOND, sales(("a", late, late, 2, 0.2)))
    put(store, "town_weather", SECOND, weather(("x", late, late, None)))
    store.publish_online(["shop_sales", "town_weather"], SECOND.end)
    rows = [{"shop": "a", "town": "x"}, {"shop": "nowhere", "town": "x"}]

    answer = store.online("bakery_v1", rows, at=late + 4 * HOUR)
    assert answer.states == {"shop_sales": ["fresh", "missing"], "town_weather": ["stale", "stale"]}
    assert answer.values == {"sold": [2, None], "rate": [0.2, None], "rain": [None, None]}
    assert answer.moments["shop_sales"] == [late, None]
    assert not answer.fresh

    fresh = store.online("bakery_v1", rows[:1], at=late + 3 * HOUR)
    assert fresh.fresh
    assert fresh.values["rain"] == [None], "a null that is fresh is an answer"
    ahead = store.online("bakery_v1", rows[:1], at=late - HOUR)
    assert ahead.states == {"shop_sales": ["ahead"], "town_weather": ["ahead"]}
    assert ahead.values["sold"] == [None]
    with pytest.raises(FeatureError, match="row 0 has no 'town'"):
        store.online("bakery_v1", [{"shop": "a"}])


def test_online_moments_do_not_depend_on_the_machines_zone(store, monkeypatch):
    # 2:30 on 10 March does not exist in New York: Feast's own SQLite store gives such moments back an hour off.
    moment = datetime(2024, 3, 10, 2, 30, tzinfo=UTC)
    sprint = CALENDAR.sprint_at(moment)
    put(store, "shop_sales", sprint, sales(("a", moment, moment, 2, 0.2)))
    put(store, "town_weather", sprint, weather(("x", moment, moment, 1.0)))
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        store.publish_online(["shop_sales", "town_weather"], moment + HOUR)
        monkeypatch.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        answer = store.online("bakery_v1", [{"shop": "a", "town": "x"}], at=moment + HOUR)
        history = store.historical(ask(("q", moment, "a", "x")), "bakery_v1")
    finally:
        monkeypatch.undo()
        time.tzset()
    assert answer.moments["shop_sales"] == [moment]
    assert answer.fresh
    assert history["sold"].tolist() == [2]
