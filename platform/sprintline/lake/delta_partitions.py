"""Calls of `deltalake`: the files of each partition, an empty table, checkpoints and vacuum."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base.arrow_tables import SPRINT

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

#: Opening a table reads the last checkpoint and the commits since: ten at most, however long the history is.
CHECKPOINT_EVERY = 10


@dataclass(frozen=True)
class Partition:
    """One partition as the log lists it now: (file, bytes) of each data file, and its rows."""

    files: tuple[tuple[str, int], ...]
    rows: int


def one_line(error: Exception) -> str:
    """The message on one line without the terminal colours and arrows that delta-rs puts into it."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|↳", "", str(error)).split())


def create_empty(path: Path, schema: pa.Schema) -> None:
    """Create the table without rows; a table that another writer created first is left as it is."""
    from deltalake import DeltaTable

    configuration = {"delta.checkpointInterval": str(CHECKPOINT_EVERY)}
    DeltaTable.create(path, schema, mode="ignore", partition_by=[SPRINT], configuration=configuration)


def checkpoint(delta: DeltaTable) -> None:
    """Write a checkpoint after every tenth commit. It only saves time: a full disk is reported by the next write.

    The log is never cleaned here: removing versions is a decision, not a side effect.
    """
    from deltalake.exceptions import DeltaError

    if (delta.version() + 1) % CHECKPOINT_EVERY == 0:
        with suppress(DeltaError, OSError):
            delta.create_checkpoint()


def vacuum(
    delta: DeltaTable, path: Path, keep: timedelta, versions: list[int], *, dry: bool
) -> dict[str, int]:
    """Remove files that no recent version and none of `versions` lists; returns size by name, also when dry."""

    def delete(dry_run: bool) -> list[str]:
        # Full: what a killed writer left is in no log, and a checkpoint forgets after a week what was replaced.
        return delta.vacuum(
            retention_hours=int(keep.total_seconds() // 3600),
            dry_run=dry_run,
            enforce_retention_duration=False,
            full=True,
            keep_versions=versions,
        )

    # Files that an earlier vacuum removed are named again.
    sizes = {name: (path / name).stat().st_size for name in delete(True) if (path / name).is_file()}
    # Delta notes each vacuum as two commits, so one that would remove nothing is left out.
    if sizes and not dry:
        delete(False)
    return sizes


def partitions(delta: DeltaTable) -> dict[str, Partition]:
    """What the log lists, by sprint."""
    import pyarrow as pa

    actions = pa.table(delta.get_add_actions(flatten=True))
    listed = (
        actions.select(["path", "size_bytes", "num_records", f"partition.{SPRINT}"]).to_pylist()
        if len(actions)
        else []
    )
    files: dict[str, list[tuple[str, int, int]]] = {}
    for file in listed:
        one = (file["path"], file["size_bytes"], file["num_records"])
        files.setdefault(file[f"partition.{SPRINT}"], []).append(one)
    # A writer numbers its files (part-00000-…, part-00001-…) in the order of the rows.
    return {
        key: Partition(
            tuple((name, size) for name, size, _ in sorted(found)), sum(rows for _, _, rows in found)
        )
        for key, found in files.items()
    }


def spans(delta: DeltaTable, column: str) -> dict[str, tuple[datetime, datetime]]:
    """First and last moment of a column by sprint, from the log's statistics; without sprints that have none."""
    import pyarrow as pa

    actions = pa.table(delta.get_add_actions(flatten=True))
    names = [f"partition.{SPRINT}", f"min.{column}", f"max.{column}"]
    if not set(names) <= set(actions.column_names):
        return {}
    found: dict[str, tuple[datetime, datetime]] = {}
    for row in actions.select(names).to_pylist():
        key, low, high = (row[name] for name in names)
        if low is not None and high is not None:
            before = found.get(key, (low, high))
            found[key] = min(before[0], low), max(before[1], high)
    return found


def arrow_schema(delta: DeltaTable) -> pa.Schema:
    """Columns of the table, the partition column last."""
    import pyarrow as pa

    schema = pa.schema(delta.schema().to_arrow())
    columns = [field for field in schema if field.name != SPRINT]
    return pa.schema([*columns, schema.field(SPRINT)])
