"""A product reads what another publishes: what is declared, what is waited for, what is read, what is restated.

Two scaffolded products on one state folder; `bakery` reads `parcels.orders`. Raw assets run in Dagster, in process.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest
from tests.ledger_events import body
from tests.measured_facts import facts

from sprintline.base import settings
from sprintline.base.settings import Home
from sprintline.delivery import closing, sensors
from sprintline.delivery.restatement import restatements, state_of
from sprintline.lake.tables import Lake
from sprintline.landing import assets
from sprintline.landing.arrivals import arrivals_of
from sprintline.landing.evidence import KINDS
from sprintline.landing.published import NotReady, Upstream, feed_of, refuse_wrong_tables, wrong_tables
from sprintline.landing.rules import RULES
from sprintline.mechanisms.declaration.located_yaml import DeclarationError
from sprintline.mechanisms.rules.gates import Need
from sprintline.mechanisms.rules.verdicts import Outcome
from sprintline.product.events import CLOSED, DECISION
from sprintline.product.runtime import Runtime, load_runtime
from sprintline.scaffold.create import ScaffoldError, create_product
from sprintline.scaffold.published import publish_table, read_published, refuse_while_read
from sprintline.state.removal import remove_state

S1, S2, S3 = (f"2026-S0{n}" for n in (1, 2, 3))
SOURCE = "parcel_orders"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("clone")
    for folder in ("platform/products", "dbt_project/models", "feature_repo"):
        (root / folder).mkdir(parents=True)
    (root / "workspace.yaml").write_text("load_from:\n")
    for product in ("parcels", "bakery", "parcels_more"):
        create_product(product, root)
    publish_table("parcels", "orders", None, root)
    read_published("bakery", "parcels", "orders", SOURCE, root)
    return root


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    root = tmp_path / "clone"
    shutil.copytree(made, root)
    monkeypatch.setattr(settings, "ROOT", root)
    yield root
    for name in [name for name in sys.modules if name.startswith(("products.bakery", "products.parcels"))]:
        del sys.modules[name]


@pytest.fixture
def load(root: Path, home: Home) -> Callable[[str], Runtime]:
    return lambda product: load_runtime(root / "platform" / "products" / product, home)


@pytest.fixture
def parcels(load: Callable[[str], Runtime]) -> Runtime:
    return load("parcels")


@pytest.fixture
def bakery(load: Callable[[str], Runtime]) -> Runtime:
    return load("bakery")


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as one:
        yield one


def edit(root: Path, file: str, old: str, new: str) -> None:
    place = root / "platform" / "products" / file
    text = place.read_text()
    assert old in text
    place.write_text(text.replace(old, new))


def asset_of(runtime: Runtime, source: str) -> dg.AssetsDefinition:
    partitions = dg.StaticPartitionsDefinition(list(runtime.calendar.keys))
    key = dg.AssetKey([runtime.product, source])
    found = [one for one in assets.definitions(runtime, partitions) if isinstance(one, dg.AssetsDefinition)]
    return next(one for one in found if key in one.keys)


def run(runtime: Runtime, source: str, sprint: str, asset: dg.AssetsDefinition | None = None) -> str:
    """Materialize a raw asset in Dagster; what its failure says, or nothing."""
    chosen = asset or asset_of(runtime, source)
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([chosen], partition_key=sprint, instance=instance, raise_on_error=False)
    failures = [event for event in done.all_events if event.event_type_value == "STEP_FAILURE"]
    if not failures:
        return ""
    data = failures[0].step_failure_data
    return data.user_failure_data.description if data.user_failure_data else str(data.error)


def land(runtime: Runtime, sprint: str, *sources: str, drop: int = 0) -> None:
    window = runtime.window(sprint)
    frames = runtime.sources.provide(window)
    for source in sources:
        place = runtime.home.landing / runtime.product / source / f"{sprint}.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        frames[source].iloc[drop:].to_csv(place, index=False)
        os.utime(place, (place.stat().st_mtime - 60,) * 2)
    if runtime.clock.now() < window.end + timedelta(hours=2) or not runtime.clock.replaying:
        runtime.clock.move(window.end + timedelta(hours=2))


def close_published(runtime: Runtime, sprint: str, drop: int = 0) -> None:
    """The publisher takes its orders in and closes the sprint on them."""
    land(runtime, sprint, "orders", drop=drop)
    assert run(runtime, "orders", sprint) == ""
    tell_closed(runtime, sprint)


def tell_closed(runtime: Runtime, sprint: str) -> None:
    measured = {
        asset: one for (_, asset), one in runtime.records.measurements(runtime.product, sprint).items()
    }
    state = state_of(measured, (), "increment")
    said = body(CLOSED, **{**state, "files": {}}, done=True, version="v")
    now = runtime.clock.now()
    runtime.records.append(CLOSED, runtime.product, sprint, "test", said, as_of=now)


def decide(runtime: Runtime, sprint: str) -> None:
    said = body(DECISION, champion_after="m1", why="w")
    runtime.records.append(DECISION, runtime.product, sprint, "test", said, key=sprint)


def waits(runtime: Runtime, sprint: str) -> str:
    return "; ".join(arrivals_of(runtime)[0][sprint].waits)


def wrong(runtime: Runtime) -> str:
    with pytest.raises(DeclarationError) as told:
        refuse_wrong_tables(runtime)
    return str(told.value)


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


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_are_read_with_their_moments_and_what_they_came_from_is_recorded(parcels, bakery):
    close_published(parcels, S1)
    assert run(bakery, SOURCE, S1) == ""
    own, theirs = (
        one[Lake].read(f"{one.product}/{name}", [S1]) for one, name in ((bakery, SOURCE), (parcels, "orders"))
    )
    pd.testing.assert_frame_equal(own, theirs)
    measured = bakery.measured(SOURCE, S1)
    assert measured.facts["published"] == "parcels.orders 1.0.0"
    assert measured.facts["upstream_versions"] == {S1: parcels.measured("orders", S1).data_version}
    evidence, version = KINDS[0].gather(bakery, SOURCE, S1)
    assert version == measured.data_version
    assert {rule.code: rule(evidence).outcome for rule in RULES} == dict.fromkeys(
        ("DQ101", "DQ102", "DQ103", "DQ104"), Outcome.PASS
    )


def test_another_calendar_reads_by_time_window(root, load, parcels):
    """Fortnights that begin on a Thursday read parts of three weeks, and wait for each of them."""
    edit(
        root,
        "bakery/defs.yaml",
        'start: "2026-01-05"\n    length_days: 7',
        'start: "2026-01-08"\n    length_days: 14',
    )
    bakery = load("bakery")
    first = bakery.calendar.keys[0]
    window = bakery.window(first)
    weeks = [one.key for one in parcels.calendar.sprints[:3]]
    for week in weeks[:2]:
        close_published(parcels, week)
    assert waits(bakery, first) == f"for parcels {weeks[2]} to close (published table orders)"
    close_published(parcels, weeks[2])
    assert run(bakery, SOURCE, first) == ""
    rows = bakery[Lake].read(f"bakery/{SOURCE}", [first])
    all_ = parcels[Lake].read("parcels/orders", weeks)
    inside = all_[(all_["event_at"] >= window.start) & (all_["event_at"] < window.end)]
    assert 0 < len(rows) == len(inside) < len(all_) and set(rows["order_id"]) == set(inside["order_id"])
    facts = bakery.measured(SOURCE, first).facts
    assert list(facts["volumes"]) == weeks and sum(facts["volumes"].values()) == len(all_)


def test_the_publishers_volume_is_held_against_the_publishers_sprints(bakery, parcels):
    close_published(parcels, S1)
    run(bakery, SOURCE, S1)
    evidence, _ = KINDS[0].gather(bakery, SOURCE, S1)
    volume = next(rule for rule in RULES if rule.code == "DQ102")
    judged = volume({**evidence, "volumes": {S1: 1_100, S2: 20}})
    assert judged.outcome is Outcome.FAIL and f"20 rows published for {S2}" in judged.sentence


def spoil(runtime: Runtime, sprint: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    """The publisher's sprint closes on rows that its contract does not allow."""
    frame = runtime[Lake].read("parcels/orders", [sprint])
    commit = runtime[Lake].write("parcels/orders", sprint, change(frame), sort_by=["order_id"])
    runtime.measure("orders", sprint, commit.data_version, facts("source", rows=commit.rows))
    tell_closed(runtime, sprint)


def test_rows_that_break_the_contract_are_refused_recorded_and_not_read_again(parcels, bakery, instance):
    close_published(parcels, S1)
    land(bakery, S1, "orders", "deliveries")
    spoil(parcels, S1, lambda frame: frame.assign(parcels=frame["parcels"].where(frame.index != 3, 99)))
    said = run(bakery, SOURCE, S1)
    assert "rows of parcels.orders 1.0.0 were refused" in said and "'99' breaks the contract" in said
    (verdict,) = bakery.records.verdicts("bakery", S1)
    assert (verdict.code, verdict.outcome) == ("DQ101", Outcome.FAIL)
    assert not bakery[Lake].has(f"bakery/{SOURCE}", S1)
    requests, notes = sensors.plan(bakery, instance)
    assert requests == [] and "waits for parcels.orders 1.0.0 (refused: row 4, column parcels" in notes[0]
    close_published(parcels, S1, drop=1)
    requests, _ = sensors.plan(bakery, instance)
    assert [request.partition_key for request in requests] == [S1]
    assert run(bakery, SOURCE, S1) == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda frame: frame.assign(order_id=frame["order_id"].mask(frame.index == 1, frame["order_id"].iloc[0])),
         "order_id"),
        (lambda frame: frame.assign(placed_at=frame["placed_at"].where(frame.index != 2, frame["placed_at"] +
                                                                       timedelta(days=30))), "are outside sprint"),
        (lambda frame: frame.assign(courier=None), "courier: empty"),
    ],
    ids=["key twice", "outside the publisher's sprint", "a required column without values"],
)  # fmt: skip
def test_every_promise_is_checked_again(parcels, bakery, change, told):
    close_published(parcels, S1)
    spoil(parcels, S1, change)
    assert told in run(bakery, SOURCE, S1)


def test_a_column_that_the_table_lacks_is_refused(root, load, parcels):
    close_published(parcels, S1)
    edit(root, "parcels/contracts/orders.yaml", "      - name: district\n        physicalName: district", (
        "      - name: borough\n        physicalName: district"
    ))  # fmt: skip
    assert "parcels/orders in the lake has no column borough, which its contract 1.0.0 names" in run(
        load("bakery"), SOURCE, S1
    )


def test_a_window_without_rows_is_refused(root, load, parcels):
    """Days on which no one ordered: the publisher's week has rows, the reader's day has none."""
    edit(root, "bakery/defs.yaml", "length_days: 7", "length_days: 1")
    bakery = load("bakery")
    close_published(parcels, S1)
    day = bakery.calendar.keys[0]
    end = bakery.window(day).end
    spoil(parcels, S1, lambda frame: frame[frame["event_at"] >= end])
    assert f"no row of parcels.orders {S1} happened in {day}" in run(bakery, SOURCE, day)


# --- what the publisher does later -----------------------------------------------------------------------------------


def recorded_versions(runtime: Runtime, sprint: str) -> dict[str, str]:
    found = runtime.records.measurements(runtime.product, sprint)
    return {asset: one.data_version for (_, asset), one in found.items()}


def closed_reader(bakery: Runtime, sprint: str, monkeypatch: pytest.MonkeyPatch) -> closing.Closing:
    monkeypatch.setattr(closing, "definition_of_done", lambda _runtime, _sprint: (Need("DQ101", SOURCE),))
    # Only the source was materialized here: the other stores have nothing to say.
    monkeypatch.setattr(closing, "current_versions", recorded_versions)
    decide(bakery, sprint)
    return closing.close(bakery, sprint, "test")


def test_a_restatement_by_the_publisher_is_one_of_the_reader(parcels, bakery, instance, monkeypatch):
    close_published(parcels, S1)
    land(bakery, S1, "orders", "deliveries")
    assert run(bakery, SOURCE, S1) == ""
    assert closed_reader(bakery, S1, monkeypatch).restated is None
    assert sensors.plan(bakery, instance)[0] == [], "closed on what is published"
    land(parcels, S1, "orders", drop=5)
    assert run(parcels, "orders", S1) == ""
    assert sensors.plan(bakery, instance)[0] == [], "the publisher has not closed again"
    assert f"waits for parcels {S1} to close again: its orders changed" in run(bakery, SOURCE, S1)
    tell_closed(parcels, S1)
    requests, _ = sensors.plan(bakery, instance)
    assert [request.partition_key for request in requests] == [S1]
    assert run(bakery, SOURCE, S1) == ""
    decisions = len(bakery.records.events(product="bakery", kind="decision"))
    again = closed_reader(bakery, S1, monkeypatch)
    (told,) = restatements(bakery.records.events(product="bakery"))[S1]
    assert list(again.restated["files"]) == [SOURCE] and told["open"]
    assert f"{S1} was restated: new rows of {SOURCE} (published parcels.orders 1.0.0)" in told["told"]
    assert "the decision is kept, champion m1" in told["told"]
    assert len(bakery.records.events(product="bakery", kind="decision")) == decisions
    assert sensors.plan(bakery, instance)[0] == []


def test_a_publisher_that_closes_again_on_the_same_rows_restates_nothing(
    parcels, bakery, instance, monkeypatch
):
    close_published(parcels, S1)
    land(bakery, S1, "orders", "deliveries")
    run(bakery, SOURCE, S1)
    closed_reader(bakery, S1, monkeypatch)
    tell_closed(parcels, S1)
    assert sensors.plan(bakery, instance)[0] == []


def test_a_deleted_partition_is_reported(parcels, bakery):
    close_published(parcels, S1)
    land(bakery, S1, "orders", "deliveries")
    shutil.rmtree(parcels.home.lake / "parcels" / "orders")
    wanted = f"for orders of parcels {S1}, which is not in the lake: materialize parcels/orders for it again"
    assert wanted in waits(bakery, S1) and wanted in run(bakery, SOURCE, S1)


def test_a_partition_changed_behind_the_publishers_back_is_not_read(parcels, bakery):
    close_published(parcels, S1)
    frame = parcels[Lake].read("parcels/orders", [S1])
    parcels[Lake].write("parcels/orders", S1, frame.iloc[9:], sort_by=["order_id"])
    assert "its orders in the lake changed since it closed" in run(bakery, SOURCE, S1)


def test_a_contract_version_bumped_while_the_reader_runs_stops_it_with_what_to_do(root, parcels, bakery):
    close_published(parcels, S1)
    land(bakery, S1, "orders", "deliveries")
    edit(root, "parcels/contracts/orders.yaml", "version: 1.0.0", "version: 1.4.0")
    assert waits(bakery, S1) == "", "^1 accepts 1.4.0"
    loaded = asset_of(bakery, SOURCE)
    edit(root, "parcels/contracts/orders.yaml", "version: 1.4.0", "version: 2.0.0")
    said = (
        'parcels publishes orders at contract version 2.0.0, which "^1" does not accept; read what changed in'
    )
    assert said in waits(bakery, S1) and said in run(bakery, SOURCE, S1, loaded)
    assert '"^2.0.0"' in wrong(bakery)


def test_a_closed_sprint_keeps_its_verdict_when_the_contract_changes(root, load, parcels, bakery):
    close_published(parcels, S1)
    run(bakery, SOURCE, S1)
    edit(root, "parcels/contracts/orders.yaml", "version: 1.0.0", "version: 2.0.0")
    evidence, _ = KINDS[0].gather(load("bakery"), SOURCE, S1)
    assert evidence["contract"] == "parcels orders 1.0.0"


def test_a_publisher_that_is_read_is_not_removed_and_one_that_went_is_named(
    root, load, parcels, bakery, home
):
    with pytest.raises(ScaffoldError, match=r"parcels is read by other products \(bakery reads orders\)"):
        refuse_while_read("parcels", root)
    refuse_while_read("bakery", root)
    refuse_while_read("parcels_more", root)
    close_published(parcels, S1)
    remove_state(home, "parcels", "test")
    land(bakery, S1, "orders", "deliveries")
    assert waits(bakery, S1) == f"for parcels {S1} to close (published table orders)", "it begins anew"
    shutil.rmtree(root / "platform" / "products" / "parcels")
    assert "there is no product parcels" in wrong(bakery) and "there is no product parcels" in waits(
        bakery, S1
    )


def test_the_asset_depends_on_the_publishers_by_time(bakery):
    asset = asset_of(bakery, SOURCE)
    assert asset.asset_deps[asset.key] == {dg.AssetKey(["parcels", "orders"])}
    mapping = asset.get_partition_mapping(dg.AssetKey(["parcels", "orders"]))
    assert isinstance(mapping, dg.StaticPartitionMapping)
    assert mapping.downstream_partition_keys_by_upstream_partition_key[S2] == [S2]
