"""What a sprint was computed from, and whether that still stands."""

from __future__ import annotations

from sprintline.delivery.facts import Inputs, Moved
from sprintline.delivery.restatement import restatements
from sprintline.lake.recorded import RESTS_ON
from sprintline.product.runtime import Runtime


def inputs_now(runtime: Runtime, sprint: str) -> Inputs:
    """Evidence on one closed sprint for the rules of delivery."""
    readers = [*runtime.spec.features.views, "question_features"]
    measured = runtime.records.measurements(runtime.product, sprint)
    rests = {
        name: measured[sprint, name].facts.get(RESTS_ON) for name in readers if (sprint, name) in measured
    }
    events = runtime.records.events(product=runtime.product, sprint=sprint)
    restated = restatements(events).get(sprint, [])
    if len(rests) < len(readers) or any(one is None for one in rests.values()):
        return {"restatements": restated, "inputs": None, "moved": None}
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
    return {"restatements": restated, "inputs": len(read), "moved": moved}
