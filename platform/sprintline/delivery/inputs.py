"""What a sprint was computed from, and whether that is still as it was recorded."""

from __future__ import annotations

from sprintline.delivery.facts import Inputs, Moved
from sprintline.delivery.restatement import restatements
from sprintline.features.frame_checks import EVENT
from sprintline.lake.recorded import RESTS_ON, Changed, changed_in_lake
from sprintline.product.runtime import Runtime
from sprintline.warehouse.recorded import changed_before


def inputs_now(runtime: Runtime, sprint: str) -> Inputs:
    """Evidence on one closed sprint for the rules of delivery."""
    read, moved = moved_since(runtime, sprint)
    events = runtime.records.events(product=runtime.product, sprint=sprint)
    return {
        "restatements": restatements(events).get(sprint, []),
        "inputs": read,
        "moved": moved,
        "changed": [str(one) for one in changed_past(runtime, sprint)],
    }


def moved_since(runtime: Runtime, sprint: str) -> tuple[int | None, list[Moved] | None]:
    """How many data versions of earlier sprints a sprint was computed from, and those that were recorded anew since.

    None and None when a sprint did not record what it was computed from.
    """
    readers = [*runtime.spec.features.views, "question_features"]
    measured = runtime.records.measurements(runtime.product, sprint)
    rests = {
        name: measured[sprint, name].facts.get(RESTS_ON) for name in readers if (sprint, name) in measured
    }
    if len(rests) < len(readers) or any(one is None for one in rests.values()):
        return None, None
    read = [
        (reader, key, asset, version)
        for reader, by_sprint in rests.items()
        for key, versions in (by_sprint or {}).items()
        for asset, version in versions.items()
    ]
    now = {key: runtime.records.measurements(runtime.product, key) for key in {key for _, key, _, _ in read}}
    moved: list[Moved] = [
        {"reader": reader, "asset": asset, "sprint": key}
        for reader, key, asset, version in read
        if (found := now[key].get((key, asset))) is None or found.data_version != version
    ]
    return len(read), moved


def changed_past(runtime: Runtime, sprint: str) -> list[Changed]:
    """Rows of earlier sprints that a closing depends on and that are not in their store as they were recorded.

    Of the lookback sprints these are all tables; besides, the outcomes and questions a candidate learns from, and the
    predictions and outcomes whose errors drift compares. So the cost does not grow with history.
    """
    spec, previous = runtime.spec, runtime.calendar.previous
    lookback = previous(sprint, max(spec.features.lookback_sprints, 1))
    tables = [*(source.name for source in spec.sources), *spec.features.views]
    return sorted(
        {
            *changed_in_lake(runtime, tables, lookback),
            *changed_in_lake(runtime, spec.features.views, lookback[-1:], moments=EVENT),
            *changed_in_lake(runtime, ["question_features"], previous(sprint, spec.model.train_sprints)),
            *changed_in_lake(runtime, ["predictions"], previous(sprint, max(spec.drift.window - 1, 1))),
            *changed_before(runtime, sprint),
        }
    )
