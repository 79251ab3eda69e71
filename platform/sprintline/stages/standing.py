"""What a sprint was computed from, and whether that still stands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import dagster as dg

from sprintline.core.restatement import restatements
from sprintline.stages.runtime import Runtime
from sprintline.stores.contents import row_counts

RESTS_ON = "rests_on"
"""Fact that an asset records of the earlier sprints it read: data version by asset, by sprint."""


def versions_before(
    runtime: Runtime, sprint: str, assets: Iterable[str], back: int
) -> dict[str, dict[str, str | None]]:
    """Data versions of assets in the sprints before one, as they are now; None where nothing was recorded."""
    names, found = sorted(assets), {}
    for key in runtime.calendar.previous(sprint, back):
        measured = runtime.records.measurements(runtime.product, key)
        found[key] = {
            name: measured[key, name].data_version if (key, name) in measured else None for name in names
        }
    return found


def lost_before(runtime: Runtime, sprint: str) -> list[str]:
    """Earlier sprints whose marts this one reads, and whose rows in the warehouse are not as many as were recorded.

    Read are the views' marts of the sprints they look back on, and the outcomes of those that a candidate learns from.
    """
    spec, wanted = runtime.spec, {}
    back = dict.fromkeys(
        (mart for view in spec.features.views for mart in runtime.marts_of_view(view)),
        spec.features.lookback_sprints,
    )
    back[spec.model.outcomes] = max(back.get(spec.model.outcomes, 0), spec.model.train_sprints)
    for key in runtime.calendar.previous(sprint, max(back.values())):
        recorded = runtime.records.measurements(runtime.product, key)
        for mart, sprints in back.items():
            if (key, mart) in recorded and key in runtime.calendar.previous(sprint, sprints):
                wanted[mart, key] = recorded[key, mart].facts["rows"]
    there = row_counts(runtime.warehouse, back, sorted({key for _, key in wanted}))
    return sorted({place[1] for place, rows in wanted.items() if there.get(place, 0) != rows})


def refuse_lost(runtime: Runtime, sprint: str, assets: Iterable[str], back: int) -> None:
    """Raises dg.Failure when the lake holds other rows of earlier sprints than were recorded, or none any more."""
    names = sorted(assets)
    for key in runtime.calendar.previous(sprint, back):
        recorded = runtime.records.measurements(runtime.product, key)
        lost = [
            name
            for name in names
            if (key, name) in recorded
            and runtime.lake.data_version(runtime.table(name), key) != recorded[key, name].data_version
        ]
        if lost:
            raise dg.Failure(
                f"{sprint} rests on {', '.join(lost)} of {key}, and the lake no longer holds that as it was recorded: "
                f"materialize {key} again (job {runtime.product}_closing), or restore a backup; then {sprint}",
                allow_retries=False,
            )


def standing(runtime: Runtime, sprint: str) -> dict[str, Any]:
    """Evidence on one closed sprint for the rules of delivery: see `rules.delivery`."""
    readers = [*runtime.spec.features.views, "question_features"]
    measured = runtime.records.measurements(runtime.product, sprint)
    rests = {
        name: measured[sprint, name].facts.get(RESTS_ON) for name in readers if (sprint, name) in measured
    }
    events = runtime.records.events(product=runtime.product, sprint=sprint)
    told: dict[str, Any] = {"restatements": restatements(events).get(sprint, [])}
    if len(rests) < len(readers) or any(one is None for one in rests.values()):
        return {**told, "inputs": None, "moved": None}
    read = [
        (reader, key, asset, version)
        for reader, by_sprint in rests.items()
        for key, versions in (by_sprint or {}).items()
        for asset, version in versions.items()
    ]
    now = {key: runtime.records.measurements(runtime.product, key) for key in {key for _, key, _, _ in read}}
    moved = [
        {"reader": reader, "asset": asset, "sprint": key}
        for reader, key, asset, version in read
        if (found := now[key].get((key, asset))) is None or found.data_version != version
    ]
    return {**told, "inputs": len(read), "moved": moved}
