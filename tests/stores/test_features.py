"""Real Feast on a temporary home with small invented lake tables: what a question may see, and what it must not."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta

import duckdb
import pandas as pd
import pytest

from sprintline.core.calendar import Calendar
from sprintline.core.feature_frames import check_feature_frame
from sprintline.settings import ROOT, Home
from sprintline.stores.feature_views import load_declared
from sprintline.stores.features import FeatureError, FeatureStore
from sprintline.stores.lake import Lake
from sprintline.stores.marts import restricted_query

CALENDAR = Calendar(date(2024, 1, 1), 14, "UTC", date(2025, 1, 1))
FIRST, SECOND, THIRD = (CALENDAR.window(key) for key in CALENDAR.keys[:3])
HOUR = timedelta(hours=1)
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT / "platform")}
TICK = timedelta(microseconds=1)
SHOP_TTL, TOWN_TTL = timedelta(hours=6), timedelta(hours=3)

VIEWS = """
from datetime import timedelta

from feast import Entity, FeatureService, FeatureView, Field, ValueType
from feast.types import Float64, Int64, String

from sprintline.stores.feature_views import lake_source

shop = Entity(name="shop", join_keys=["shop"], value_type=ValueType.STRING)
town = Entity(name="town", join_keys=["town"], value_type=ValueType.STRING)
shop_sales = FeatureView(
    name="shop_sales",
    entities=[shop],
    ttl=timedelta(hours=6),
    source=lake_source("bakery", "shop_sales"),
    schema=[Field(name="shop", dtype=String), Field(name="sold", dtype=Int64), Field(name="rate", dtype=Float64)],
)
town_weather = FeatureView(
    name="town_weather",
    entities=[town],
    ttl=timedelta(hours=3),
    source=lake_source("bakery", "town_weather"),
    schema=[Field(name="town", dtype=String), Field(name="rain", dtype=Float64)],
)
bakery_v1 = FeatureService(name="bakery_v1", features=[shop_sales, town_weather])
"""


SHOPS_ONLY = (
    VIEWS.split("town_weather = ")[0] + 'bakery_v2 = FeatureService(name="bakery_v2", features=[shop_sales])'
)


def write_repo(repo, product="bakery", views=VIEWS):
    folder = repo / product
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "views.py").write_text(views.replace("bakery", product))
    return folder


@pytest.fixture(scope="module")
def applied(tmp_path_factory):
    """A home whose registry holds the two views; copied per test, since an apply costs most of a second."""
    root = tmp_path_factory.mktemp("applied")
    write_repo(root / "repo")
    store = FeatureStore("bakery", Home(root / "home"), Lake(root / "home" / "lake"), root / "repo")
    assert store.apply()
    return root


@pytest.fixture
def store(applied, tmp_path):
    """The applied product on a lake of its own: sources name absolute paths, so the same root is used again."""
    home = Home(applied / "home")
    shutil.rmtree(home.lake, ignore_errors=True)
    online = home.features / "bakery" / "online.db"
    with sqlite3.connect(online) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        for (name,) in tables:
            connection.execute(f'delete from "{name}"')
    return FeatureStore("bakery", home, Lake(home.lake), applied / "repo")


def sales(*rows):
    """(shop, event, created, sold, rate) as a frame of shop_sales."""
    frame = pd.DataFrame(rows, columns=["shop", "event_timestamp", "created_timestamp", "sold", "rate"])
    return _moments(frame)


def weather(*rows):
    return _moments(pd.DataFrame(rows, columns=["town", "event_timestamp", "created_timestamp", "rain"]))


def _moments(frame):
    for name in ("event_timestamp", "created_timestamp"):
        frame[name] = pd.to_datetime(frame[name], utc=True).dt.as_unit("us")
    return frame


def put(store, view, sprint, frame):
    """Past the checks of `write`: the join must stand rows that a sound query would not give."""
    key = "shop" if view == "shop_sales" else "town"
    store.lake.write(
        f"bakery/{view}", sprint.key, frame, sort_by=[key, "event_timestamp", "created_timestamp"]
    )


def ask(*rows):
    """(question_id, question_at, shop, town)"""
    frame = pd.DataFrame(rows, columns=["question_id", "question_at", "shop", "town"])
    frame["question_at"] = pd.to_datetime(frame["question_at"], utc=True)
    return frame


# Point in time


def believed(rows, key, key_name, moment, ttl, feature):
    """The oracle: of a key's rows begun and known by `moment` and within ttl, the last; of a tie the last known."""
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


@pytest.fixture
def noon(store):
    """One shop row at noon of the second day, and weather so that the other view has rows."""
    moment = FIRST.start + timedelta(days=1, hours=12)
    other = ("z", moment + 6 * HOUR, moment, 0, 0.0)
    put(store, "shop_sales", FIRST, sales(("a", moment, moment - HOUR, 7, 0.5), other))
    put(
        store,
        "town_weather",
        FIRST,
        weather(("x", moment, moment, 1.5), ("x", moment + 4 * HOUR, moment, 2.5)),
    )
    return moment


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

    put(store, "shop_sales", SECOND, sales(("a", late, late, 3, 0.3)))  # mended
    [mended] = store.publish_online(["shop_sales"], SECOND.end)
    assert mended.keys == 1
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


# Declaration


def test_apply_does_nothing_until_something_changed(tmp_path):
    folder = write_repo(tmp_path / "repo")
    home = Home(tmp_path / "home")
    store = FeatureStore("bakery", home, Lake(home.lake), tmp_path / "repo")
    reader = FeatureStore("bakery", home, Lake(home.lake), tmp_path / "repo")
    with pytest.raises(FeatureError, match=r"not registered: apply\(\) comes first"):
        reader.online("bakery_v1", [{"shop": "a", "town": "x"}])
    assert store.apply()
    before = (home.features / "bakery" / "registry.db").stat().st_mtime_ns
    assert not store.apply()
    assert (home.features / "bakery" / "registry.db").stat().st_mtime_ns == before
    assert reader.online("bakery_v1", [{"shop": "a", "town": "x"}]).states["shop_sales"] == ["missing"]

    (folder / "views.py").write_text(SHOPS_ONLY)
    assert store.apply()
    _, declared = store._ready()
    assert sorted(declared.views) == ["shop_sales"]
    assert sorted(declared.services) == ["bakery_v2"]
    assert not store.apply()
    # Another process' store, opened before the change, sees it at once.
    assert reader.online("bakery_v2", [{"shop": "a"}]).states == {"shop_sales": ["missing"]}


BROKEN = {
    "syntax": ("x = (\n", r"views\.py:1: '\(' was never closed: mend the line"),
    "raises": ("x = 1\n\ny = 1 / 0\n", r"views\.py:3: ZeroDivisionError: division by zero"),
    "import": ("import nothing_of_this_name\n", r"views\.py:1: ModuleNotFoundError: .*nothing_of_this_name"),
    "no service": (VIEWS.split("bakery_v1 = ")[0], r"views\.py:1: declares no feature service: add"),
    "no ttl": (
        VIEWS.replace("    ttl=timedelta(hours=6),\n", ""),
        r"views\.py:\d+: view shop_sales has no ttl",
    ),
    "untyped key": (
        VIEWS.replace('Field(name="shop", dtype=String), ', ""),
        r"views\.py:\d+: view shop_sales does not type its key 'shop'",
    ),
    "no entity": (
        VIEWS.replace("town = Entity", "_ = lambda: Entity"),
        r"views\.py:\d+: NameError: name 'town'",
    ),
    "same feature": (
        VIEWS.replace('name="rain"', 'name="rate"'),
        r"service bakery_v1 takes 'rate' from shop_sales and from town_weather",
    ),
    "missing": (None, r"views\.py: missing: declare"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_module_is_told_with_its_line_and_stops_only_its_product(store, applied, case):
    text, message = BROKEN[case]
    home = store.state.parent.parent
    folder = applied / "repo" / "broken"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    if text is not None:
        (folder / "views.py").write_text(text)
    broken = FeatureStore("broken", Home(home), store.lake, applied / "repo")
    with pytest.raises(FeatureError, match=message):
        broken.apply()
    assert not broken.registry.exists()
    assert not store.apply()
    assert sorted(store.declared().views) == ["shop_sales", "town_weather"]
    assert not [name for name in sys.modules if name.startswith("sprintline_features_")]


def test_serving_goes_on_while_the_module_is_broken(store, applied, noon):
    module = applied / "repo" / "bakery" / "views.py"
    text = module.read_text()
    try:
        module.write_text("x = (\n")
        assert store.historical(ask(("q", noon, "a", "x")), "bakery_v1")["sold"].tolist() == [7]
    finally:
        module.write_text(text)


def test_importing_the_store_does_not_import_feast():
    code = (
        "import sys, sprintline.stores.features, sprintline.stores.marts; "
        "print([name for name in ('feast', 'ibis', 'duckdb', 'pandas') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_feasts_own_command_reads_the_same_configuration(store, applied):
    home = store.state.parent.parent
    environment = {**ENVIRONMENT, "SPRINTLINE_HOME": str(home), "SPRINTLINE_PRODUCT": "bakery"}
    yaml = ROOT / "feature_repo" / "feature_store.yaml"
    command = [f"{sys.prefix}/bin/feast", "-c", str(applied / "repo" / "bakery"), "-f", str(yaml)]
    done = subprocess.run(
        [*command, "feature-views", "list"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert "shop_sales" in done.stdout
    assert "town_weather" in done.stdout


# Computing


@pytest.fixture
def bakery(applied, store, tmp_path):
    """A warehouse with two marts over three sprints, and a query for shop_sales."""
    file = tmp_path / "bakery.duckdb"
    with duckdb.connect(str(file)) as session:
        session.execute("set TimeZone = 'UTC'")
        session.execute("create schema marts; create schema staging")
        session.execute(
            "create table marts.sales (sprint varchar, shop varchar, known_hour timestamptz, sold int)"
        )
        session.execute(
            "create table marts.lookup (shop varchar); create table staging.secret (sprint varchar)"
        )
        for sprint in (FIRST, SECOND, THIRD):
            rows = [(sprint.key, "a", sprint.start + n * HOUR, n) for n in range(4)]
            session.executemany("insert into marts.sales values (?, ?, ?, ?)", rows)
    query = applied / "repo" / "bakery" / "shop_sales.sql"
    yield file, query
    query.unlink(missing_ok=True)


GOOD = """
-- what does $this comment ask for?
select shop, known_hour as event_timestamp, known_hour as created_timestamp, sold, sold / 2 as rate
from sales
where known_hour >= $sprint_start and known_hour < $sprint_end
"""


def compute(store, bakery, sql):
    file, query = bakery
    query.write_text(sql)
    return store.compute("shop_sales", SECOND, [FIRST.key], lambda *given: restricted_query(file, *given))


def test_a_query_gives_the_sprints_rows_and_they_enter_the_lake_once(store, bakery):
    frame = compute(store, bakery, GOOD)
    assert list(frame.columns) == ["shop", "event_timestamp", "created_timestamp", "sold", "rate"]
    assert frame["sold"].tolist() == [0, 1, 2, 3]
    assert frame["event_timestamp"].min() == SECOND.start
    commit = store.write("shop_sales", SECOND, frame)
    assert (commit.rows, commit.changed) == (4, True)
    assert not store.write("shop_sales", SECOND, frame).changed


def test_a_query_sees_its_sprint_and_the_lookback_only(store, bakery):
    file, _ = bakery
    seen = restricted_query(file, "select distinct sprint from sales order by 1", [FIRST.key, SECOND.key], {})
    assert seen["sprint"].tolist() == [FIRST.key, SECOND.key]
    hidden = (
        "marts.sales",
        "bakery.marts.sales",
        "warehouse.marts.sales",
        "lookup",
        "staging.secret",
        f"'{file}'",
    )
    for elsewhere in hidden:
        with pytest.raises(FeatureError, match="line 1"):
            restricted_query(file, f"select * from {elsewhere}", [FIRST.key], {})


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "select shop\nfrom sale",
            r"shop_sales\.sql: view shop_sales, sprint 2024-S02: line 2: Catalog Error: .*sale",
        ),
        ("select $sprint", r"the query asks for \$sprint; there are \$sprint_end, \$sprint_start"),
        (
            GOOD.replace("sold / 2 as rate", "1 as extra"),
            "column rate: missing(.|\n)*column extra: not declared",
        ),
        (GOOD.replace("sold / 2", "'half'"), "column rate: holds text values, declared real"),
        (
            GOOD.replace("known_hour as event", "known_hour::timestamp as event"),
            "event_timestamp: is .*: it must be",
        ),
        (
            GOOD.replace("known_hour as cr", "known_hour + interval 1 second as cr"),
            "4 rows use what was known only",
        ),
        (
            GOOD.replace("known_hour >= $sprint_start and", ""),
            "4 rows lie outside the sprint, such as 2024-01-01",
        ),
        (GOOD.replace("known_hour < $sprint_end", "false"), "no rows between 2024-01-15"),
        (f"{GOOD} union all {GOOD}", "8 rows share theirs with another"),
        (
            GOOD.replace("select shop", "select null::varchar as shop"),
            "column shop: 4 rows have no value: a key",
        ),
        (GOOD.replace(" sold,", " sold + 0.5 as sold,"), "column sold: holds fractions, declared integer"),
    ],
)
def test_a_query_that_is_not_as_declared_is_refused_with_file_and_column(store, bakery, sql, message):
    with pytest.raises(FeatureError, match=message):
        compute(store, bakery, sql)


def test_a_view_without_a_query_is_told(store):
    with pytest.raises(FeatureError, match=r"shop_sales\.sql: missing: view shop_sales needs a query"):
        store.compute("shop_sales", SECOND, [], lambda *_: None)


def test_a_frame_that_is_sound_has_no_problems():
    frame = sales(("a", FIRST.start, FIRST.start - HOUR, 1, None), ("b", FIRST.start, FIRST.start, 2, None))
    assert (
        check_feature_frame(frame, ["shop"], {"sold": "integer", "rate": "real"}, FIRST.start, FIRST.end)
        == []
    )


def test_declared_keys_and_features_come_in_the_services_order(applied):
    declared = load_declared("bakery", applied / "repo" / "bakery", applied / "lake")
    assert declared.service_views("bakery_v1") == {"shop_sales": ["sold", "rate"], "town_weather": ["rain"]}
    assert declared.keys("town_weather") == ["town"]
    assert declared.view("shop_sales").batch_source.path == str(applied / "lake" / "bakery" / "shop_sales")
    with pytest.raises(FeatureError, match="no feature view 'shops'; there are shop_sales, town_weather"):
        declared.view("shops")
