"""All stages of one product put together: assets, checks, jobs, sensors."""

from __future__ import annotations

import dagster as dg

from sprintline.stages.act_jobs import act_jobs
from sprintline.stages.delivery import delivery_definitions
from sprintline.stages.features import feature_definitions
from sprintline.stages.models import RETRAINED, model_definitions
from sprintline.stages.monitoring import monitoring_definitions
from sprintline.stages.raw import raw_definitions
from sprintline.stages.retention import retention_sensor
from sprintline.stages.runtime import Runtime
from sprintline.stages.sensors import landing_sensor, retraining_sensor
from sprintline.stages.warehouse import warehouse_definitions

STAGES = (
    raw_definitions,
    warehouse_definitions,
    feature_definitions,
    model_definitions,
    monitoring_definitions,
    delivery_definitions,
)


def build_product(runtime: Runtime) -> dg.Definitions:
    """Definitions of one product. Touches no store but the dbt manifest."""
    partitions = dg.StaticPartitionsDefinition(list(runtime.calendar.keys))
    built = [definition for stage in STAGES for definition in stage(runtime, partitions)]
    checks = [one for one in built if isinstance(one, dg.AssetChecksDefinition)]
    assets = [one for one in built if not isinstance(one, dg.AssetChecksDefinition)]
    closing = dg.define_asset_job(
        f"{runtime.product}_closing",
        selection=dg.AssetSelection.assets(*assets),
        description="Everything from the landed files to the decision and the Definition of Done, for one sprint.",
    )
    retraining = dg.define_asset_job(
        f"{runtime.product}_retraining",
        selection=dg.AssetSelection.assets(*(dg.AssetKey([runtime.product, name]) for name in RETRAINED)),
        description="A candidate trained on what is known, judged on one sprint, promoted or held.",
    )
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=[closing, retraining, *act_jobs(runtime)],
        sensors=[
            landing_sensor(runtime, closing),
            retraining_sensor(runtime, retraining),
            retention_sensor(runtime),
        ],
        executor=dg.in_process_executor,
    )
