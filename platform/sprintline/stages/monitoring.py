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
        deps=[
            dg.AssetKey([runtime.product, name])
            for name in ("predictions", "question_features", runtime.spec.model.outcomes)
        ],
        pool=shell.POOL,
        description="An Evidently report of the sprint's features against the champion's training data, its labelled "
        "errors, and the verdict read from both.",
    )
    @shell.in_words(runtime)
    def drift(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from sprintline.core.hashing import canonical_json, text_hash
        from sprintline.site import plots
        from sprintline.stages.drift import measure_drift

        sprint = context.partition_key
        facts = measure_drift(runtime, sprint)
        version = text_hash(canonical_json(facts))
        runtime.measure("drift", sprint, version, facts)
        metadata: dict[str, Any] = {
            "state": facts["state"],
            "why": facts["why"],
            "drifted": ", ".join(facts["drifted"]) or "nothing",
            "since": facts["since"] or "not confirmed",
        }
        if facts["distances"]:
            far = {name: distance / facts["limits"][name] for name, distance in facts["distances"].items()}
            metadata["distance by feature"] = dg.MetadataValue.md(
                plots.bars(far, f"Distance from the training data over what is ordinary, {sprint}", 1.0)
            )
            metadata["report"] = str(runtime.reports.path("drift", sprint).relative_to(runtime.home.root))
        if facts["concept"]:
            metadata["errors"] = facts["concept"]["why"]
        if runtime.reports.page("drift", sprint).is_file():
            page = runtime.reports.page("drift", sprint)
            metadata["page"] = dg.MetadataValue.path(str(page.relative_to(runtime.home.root)))
        return shell.materialized(version, metadata)

    yield drift
    yield from checks_for(runtime, "drift", "drift", partitions)
