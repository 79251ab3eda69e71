"""One product put together from what every subject adds: assets and checks, jobs, sensors."""

from __future__ import annotations

from typing import Any

import dagster as dg

from sprintline.mechanisms.registry import modules
from sprintline.product.runtime import Runtime


def build_product(runtime: Runtime) -> dg.Definitions:
    """Definitions of one product, from the `assets.py`, `jobs.py` and `sensors.py` of all subjects.

    Touches no store but the dbt manifest.
    """
    partitions = dg.StaticPartitionsDefinition(list(runtime.calendar.keys))
    built = [one for make in _makers("assets", "definitions") for one in make(runtime, partitions)]
    checks = [one for one in built if isinstance(one, dg.AssetChecksDefinition)]
    assets = [one for one in built if not isinstance(one, dg.AssetChecksDefinition)]
    jobs = {job.name: job for make in _makers("jobs", "jobs") for job in make(runtime, assets)}
    return dg.Definitions(
        assets=assets,
        asset_checks=checks,
        jobs=list(jobs.values()),
        sensors=[one for make in _makers("sensors", "sensors") for one in make(runtime, jobs)],
        executor=dg.in_process_executor,
    )


def _makers(file: str, function: str) -> list[Any]:
    return [getattr(module, function) for module in modules(file) if hasattr(module, function)]
