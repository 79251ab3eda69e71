"""A product reads what another publishes: which rows are read, refused and restated.

Two scaffolded products on one state folder; `bakery` reads `parcels.orders`. Raw assets run in Dagster, in process.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta

import dagster as dg
import pandas as pd
import pytest
from tests.landing.publishing import (
    S1,
    S2,
    SOURCE,
    asset_of,
    close_published,
    decide,
    edit,
    land,
    run,
    tell_closed,
    waits,
    wrong,
)
from tests.measured_facts import facts

from sprintline.delivery import closing, sensors
from sprintline.delivery.restatement import restatements
from sprintline.lake.tables import Lake
from sprintline.landing.evidence import KINDS
from sprintline.landing.rules import RULES
from sprintline.mechanisms.rules.gates import Need
from sprintline.mechanisms.rules.verdicts import Outcome
from sprintline.product.runtime import Runtime
from sprintline.scaffold.create import ScaffoldError
from sprintline.scaffold.published import refuse_while_read
from sprintline.state.removal import remove_state

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
        ("DQ101", "DQ102", "DQ103", "DQ104", "DQ105"), Outcome.PASS
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
