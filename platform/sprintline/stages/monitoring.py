"""Monitoring: does the sprint still look like the data its champion was trained on?"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from sprintline.stages import shell
from sprintline.stages.checks import checks_for
from sprintline.stages.runtime import Runtime


def monitoring_definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """The drift asset and its check."""

    @dg.asset(
        **shell.asset_arguments(runtime, "drift", "monitoring", partitions, kinds={"evidently"}),
        deps=[dg.AssetKey([runtime.product, name]) for name in ("predictions", "question_features")],
        pool=shell.POOL,
        description="An Evidently report of the sprint's features against the champion's training data, and the "
        "verdict read from it.",
    )
    def drift(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from sprintline.core.hashing import canonical_json, text_hash
        from sprintline.site import plots

        sprint = context.partition_key
        facts = measure_drift(runtime, sprint)
        version = text_hash(canonical_json(facts))
        runtime.measure("drift", sprint, version, facts)
        metadata: dict[str, Any] = {"state": facts["state"], "why": facts["why"]}
        if facts["distances"]:
            metadata["distance by feature"] = dg.MetadataValue.md(
                plots.bars(
                    facts["distances"],
                    f"Distance from the training data, {sprint}",
                    runtime.spec.drift.distance,
                )
            )
            metadata["report"] = str(runtime.reports.path("drift", sprint).relative_to(runtime.home.root))
        return shell.materialized(version, metadata)

    yield drift
    yield from checks_for(runtime, "drift", "drift", partitions)


def measure_drift(runtime: Runtime, sprint: str) -> dict[str, Any]:
    """The drift of one sprint against its champion's reference, as it is recorded."""
    from sprintline.core.drift import Drift, judge_window, statistics_of, verdict

    issued = runtime.measured("predictions", sprint)
    champion = issued.facts["champion"] if issued else None
    empty: dict[str, Any] = {
        "state": Drift.INSUFFICIENT.value,
        "window": None,
        "share": None,
        "distances": {},
        "reference": champion,
    }
    if champion is None:
        return {
            **empty,
            "why": f"no champion stood before {sprint}, so there is no training data to compare with",
        }
    current = runtime.lake.read(runtime.table("question_features"), [sprint])
    release = runtime.models.release(champion)
    inputs = release.inputs
    runtime.reports.drift(
        sprint,
        release.reference(),
        current,
        inputs.numeric,
        inputs.categorical,
        runtime.spec.model.seed,
    )
    statistics = statistics_of(runtime.reports.load("drift", sprint))
    window = judge_window(statistics, len(current), runtime.spec.drift)
    state, why = verdict(window, _windows_before(runtime, sprint, champion), runtime.spec.drift)
    return {
        **empty,
        "state": state.value,
        "window": window.drifting,
        "share": window.share,
        "why": why,
        "distances": {one.name: round(one.distance, 6) for one in statistics},
        "drifted": list(window.drifted),
    }


def _windows_before(runtime: Runtime, sprint: str, champion: str) -> list[bool | None]:
    """Whether earlier sprints drifted against the same reference, oldest first."""
    measured = runtime.history("drift")
    before = runtime.calendar.previous(sprint, runtime.spec.drift.window - 1)
    return [
        measured[key].facts["window"]
        for key in before
        if key in measured and measured[key].facts["reference"] == champion
    ]
