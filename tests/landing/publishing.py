"""Two scaffolded products, of which one publishes and the other reads: land, run and close them in process."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from tests.ledger_events import body

from sprintline.delivery.restatement import state_of
from sprintline.landing import assets
from sprintline.landing.arrivals import arrivals_of
from sprintline.landing.published import refuse_wrong_tables
from sprintline.mechanisms.declaration.located_yaml import DeclarationError
from sprintline.product.events import CLOSED, DECISION
from sprintline.product.runtime import Runtime

S1, S2, S3 = (f"2026-S0{n}" for n in (1, 2, 3))
SOURCE = "parcel_orders"


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
