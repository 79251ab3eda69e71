"""The online store has the newest value of every key of every sprint, and is filled again where it has not."""

from __future__ import annotations

import sqlite3
from types import SimpleNamespace

import pytest
from tests.features.bakery import CALENDAR, FIRST, HOUR, SECOND, THIRD, put, sales, weather

from sprintline.features import assets
from sprintline.features.online_state import online_state, online_tables
from sprintline.features.store import FeatureStore

VIEWS = ["shop_sales", "town_weather"]
BOTH = [FIRST.end, SECOND.end]


@pytest.fixture
def published(store):
    """Two sprints, published in order: shop `a` has rows of both, `b` only of the first.

    Town `y` has a row that was too old to be published when its sprint ended.
    """
    early, late = FIRST.end - HOUR, SECOND.end - HOUR
    old = FIRST.start + HOUR
    put(store, "shop_sales", FIRST, sales(("a", early, early, 1, 0.1), ("b", early, early, 5, 0.5)))
    put(store, "town_weather", FIRST, weather(("x", early, early, 1.5), ("y", old, old, 4.0)))
    assert [one.keys for one in store.publish_online(VIEWS, FIRST.end)] == [2, 1]
    put(store, "shop_sales", SECOND, sales(("a", late, late, 2, 0.2)))
    put(store, "town_weather", SECOND, weather(("x", late, late, 2.5)))
    store.publish_online(VIEWS, SECOND.end)
    return store


def sql(store, statement: str) -> int:
    with sqlite3.connect(store.online_file) as connection:
        return connection.execute(statement).rowcount


SALES = '"bakery_shop_sales"'
COLUMNS = "feature_name, value, event_ts, created_ts"
OLD = f"select entity_key from {SALES} order by event_ts limit 1"
"""The key without a row in the newest sprint."""


def test_what_was_published_is_equal_to_every_sprint(published):
    found = published.compare_online(VIEWS, BOTH)
    assert (found.keys, found.equal) == (3, True)
    served = published.compare_online(VIEWS, BOTH[1:])
    assert (served.keys, served.equal, served.extra) == (2, True, None)


@pytest.mark.parametrize(
    ("statement", "missing", "unequal", "extra"),
    [
        (f"delete from {SALES} where entity_key = ({OLD})", 1, 0, 0),
        (f"delete from {SALES}", 2, 0, 0),
        (f"update {SALES} set event_ts = event_ts - 60 where entity_key = ({OLD})", 0, 1, 0),
        (
            f"update {SALES} set value = (select value from {SALES} where feature_name = 'rate' "
            f"and entity_key <> ({OLD})) where feature_name = 'rate' and entity_key = ({OLD})",
            0, 1, 0,
        ),
        (
            f"insert into {SALES} ({COLUMNS}, entity_key) select {COLUMNS}, x'00' from {SALES} limit 1",
            0, 0, 1,
        ),
    ],
    ids=["a key missing", "all keys missing", "an older moment", "another value", "a key too many"],
)  # fmt: skip
def test_a_change_of_a_key_of_an_earlier_sprint_is_counted_and_filled(
    published, statement, missing, unequal, extra
):
    before = online_state(published.online_file)
    assert sql(published, statement) > 0
    found = published.compare_online(VIEWS, BOTH)
    assert (found.missing, found.unequal, found.extra) == (missing, unequal, extra)
    published.fill_online(VIEWS, BOTH)
    assert published.compare_online(VIEWS, BOTH).equal
    assert online_state(published.online_file) == before


def test_a_store_filled_from_the_newest_sprint_alone_lacks_the_keys_of_earlier_ones(published):
    sql(published, f"delete from {SALES}")
    published.publish_online(["shop_sales"], SECOND.end)
    assert published.compare_online(["shop_sales"], BOTH[1:]).equal, (
        "every key that the newest sprint has is there"
    )
    found = published.compare_online(["shop_sales"], BOTH)
    assert (found.keys, found.missing) == (2, 1)


def test_a_store_that_was_deleted_misses_every_key(published):
    published.online_file.unlink()
    again = FeatureStore(
        "bakery", SimpleNamespace(features=published.state.parent), published.lake, published.folder.parent
    )
    found = again.compare_online(VIEWS, BOTH)
    assert (found.keys, found.missing) == (3, 3)


def test_a_hash_by_view_says_which_one_changed(published):
    before = online_tables(published.online_file, "bakery", [*VIEWS, "none"])
    assert before["none"] == "" and all(before[view] for view in VIEWS)
    sql(published, f"update {SALES} set event_ts = event_ts - 1")
    after = online_tables(published.online_file, "bakery", VIEWS)
    assert after["shop_sales"] != before["shop_sales"] and after["town_weather"] == before["town_weather"]


class Product:
    """As much of a runtime as publishing asks for; the ledger is a list."""

    product, window, calendar = "bakery", staticmethod(CALENDAR.window), CALENDAR
    spec = SimpleNamespace(features=SimpleNamespace(views=VIEWS))

    def __init__(self, store):
        self.store, self.recorded, self.ledger = store, {}, []
        self.records = SimpleNamespace(append=lambda *said: self.ledger.append(said))

    def __getitem__(self, _store):
        return self.store

    def history(self, _asset):
        return {key: SimpleNamespace(facts=one) for key, one in self.recorded.items()}

    def publish(self, sprint):
        context = SimpleNamespace(
            log=SimpleNamespace(warning=lambda _: None), run=SimpleNamespace(tags={"user": "me"})
        )
        _, facts = assets.publish(context, self, sprint)
        self.recorded[sprint.key] = facts
        return facts


@pytest.fixture
def product(store):
    """Two sprints published as the asset does, and a third that is there to be published."""
    made, early = Product(store), FIRST.end - HOUR
    put(store, "shop_sales", FIRST, sales(("a", early, early, 1, 0.1), ("b", early, early, 5, 0.5)))
    put(store, "town_weather", FIRST, weather(("x", early, early, 1.5)))
    made.publish(FIRST)
    for sprint in (SECOND, THIRD):
        late = sprint.end - HOUR
        put(store, "shop_sales", sprint, sales(("a", late, late, 2, 0.2)))
        put(store, "town_weather", sprint, weather(("x", late, late, 2.5)))
    made.publish(SECOND)
    assert not made.ledger
    return made


def test_sprints_in_order_read_no_earlier_one_and_repair_nothing(product, monkeypatch):
    monkeypatch.setattr(product.store, "fill_online", lambda *_: pytest.fail("filled again"))
    facts = product.publish(THIRD)
    assert (facts["keys_compared"], facts["keys_missing"], facts["keys_extra"]) == (2, 0, None)
    assert not product.ledger and "filled" not in facts
    again = product.publish(THIRD)
    assert again == facts, "the same sprint again"
    assert product.publish(SECOND) == product.recorded[SECOND.key], "an older one says what it said"
    assert not product.ledger


def test_a_key_of_an_earlier_sprint_that_is_gone_is_back_after_the_next_one(product):
    sql(product.store, f"delete from {SALES} where entity_key = ({OLD})")
    facts = product.publish(THIRD)
    assert facts["filled"].startswith(
        "shop_sales changed since 2024-S02 was published: 1 of 3 keys are missing"
    )
    assert (facts["keys_compared"], facts["keys_missing"], facts["keys_unequal"], facts["keys_extra"]) == (
        3,
        0,
        0,
        0,
    )
    ((kind, _, sprint, actor, body),) = product.ledger
    assert (kind, sprint, actor, body["store"]) == ("repaired", THIRD.key, "me", "online store")


def test_publishing_that_was_killed_before_its_record_is_no_repair(product):
    product.store.publish_online(VIEWS, THIRD.end)
    facts = product.publish(THIRD)
    assert "filled" not in facts and not product.ledger
    assert facts["keys_extra"] == 0, "every key was compared"


def test_a_moment_in_the_future_does_not_stop_publishing(product):
    sql(product.store, f"update {SALES} set event_ts = event_ts + 100000000")
    facts = product.publish(THIRD)
    assert "filled" in facts and facts["keys_unequal"] == 0
    assert product.store.online("bakery_v1", [{"shop": "a", "town": "x"}], at=THIRD.end).values["sold"] == [2]


def test_a_record_of_an_older_version_has_one_hash_of_all_views(product):
    product.recorded[SECOND.key].pop("online_views")
    assert "filled" not in product.publish(THIRD)
    product.recorded[THIRD.key].pop("online_views")
    sql(product.store, f"delete from {SALES} where entity_key = ({OLD})")
    assert "filled" in product.publish(THIRD)
