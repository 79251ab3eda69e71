"""Fixtures of the tests of features."""

import shutil
import sqlite3
from datetime import timedelta

import pytest
from tests.features.bakery import FIRST, HOUR, put, sales, weather, write_repo

from sprintline.base.settings import Home
from sprintline.features.store import FeatureStore
from sprintline.lake.tables import Lake


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
