"""Rows of the lake that are not as they were recorded, put back from what is still in the table's own folder.

A Delta table keeps the data files of earlier versions, so rows that were changed or removed through its log can be read
from the version that had the recorded content. Where the log itself is damaged or shorter than it was, the data files
are still there: a file whose content is the recorded one is the one that was lost.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sprintline.lake.recorded import Changed, changed_in_lake
from sprintline.lake.tables import Lake, LakeError, content_of
from sprintline.product.repairs import repaired
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Recovered:
    """One table's rows of a sprint that were not as recorded.

    changed: whose rows, and how they differed. source: what they were put back from; empty when nothing has them.
    """

    changed: Changed
    source: str

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        one = self.changed
        return {"sprint": one.sprint, "asset": one.asset, "was": one.why, "source": self.source or None}


def recover(runtime: Runtime, actor: str, *, dry: bool = False) -> list[Recovered]:
    """Put back every sprint of the product's lake tables that is not as recorded; what could not be, has no source.

    Nothing is ever put back that has not the recorded content. The log of a table that cannot be opened is moved aside,
    into the table's folder `_sprintline/`, and a new one is begun.

    dry: change nothing, only look.
    """
    lake, done = runtime[Lake], []
    sprints = runtime.calendar.keys
    for table in sorted(_tables(runtime)):
        changed = [one for one in changed_in_lake(runtime, [table], sprints) if one.sprint in sprints]
        if not changed:
            continue
        if not dry:
            _open_again(lake, runtime.table(table))
        # The newest first: a new table takes its columns from the first rows, and older ones may lack some.
        for one in reversed(changed):
            wanted = runtime.measurement(one.asset, one.sprint).data_version
            done.append(Recovered(one, _put_back(lake, runtime.table(table), one.sprint, wanted, dry)))
    put = [one.changed for one in done if one.source]
    if put and not dry:
        repaired(runtime, None, actor, "lake", put, "the recorded rows were put back")
    return done


def _tables(runtime: Runtime) -> set[str]:
    """Assets of the product whose data are a lake table of their name."""
    sources = {source.name for source in runtime.spec.sources}
    return sources | {*runtime.spec.features.views, "question_features", "predictions"}


def _put_back(lake: Lake, table: str, sprint: str, wanted: str, dry: bool) -> str:
    """Where the recorded rows were found; empty when nowhere."""
    for source, rows in _candidates(lake, table, sprint, wanted):
        if content_of(rows) != wanted:
            continue
        if dry:
            return source
        from sprintline.base.arrow_tables import from_arrow

        frame = from_arrow(rows)
        written = lake.write(table, sprint, frame, [name for name in frame.columns if name != "sprint"][:2])
        if written.data_version == wanted:
            return source
    return ""


def _candidates(lake: Lake, table: str, sprint: str, wanted: str) -> Iterator[tuple[str, pa.Table]]:
    """Rows that may be the recorded ones: of an older version of the table, then of every data file of the sprint."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if (version := lake.version_with(table, sprint, wanted)) is not None:
            yield f"version {version} of the table", lake.rows_at(table, sprint, version)
    except LakeError:
        pass  # its log cannot be read, or a file of that version is gone
    found: list[pa.Table] = []
    for file in sorted((lake.path(table) / f"sprint={sprint}").glob("*.parquet")):
        try:
            rows = pq.read_table(file, partitioning=None)
        except (OSError, pa.ArrowInvalid):
            continue
        rows = rows.append_column("sprint", pa.array([sprint] * rows.num_rows, pa.string()))
        found.append(rows)
        yield f"data file {file.name}", rows
    if len(found) > 1:
        yield f"its {len(found)} data files", pa.concat_tables(found, promote_options="default")


def _open_again(lake: Lake, table: str) -> None:
    """Move a log aside that cannot be opened."""
    try:
        lake.sprints(table)
    except LakeError:
        log = lake.path(table) / "_delta_log"
        aside = lake.path(table) / "_sprintline" / f"damaged-log-{datetime.now(UTC):%Y%m%dT%H%M%S}"
        aside.parent.mkdir(exist_ok=True)
        log.rename(aside)
