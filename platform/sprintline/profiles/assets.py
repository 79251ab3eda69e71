"""Profiles: the statistics of a sprint's sources and answers, held against the sprints before."""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from sprintline.lake.tables import Lake
from sprintline.mechanisms.reports.kept import keep
from sprintline.mechanisms.rules.checks import checks_for
from sprintline.product import assets as shell
from sprintline.product.runtime import Runtime
from sprintline.profiles.history import PROFILES, SOURCE, without_profiles


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
        description="Statistics of each source and the answers. Rows per day and group, nulls, levels, "
        "spreads, repeated values; and which of them the sprints before do not explain.",
    )
    @shell.in_words(runtime)
    def profiles(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        sprint = context.partition_key
        for key in without_profiles(runtime, sprint):
            context.log.info(f"{key} closed without profiles; they are computed now")
            version, metadata = _write(runtime, key)
            context.log_event(
                dg.AssetMaterialization(
                    context.asset_key,
                    partition=key,
                    metadata=metadata,
                    tags={"dagster/data_version": version},
                )
            )
        return shell.materialized(*_write(runtime, sprint))

    return profiles


def _write(runtime: Runtime, sprint: str) -> tuple[str, dict[str, Any]]:
    """Compute, write and record the profiles of a sprint; their data version, and what Dagster shows of them."""
    from sprintline.profiles.profile import profile
    from sprintline.profiles.sentences import sentence
    from sprintline.profiles.statistics import KEY
    from sprintline.profiles.unusual import UNUSUAL, unusual

    found = profile(runtime, sprint)
    commit = runtime[Lake].write(runtime.table(PROFILES), sprint, found.rows, [SOURCE, *KEY, "day"])
    runtime.measure(PROFILES, sprint, commit.data_version, found.facts)
    keep(runtime, UNUSUAL, sprint, commit.data_version, lambda: unusual(runtime, sprint, found.facts))
    farthest = [
        {"statistic": sentence(one), "distance": one["distance"], "p": f"{one['p']:.1e}"}
        for one in found.compared.head(FARTHEST).to_dict("records")
    ]
    findings = found.facts["findings"]
    metadata: dict[str, Any] = {
        "dagster/row_count": commit.rows,
        "compared": found.facts["compared"],
        "earlier sprints": found.facts["sprints"],
        "findings": dg.MetadataValue.md("\n".join(f"- {one['sentence']}" for one in findings) or "none"),
    }
    if farthest:
        metadata["most unusual"] = shell.table(farthest)
    return commit.data_version, metadata


FARTHEST = 10
"""Statistics shown in Dagster, whether they are findings or not."""
