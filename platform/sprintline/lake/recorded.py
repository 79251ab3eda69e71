"""What was recorded about lake tables in earlier sprints, and whether the lake still has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

from sprintline.base.steps import StepFailed
from sprintline.lake.tables import Lake
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.records import Measurement

RESTS_ON: Final = "rests_on"
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


def refuse_lost(runtime: Runtime, sprint: str, assets: Iterable[str], back: int) -> None:
    """Raises StepFailed when rows of earlier sprints in the lake differ from what was recorded, or are gone."""
    names = sorted(assets)
    for key in runtime.calendar.previous(sprint, back):
        recorded = runtime.records.measurements(runtime.product, key)
        lost = [
            name
            for name in names
            if (key, name) in recorded
            and runtime[Lake].data_version(runtime.table(name), key) != recorded[key, name].data_version
        ]
        if lost:
            raise StepFailed(
                f"{sprint} depends on {', '.join(lost)} of {key}, whose rows in the lake differ from those recorded: "
                f"materialize {key} again (job {runtime.product}_closing), or restore a backup; then {sprint}"
            )


def in_lake(runtime: Runtime, asset: str, sprint: str) -> str:
    """Version of an asset's rows of a sprint in the lake, computed from the rows; empty without rows."""
    return runtime[Lake].data_version(runtime.table(asset), sprint, recompute=True) or ""


def lake_versions(
    runtime: Runtime, sprint: str, measured: Mapping[str, Measurement]
) -> dict[str, str | None]:
    """Versions of assets whose data are a lake table of the same name."""
    return {asset: runtime[Lake].data_version(runtime.table(asset), sprint) for asset in measured}
