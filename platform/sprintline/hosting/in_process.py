"""A run in this process, on a Dagster instance of its own: what the fault suite materializes with."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import dagster as dg


def materialize(
    product: str,
    assets: Sequence[str] | None,
    sprint: str,
    without: Sequence[str] = (),
    check: tuple[str, str] | None = None,
) -> dict[str, dict[str, Any]]:
    """One run of a product on an instance of its own; its check evaluations by `asset/CODE`, as people see them."""
    defs = import_module(f"products.{product}.definitions").defs
    graph = defs.resolve_asset_graph()
    if check is not None:
        found = [
            key
            for key in graph.asset_check_keys
            if key.asset_key.path[-1] == check[0] and key.name.startswith(check[1])
        ]
        if not found:
            return {}
        selection: dg.AssetSelection = dg.AssetSelection.checks(*found)
    elif assets is not None:
        selection = dg.AssetSelection.assets(*(dg.AssetKey([product, name]) for name in assets))
    else:
        selection = dg.AssetSelection.all() - dg.AssetSelection.assets(
            *(dg.AssetKey([product, name]) for name in without)
        )
    job = dg.define_asset_job("trial", selection=selection)
    with dg.DagsterInstance.ephemeral() as instance:
        run = (
            dg.Definitions.merge(defs, dg.Definitions(jobs=[job]))
            .resolve_job_def("trial")
            # The tag and not `partition_key`: a job of checks alone has no partitions of its own to check it against.
            .execute_in_process(tags={"dagster/partition": sprint}, instance=instance, raise_on_error=False)
        )
        # From the event log, not from the run: a refused file's check is reported beside it.
        records = instance.get_event_records(
            dg.EventRecordsFilter(dg.DagsterEventType.ASSET_CHECK_EVALUATION), ascending=True
        )
        found_checks: dict[str, dict[str, Any]] = {}
        for record in records:
            event = record.event_log_entry.dagster_event
            one = event.event_specific_data if event else None
            if not isinstance(one, dg.AssetCheckEvaluation):
                continue
            key = f"{one.asset_key.path[-1]}/{one.check_name.split('_')[0]}"
            found_checks[key] = {
                "passed": one.passed,
                "says": one.description or "",
                "severity": str(one.severity.value),
            }
        if not run.success and not found_checks:
            failed = [event for event in run.all_events if event.event_type_value == "STEP_FAILURE"]
            told = [_cause(event.step_failure_data.error) for event in failed]
            raise RuntimeError("; ".join(told) or "the run failed before any step")
    return found_checks


def _cause(error: Any) -> str:
    """The innermost message of a failed step, in one line."""
    while error is not None and error.cause is not None:
        error = error.cause
    return " ".join(str(error.message).split()) if error else "no reason given"
