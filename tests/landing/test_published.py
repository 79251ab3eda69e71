"""A product reads what another publishes: what is declared, and what is waited for.

Two scaffolded products on one state folder; `bakery` reads `parcels.orders`.
"""

from __future__ import annotations

import re

import dagster as dg
import pytest
from tests.landing.publishing import (
    S1,
    S3,
    SOURCE,
    close_published,
    edit,
    land,
    run,
    tell_closed,
    waits,
    wrong,
)

from sprintline.delivery import sensors
from sprintline.landing import assets
from sprintline.landing.published import NotReady, Upstream, feed_of, refuse_wrong_tables, wrong_tables
from sprintline.mechanisms.declaration.located_yaml import DeclarationError
from sprintline.scaffold.create import ScaffoldError
from sprintline.scaffold.published import publish_table, read_published

# --- declarations ----------------------------------------------------------------------------------------------------


def test_the_readers_contract_is_the_publishers(bakery):
    feed = feed_of(bakery, SOURCE)
    assert (feed.name, feed.version) == ("parcels.orders", "parcels.orders 1.0.0")
    assert feed.contract.name == "parcels orders" and "courier" in feed.contract.column_names
    refuse_wrong_tables(bakery)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("product: parcels,", "product: parcls,", r"there is no product parcls; did you mean `parcels`\?"),
        ("product: parcels,", "product: bakery,", "is this product itself"),
        ("table: orders,", "table: order,", r"parcels publishes no table order; did you mean `orders`\?"),
        ("table: orders,", "table: deliveries,", "parcels publishes no table deliveries; use one of: orders"),
        (
            "product: parcels,",
            "product: parcels_more,",
            "its team adds it: sprintline publish parcels_more TABLE",
        ),
        ('"^1"', '"^2"', 'at contract version 1.0.0, which "\\^2" does not accept'),
        ('"^1"', '"1.0.1"', 'at contract version 1.0.0, which "1.0.1" does not accept'),
        ('"^1"', '"^1.1"', 'which "\\^1.1" does not accept'),
    ],
)
def test_a_wrong_reference_is_reported_at_its_line(root, load, old, new, told):
    entry = 'product: parcels, table: orders, version: "^1"'
    file = root / "platform/products/bakery/defs.yaml"
    (number,) = (n for n, line in enumerate(file.read_text().splitlines(), start=1) if "published:" in line)
    edit(root, "bakery/defs.yaml", f"published: {{{entry}}}", f"published: {{{entry.replace(old, new)}}}")
    message = wrong(load("bakery"))
    assert f"defs.yaml:{number}: attributes.sources[2].published" in message
    assert re.search(told, message), message


def test_products_that_read_each_other_are_refused_by_name(root, load):
    edit(root, "parcels/defs.yaml", "  publishes:", (
        "    - name: more\n      published: {product: parcels_more, table: orders, version: ^1}\n\n  publishes:"
    ))  # fmt: skip
    publish_table("parcels_more", "orders", None, root)
    edit(root, "parcels_more/defs.yaml", "  publishes:", (
        "    - name: more\n      published: {product: bakery, table: orders, version: ^1}\n\n  publishes:"
    ))  # fmt: skip
    publish_table("bakery", "orders", None, root)
    assert "bakery reads parcels reads parcels_more reads bakery: no sprint" in wrong(load("bakery"))
    with pytest.raises(ScaffoldError, match="no sprint of either could close first"):
        read_published("parcels", "bakery", "orders", "own", root)


def test_a_publisher_that_does_not_load_leaves_its_reader_loading_and_waiting(root, load, instance):
    edit(root, "parcels/defs.yaml", "  calendar:", "  calender:")
    bakery = load("bakery")
    refuse_wrong_tables(bakery)
    (mistake,) = wrong_tables(bakery, unreadable=True)
    assert "its sprints wait for parcels, which does not load" in mistake.wrong
    partitions = dg.StaticPartitionsDefinition(list(bakery.calendar.keys))
    assert list(assets.definitions(bakery, partitions))
    _, notes = sensors.plan(bakery, instance)
    assert notes == [
        f"{S1} waits for a file of orders, deliveries; for parcels, which does not load, so its table orders cannot be "
        "read: `sprintline check parcels` shows why"
    ]
    assert "which does not load" in run(bakery, SOURCE, S1)


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ("    - table: order\n      contract: contracts/orders.yaml\n", "is not a lake table of the product"),
        (
            "    - table: outcomes\n      contract: contracts/orders.yaml\n",
            "is not a lake table of the product",
        ),
        ("    - table: orders\n      contract: contracts/none.yaml\n", "contracts/none.yaml does not exist"),
    ],
)
def test_what_is_published_wrongly_is_the_publishers_mistake(root, load, entry, told):
    edit(root, "parcels/defs.yaml", "    - table: orders\n      contract: contracts/orders.yaml\n", entry)
    with pytest.raises(DeclarationError, match=told):
        refuse_wrong_tables(load("parcels"))


def test_a_version_that_nobody_can_name_is_not_published(root, load):
    edit(root, "parcels/contracts/orders.yaml", "version: 1.0.0", "version: v1")
    assert "has version v1, which no reader can name; write three numbers" in wrong(load("parcels"))


# --- waiting ---------------------------------------------------------------------------------------------------------


def test_the_sensor_waits_for_the_publishers_sprint_and_goes_on_when_it_closed(parcels, bakery, instance):
    land(bakery, S1, "orders", "deliveries")
    requests, notes = sensors.plan(bakery, instance)
    assert requests == []
    assert notes == [f"{S1} waits for parcels {S1} to close (published table orders)"]
    land(parcels, S1, "orders")
    assert run(parcels, "orders", S1) == ""
    assert waits(bakery, S1) == f"for parcels {S1} to close (published table orders)", (
        "written, but not closed"
    )
    assert f"{S1} waits for parcels {S1} to close" in run(bakery, SOURCE, S1)
    tell_closed(parcels, S1)
    requests, _ = sensors.plan(bakery, instance)
    assert [request.partition_key for request in requests] == [S1]


def test_a_sprint_of_a_product_whose_name_begins_alike_is_not_taken_for_the_publishers(load, bakery):
    close_published(load("parcels_more"), S1)
    land(bakery, S1, "orders", "deliveries")
    assert waits(bakery, S1) == f"for parcels {S1} to close (published table orders)"


def test_a_window_beyond_the_publishers_plan_says_so(root, load, parcels):
    edit(root, "parcels/defs.yaml", 'planned_until: "2026-08-03"', 'planned_until: "2026-01-19"')
    close_published(load("parcels"), S1)
    bakery = load("bakery")
    upstream = Upstream.of(bakery, SOURCE)
    assert upstream.at(bakery.window(S1))
    with pytest.raises(
        NotReady, match="which plans sprints from 2026-01-04 23:00 to 2026-01-18 23:00 UTC only"
    ):
        upstream.at(bakery.window(S3))
