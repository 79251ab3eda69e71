"""Real Feast on a temporary home: what a product declares, and the queries that compute its views."""

import shutil
import subprocess
import sys

import duckdb
import pytest
from tests.features.bakery import (
    ENVIRONMENT,
    FIRST,
    HOUR,
    SECOND,
    SHOPS_ONLY,
    THIRD,
    VIEWS,
    ask,
    sales,
    write_repo,
)

from sprintline.base.settings import ROOT, Home
from sprintline.features.frame_checks import check_feature_frame
from sprintline.features.marts import restricted_query
from sprintline.features.store import FeatureError, FeatureStore
from sprintline.features.views import load_declared
from sprintline.lake.tables import Lake

# Declaration


def test_apply_does_nothing_until_something_changed(tmp_path):
    folder = write_repo(tmp_path / "repo")
    home = Home(tmp_path / "home")
    store = FeatureStore("bakery", home, Lake(home.lake), tmp_path / "repo")
    reader = FeatureStore("bakery", home, Lake(home.lake), tmp_path / "repo")
    with pytest.raises(FeatureError, match=r"not registered: call apply\(\) first"):
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
    "syntax": ("x = (\n", r"views\.py:1: '\(' was never closed: fix the line"),
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
        "import sys, sprintline.features.store, sprintline.features.marts; "
        "print([name for name in ('feast', 'duckdb', 'pandas') if name in sys.modules])"
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
        session.execute("create table marts.days (sprint varchar, shop varchar, sold int)")
        session.execute("create table marts.flags as select *, true as asked from marts.sales")
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
        "query_table('marts.sales')",
        "query_table((select database_name || '.marts.sales' from duckdb_databases() limit 1))",
        f"with_moments('marts.sales', ['shop'], [timestamptz '{SECOND.start}'])",
    )
    for elsewhere in hidden:
        with pytest.raises(FeatureError, match="line 1"):
            restricted_query(file, f"select * from {elsewhere}", [FIRST.key], {})


def test_moments_are_rows_beside_those_of_the_mart_for_every_key_it_shows(bakery):
    file, _ = bakery
    sql = "select * from with_moments('sales', ['shop'], [$sprint_start, $sprint_end]) order by asked, known_hour"
    moments = {"sprint_start": SECOND.start, "sprint_end": SECOND.end}
    rows = restricted_query(file, sql, [SECOND.key], moments)
    assert rows["asked"].tolist() == [False] * 4 + [True] * 2
    assert rows["sold"].tolist()[:4] == [0, 1, 2, 3] and rows["sold"].isna().tolist()[4:] == [True, True]
    assert rows["shop"].tolist()[4:] == ["a", "a"]
    assert [moment.to_pydatetime() for moment in rows["known_hour"][4:]] == [SECOND.start, SECOND.end]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("'sale', ['shop']", "Table with name sale does not exist"),
        ("'sales', ['shoop']", 'Column "shoop" was selected but was not found'),
        (
            "'sales', 'shop'",
            "list_concat",
        ),  # as text it would be a pattern, which could match other columns too
        ("'days', ['shop']", "known_hour"),  # its rows would belong to no hour, and count in none
        ("'flags', ['shop']", "asked"),
    ],
)
def test_a_macro_called_wrongly_is_refused_with_file_and_cause(store, bakery, call, message):
    with pytest.raises(FeatureError, match=rf"shop_sales\.sql:\d+: view shop_sales, .*{message}"):
        compute(store, bakery, f"select * from with_moments({call}, [$sprint_start])")


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (
            "select shop\nfrom sale",
            r"shop_sales\.sql:2: view shop_sales, sprint 2024-S02: Catalog Error: .*sale",
        ),
        (
            "select $sprint",
            r"the query uses \$sprint, which is unknown; the parameters are \$sprint_end, \$sprint_start",
        ),
        (
            GOOD.replace("sold / 2 as rate", "1 as extra"),
            "column rate: missing(.|\n)*column extra: not declared",
        ),
        (GOOD.replace("sold / 2", "'half'"), "column rate: has text values, declared real"),
        (
            GOOD.replace("known_hour as event", "known_hour::timestamp as event"),
            "event_timestamp: is .*: it must be",
        ),
        (
            GOOD.replace("known_hour as cr", "known_hour + interval 1 second as cr"),
            "4 rows use data that became known only",
        ),
        (
            GOOD.replace("known_hour >= $sprint_start and", ""),
            "4 rows are outside the sprint, such as 2024-01-01",
        ),
        (GOOD.replace("known_hour < $sprint_end", "false"), "no rows between 2024-01-15"),
        (f"{GOOD} union all {GOOD}", "8 rows share them with another row"),
        (
            GOOD.replace("select shop", "select null::varchar as shop"),
            "column shop: 4 rows have no value: a key",
        ),
        (GOOD.replace(" sold,", " sold + 0.5 as sold,"), "column sold: has fractions, declared integer"),
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
