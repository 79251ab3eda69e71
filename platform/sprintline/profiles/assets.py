"""Profiles: the statistics of a sprint's sources and answers, held against the sprints before."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from sprintline.lake.tables import Lake
from sprintline.mechanisms.rules.checks import checks_for
from sprintline.product import assets as shell
from sprintline.product.runtime import Runtime
from sprintline.profiles.history import PROFILES, SOURCE


def definitions(runtime: Runtime, partitions: dg.PartitionsDefinition) -> Iterator[Any]:
    """The profiles and their checks."""
    yield _profiles(runtime, partitions)
    yield from checks_for(runtime, PROFILES, "profiles", partitions)


def _profiles(runtime: Runtime, partitions: dg.PartitionsDefinition) -> dg.AssetsDefinition:
    spec = runtime.spec
    read = [*(source.name for source in spec.sources), spec.model.questions, spec.model.outcomes]

    @dg.asset(
        **shell.asset_arguments(runtime, PROFILES, "monitoring", partitions, kinds={"deltalake"}),
        deps=[dg.AssetKey([runtime.product, name]) for name in read],
        pool=shell.POOL,
        description="Statistics of each source's rows and of the answers: rows per day and group, nulls, levels, "
        "spreads, repeated values; and which of them the sprints before do not explain.",
    )
    @shell.in_words(runtime)
    def profiles(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        from sprintline.profiles.profile import profile
        from sprintline.profiles.sentences import sentence
        from sprintline.profiles.statistics import KEY

        sprint = context.partition_key
        found = profile(runtime, sprint)
        order = [SOURCE, *KEY, "day"]
        commit = runtime[Lake].write(runtime.table(PROFILES), sprint, found.rows, order)
        runtime.measure(PROFILES, sprint, commit.data_version, found.facts)
        unusual = [
            {"statistic": sentence(one), "distance": one["distance"], "p": f"{one['p']:.1e}"}
            for one in found.compared.head(UNUSUAL).to_dict("records")
        ]
        findings = found.facts["findings"]
        metadata: dict[str, Any] = {
            "dagster/row_count": commit.rows,
            "compared": found.facts["compared"],
            "earlier sprints": found.facts["sprints"],
            "findings": dg.MetadataValue.md("\n".join(f"- {one['sentence']}" for one in findings) or "none"),
        }
        if unusual:
            metadata["most unusual"] = shell.table(unusual)
        return shell.materialized(commit.data_version, metadata)

    return profiles


UNUSUAL = 10
"""Statistics shown in Dagster, whether they are findings or not."""
