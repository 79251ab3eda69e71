"""What was recorded about lake tables in earlier sprints, and whether the lake still has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sprintline.base.steps import StepFailed
from sprintline.lake.tables import Lake, LakeError
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    from sprintline.mechanisms.ledger.records import Measurement

RESTS_ON: Final = "rests_on"
"""Fact that an asset records of the earlier sprints it read: data version by asset, by sprint."""

NOTHING_WRITTEN: Final = "none"
"""Data version of an asset that had nothing to write for a sprint, as predictions before the first champion."""

LAKE: Final = "lake"


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


@dataclass(frozen=True, order=True)
class Changed:
    """Rows of an earlier sprint that are not as they were recorded when that sprint closed.

    sprint, asset: whose rows. store: where they are: `lake` or `warehouse`. why: how they differ.
    """

    sprint: str
    asset: str
    store: str
    why: str

    def __str__(self) -> str:
        return f"{self.asset} of {self.sprint} in the {self.store} ({self.why})"


def changed_in_lake(
    runtime: Runtime, assets: Iterable[str], sprints: Iterable[str], moments: str = ""
) -> list[Changed]:
    """Lake tables of some sprints that differ from what was recorded of them, or are gone; sorted.

    The hash of a partition is read again only where its files changed, so this costs a look at a few files a sprint.

    Args:
        assets: names of assets whose data are a lake table of the same name.
        sprints: the sprints to compare; those in which an asset recorded nothing are left out.
        moments: a column by whose moments the table is read. Rows of the sprints' time in the partition of another
            sprint are then found as well.
    """
    lake, names, keys = runtime[Lake], sorted(set(assets)), list(sprints)
    found: list[Changed] = []
    for key in keys:
        recorded = runtime.records.measurements(runtime.product, key)
        for name in names:
            version = recorded[key, name].data_version if (key, name) in recorded else NOTHING_WRITTEN
            why = _difference(lake, runtime.table(name), key, version) if version != NOTHING_WRITTEN else None
            if why:
                found.append(Changed(key, name, LAKE, why))
    if moments and keys:
        low = min(runtime.window(key).start for key in keys)
        high = max(runtime.window(key).end for key in keys)
        for name in names:
            found += _strayed(runtime, name, moments, low, high, keys)
    return sorted(found)


def _difference(lake: Lake, table: str, sprint: str, recorded: str) -> str | None:
    """How a partition differs from what was recorded, for a sentence; None when it does not."""
    try:
        now = lake.data_version(table, sprint)
    except LakeError:
        return "the table cannot be opened, its log is damaged or cut"
    if now == recorded:
        return None
    if now is None:
        return "its rows are gone, or their files cannot be read"
    return f"content {recorded[:12]} was recorded, {now[:12]} is there now"


def _strayed(
    runtime: Runtime, asset: str, moments: str, low: datetime, high: datetime, keys: list[str]
) -> list[Changed]:
    """Partitions of other sprints with rows of these sprints' time: who reads by time reads them, too."""
    try:
        spans = runtime[Lake].spans(runtime.table(asset), moments)
    except LakeError:
        return []  # reported above: nothing of the table can be read
    planned, found = set(runtime.calendar.keys), []
    for key in sorted(spans.keys() - set(keys)):
        first, last = spans[key]
        own = runtime.window(key) if key in planned else None
        if first < high and last >= low and not (own and own.start <= first and last < own.end):
            found.append(Changed(key, asset, LAKE, f"it has rows of {first:%Y-%m-%d} to {last:%Y-%m-%d}"))
    return found


def refuse_changed(what: str, changed: Iterable[Changed], runtime: Runtime) -> None:
    """Raises StepFailed for earlier rows that are not as they were recorded, with the ways to put them back.

    what: depends on these rows, mostly a sprint; the sentence begins with it.
    """
    found = list(changed)
    if found:
        raise StepFailed(
            f"{what} depends on rows that are not as recorded: {told(found)}. {ways_back(runtime, found)}"
        )


def told(changed: Sequence[Changed]) -> str:
    """The first changed tables of earlier sprints, and how many more, as part of a sentence."""
    more = f"; and {len(changed) - 3} more" if len(changed) > 3 else ""
    return f"{'; '.join(map(str, changed[:3]))}{more}"


def ways_back(runtime: Runtime, changed: Sequence[Changed]) -> str:
    """What a person does about changed rows of earlier sprints, in a sentence."""
    sprints = ", ".join(sorted({one.sprint for one in changed}))
    return (
        f"Put the recorded rows back with `sprintline recover {runtime.product}`, or materialize {sprints} again "
        f"(job {runtime.product}_closing), or restore a backup (`sprintline restore`)"
    )


def refuse_lost(runtime: Runtime, sprint: str, assets: Iterable[str], back: int, moments: str = "") -> None:
    """Raises StepFailed when rows of earlier sprints in the lake differ from what was recorded, or are gone.

    back: how many sprints before this one. moments: as for `changed_in_lake`.
    """
    keys = runtime.calendar.previous(sprint, back)
    refuse_changed(sprint, changed_in_lake(runtime, assets, keys, moments), runtime)


def in_lake(runtime: Runtime, asset: str, sprint: str) -> str:
    """Version of an asset's rows of a sprint in the lake, computed from the rows; empty without rows."""
    return runtime[Lake].data_version(runtime.table(asset), sprint, recompute=True) or ""


def lake_versions(
    runtime: Runtime, sprint: str, measured: Mapping[str, Measurement]
) -> dict[str, str | None]:
    """Versions of assets whose data are a lake table of the same name."""
    return {asset: runtime[Lake].data_version(runtime.table(asset), sprint) for asset in measured}
