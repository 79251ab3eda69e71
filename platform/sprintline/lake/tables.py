"""The lake: Delta tables with one partition per sprint. A partition is replaced as a whole, in one commit.

A table is named ``product/table``. A partition is what one asset wrote for one sprint; writing the same content again
makes no commit, so a re-run changes nothing and the version stays the same.

The data version is computed from the content, never taken from a commit: a commit's metadata disagrees with the data
after a restore, and finding it means reading the log. The hash is cached beside the table with the files it was
computed from: their names and sizes in the log, and size and moments on the disk. It counts only while all of these are
the same, so a file that was changed in place is read again. Losing the cached hash costs one read of one partition.
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.arrow_tables import SPRINT, LakeError, from_arrow, partition_table
from sprintline.base.failpoints import failpoint
from sprintline.base.hashing import table_hash
from sprintline.lake.cached_hashes import cache, cached, file_of, on_disk
from sprintline.lake.delta_partitions import (
    Partition,
    arrow_schema,
    checkpoint,
    create_empty,
    one_line,
    partitions,
    spans,
    vacuum,
)
from sprintline.lake.opened import OpenTables
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc
    from deltalake import DeltaTable

__all__ = ["Commit", "Lake", "LakeError"]

_SPRINT_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")

_ATTEMPTS = 40
_RETRY_SECONDS = 0.02

# How delta-rs reports that another writer was first. Any other error (a full disk) is reported at once.
_CONFLICT = re.compile(
    r"concurrent transaction|since last commit|already exists|conflict|failed to commit", re.IGNORECASE
)


@dataclass(frozen=True)
class Commit:
    """The result of a write.

    Attributes:
        table: ``product/table``.
        sprint: the partition.
        rows: rows of the partition.
        delta_version: version of the Delta table at which the partition has this content.
        data_version: content hash of the partition (`Lake.data_version`).
        changed: False when the content was there already and nothing was committed.
    """

    table: str
    sprint: str
    rows: int
    delta_version: int
    data_version: str
    changed: bool


class Lake:
    """All Delta tables below one folder.

    Args:
        root: the folder; it need not exist.
    """

    @classmethod
    def of(cls, runtime: Runtime) -> Lake:
        """The one of a product."""
        return cls(runtime.home.lake)

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).absolute()
        self._tables = OpenTables(self.root)

    def path(self, table: str) -> Path:
        """Folder of the table. Raises LakeError for what is no name of a table."""
        return self._tables.path(table)

    def tables(self, product: str) -> list[str]:
        """Names of the product's tables, sorted."""
        self.path(f"{product}/any")
        return sorted(f"{product}/{log.parent.name}" for log in (self.root / product).glob("*/_delta_log"))

    def sprints(self, table: str) -> list[str]:
        """Keys of the sprints in the table, sorted; empty when the table does not exist."""
        delta = self._tables.open(table)
        return [] if delta is None else sorted(partitions(delta))

    def types(self, table: str) -> dict[str, pa.DataType]:
        """Arrow's type of each column of the table; empty when it does not exist."""
        delta = self._tables.open(table)
        return {} if delta is None else {field.name: field.type for field in arrow_schema(delta)}

    def has(self, table: str, sprint: str) -> bool:
        """Whether the table has rows of the sprint."""
        return self._tables.find(table, sprint)[1] is not None

    def rows(self, table: str, sprint: str) -> int | None:
        """Rows of the sprint, from the log alone; None when the table has none."""
        partition = self._tables.find(table, sprint)[1]
        return None if partition is None else partition.rows

    def spans(self, table: str, column: str) -> dict[str, tuple[datetime, datetime]]:
        """First and last moment of a column by sprint, from the log alone."""
        delta = self._tables.find(table, "")[0]
        return {} if delta is None else spans(delta, column)

    def data_version(self, table: str, sprint: str, *, recompute: bool = False) -> str | None:
        """Content hash of the sprint's rows: independent of file layout, row order, clocks and ids.

        A column without any value in this sprint does not count. So a column that a later sprint adds to the table does
        not change the versions of earlier sprints.

        Args:
            recompute: read the rows even if there is a cached hash of these files.

        Returns:
            None when the table has no rows of the sprint, or a data file of them is gone or cannot be read.

        Raises:
            LakeError: the table's log cannot be read.
        """
        delta, partition = self._tables.find(table, sprint)
        if delta is None or partition is None:
            return None
        return self._version_of(delta, table, sprint, partition, recompute=recompute)

    def content_hash(self, table: str, sprint: str, without: Sequence[str] = ()) -> str | None:
        """Hash of the sprint's rows as they are now, without some columns; None when there are none."""
        delta, partition = self._tables.find(table, sprint)
        if delta is None or partition is None:
            return None
        rows = self._tables.dataset(table, [sprint], {sprint: partition}, arrow_schema(delta)).to_table()
        return content_of(rows.drop_columns([name for name in without if name in rows.column_names]))

    def version_with(self, table: str, sprint: str, data_version: str) -> int | None:
        """The newest Delta version whose commit gave a sprint this content; None when the log has none.

        Its files may have been vacuumed: then reading that version fails.
        """
        delta = self._tables.open(table)
        said = {"sprintline.sprint": sprint, "sprintline.data_version": data_version}
        commits = delta.history() if delta is not None else []
        found = [one["version"] for one in commits if said.items() <= one.items()]
        return max(found, default=None)

    def rows_at(self, table: str, sprint: str, version: int) -> pa.Table:
        """A sprint's rows at a Delta version. Raises LakeError when its files are gone."""
        delta = self._tables.open(table, version)
        held = partitions(delta) if delta is not None else {}
        if delta is None or sprint not in held:
            raise LakeError(f"lake table {table} has no rows of sprint {sprint} at version {version}")
        try:
            return self._tables.dataset(table, [sprint], held, arrow_schema(delta)).to_table()
        except OSError as error:
            raise LakeError(
                f"lake table {table}: a data file of version {version} is gone: {error}"
            ) from error

    def read(
        self,
        table: str,
        sprints: Sequence[str] | str | None = None,
        columns: Sequence[str] | None = None,
        filters: Sequence[tuple[str, str, Any]] | pc.Expression | None = None,
        *,
        missing_ok: bool = False,
        version: int | None = None,
    ) -> pd.DataFrame:
        """Rows of some sprints, of these sprints' files only, ordered by sprint and then as they were written.

        Args:
            sprints: keys of the sprints; None for all.
            columns: the columns to read; None for all, ``sprint`` the last of them.
            filters: rows to keep: ``(column, operator, value)`` tuples that must all be true, or a pyarrow expression.
            missing_ok: leave out sprints without rows; a table that does not exist gives no rows (and the requested
                columns, without types).
            version: the Delta version to read; None for the newest.

        Returns:
            A frame in the types of `frames.from_arrow`, with a new index.

        Raises:
            LakeError: no such table, sprint or column; or a version whose files were vacuumed.
        """
        import pyarrow.dataset as ds
        import pyarrow.parquet as pq

        wanted = [sprints] if isinstance(sprints, str) else sprints
        delta = self._tables.open(table, version)
        if delta is None:
            if missing_ok:
                return _no_rows(columns)
            raise LakeError(
                f"lake table {table} does not exist{_of(wanted)}: materialize the asset that writes it"
            )
        schema = arrow_schema(delta)
        held = partitions(delta)
        if wanted is not None and not missing_ok and (missing := [key for key in wanted if key not in held]):
            raise LakeError(
                f"lake table {table} has no rows of sprint {', '.join(missing)}: materialize the asset that writes it"
            )
        if columns is not None and (unknown := [name for name in columns if name not in schema.names]):
            raise LakeError(
                f"lake table {table} has no column {', '.join(unknown)}: it has {', '.join(schema.names)}"
            )
        keys = sorted(held if wanted is None else held.keys() & set(wanted))
        keep = (
            filters
            if filters is None or isinstance(filters, ds.Expression)
            else pq.filters_to_expression(list(filters))
        )
        try:
            rows = self._tables.dataset(table, keys, held, schema).to_table(columns=columns, filter=keep)
        except FileNotFoundError as error:
            raise LakeError(
                f"lake table {table}: a data file of version {delta.version()} is gone, vacuumed or deleted: "
                f"read a newer version or restore a backup ({error})"
            ) from error
        return from_arrow(rows)

    def write(
        self,
        table: str,
        sprint: str,
        frame: pd.DataFrame,
        sort_by: Sequence[str] | str,
        types: Mapping[str, str] | None = None,
    ) -> Commit:
        """Replace the table's partition of one sprint by the frame, in one commit or (same content) none.

        A reader sees the old rows or the new ones. Writers of other sprints do not interfere; of two writers of the
        same sprint the later one wins. A column that is new to the table is added; one that the frame lacks is null.

        Args:
            frame: the sprint's rows, at least one; a ``sprint`` column, if there is one, must contain only this sprint.
                Integers are stored as 64 bit, floats as double, moments as UTC microseconds.
            sort_by: the columns that order the rows: those of the grain.
            types: declared logical types of columns; they decide where the table's first rows have no value.

        Raises:
            LakeError: wrong name, no rows, rows of another sprint, a column whose type differs from the table's, a
                value that the lake cannot store, a full disk. The old rows stay.
        """
        from deltalake.exceptions import DeltaError

        path = self.path(table)
        if not _SPRINT_KEY.fullmatch(sprint):
            raise LakeError(
                f"lake table {table}: {sprint!r} is not a sprint key: use letters, digits, - and _"
            )
        place = f"lake table {table}, sprint {sprint}"
        order = [sort_by] if isinstance(sort_by, str) else list(sort_by)
        trouble = ""
        for attempt in range(_ATTEMPTS):
            try:
                return self._write_once(path, table, sprint, frame, order, types)
            except (DeltaError, OSError) as error:
                if not _CONFLICT.search(str(error)):
                    said = one_line(error)
                    raise LakeError(
                        f"{place}: cannot be written, the old content is unchanged: free or repair the disk ({said})"
                    ) from error
                trouble = one_line(error)
            time.sleep(random.uniform(0, _RETRY_SECONDS * min(attempt + 1, 10)))
        raise LakeError(
            f"{place}: other writers were first {_ATTEMPTS} times in a row: write it again ({trouble})"
        )

    def vacuum(
        self, table: str, keep: timedelta, needed: Mapping[str, Collection[str]], *, dry: bool = False
    ) -> dict[str, int]:
        """Remove data files that were replaced longer ago than `keep`, except those that are still needed.

        Args:
            needed: by sprint, content hashes that must stay readable (`version_with`).
            dry: remove nothing.

        Returns:
            Size by name of every file that was removed, or would be. The log is never cut: it says which version had
            which content, and a commit is only some kilobytes.

        Raises:
            LakeError: no such table, or the disk refuses.
        """
        from deltalake.exceptions import DeltaError

        delta = self._tables.open(table)
        if delta is None:
            raise LakeError(f"lake table {table} does not exist: there is nothing to vacuum")
        found = {self.version_with(table, sprint, one) for sprint, many in needed.items() for one in many}
        try:
            return vacuum(
                delta, self.path(table), keep, sorted(at for at in found if at is not None), dry=dry
            )
        except (DeltaError, OSError) as error:
            raise LakeError(f"lake table {table} cannot be vacuumed: {one_line(error)}") from error

    def _write_once(
        self,
        path: Path,
        table: str,
        sprint: str,
        frame: pd.DataFrame,
        sort_by: list[str],
        types: Mapping[str, str] | None,
    ) -> Commit:
        from deltalake import CommitProperties, PostCommitHookProperties, write_deltalake

        delta = self._tables.open(table)
        columns = None if delta is None else arrow_schema(delta)
        rows = partition_table(table, sprint, frame, sort_by, columns, types)
        if delta is None:
            # Created empty first: two writers that both create it by writing would both succeed and double the rows.
            # Another writer's schema may have won, so the rows are fitted to the current one.
            create_empty(path, rows.schema)
            delta = self._tables.open(table)
            if delta is None:
                raise LakeError(
                    f"lake table {table} was made in {path} but cannot be opened: remove that folder and try again"
                )
            columns = arrow_schema(delta)
            rows = partition_table(table, sprint, frame, sort_by, columns)
        data_version = content_of(rows)
        brings = [name for name in rows.column_names if columns is not None and name not in columns.names]
        before = partitions(delta).get(sprint)
        # Rows that cannot be read any more are other rows: writing the sprint again replaces them.
        if (
            before is not None
            and not brings
            and self._version_of(delta, table, sprint, before) == data_version
        ):
            return Commit(table, sprint, rows.num_rows, delta.version(), data_version, changed=False)
        said = {"sprintline.sprint": sprint, "sprintline.data_version": data_version}
        failpoint("lake.before_commit")
        write_deltalake(
            delta,
            rows,
            mode="overwrite",
            predicate=f"{SPRINT} = '{sprint}'",
            schema_mode="merge",
            commit_properties=CommitProperties(custom_metadata=said),
            # A checkpoint that fails after the commit would be reported as a failed commit.
            post_commithook_properties=PostCommitHookProperties(
                create_checkpoint=False, cleanup_expired_logs=False
            ),
        )
        failpoint("lake.after_commit")
        checkpoint(delta)
        written = partitions(delta)[sprint]
        cache(file_of(path, sprint), written, on_disk(path, written), data_version)
        return Commit(table, sprint, rows.num_rows, delta.version(), data_version, changed=True)

    def _version_of(
        self, delta: DeltaTable, table: str, sprint: str, partition: Partition, *, recompute: bool = False
    ) -> str | None:
        """Content hash of a partition; None when its files cannot be read."""
        import pyarrow as pa

        file, disk = file_of(self.path(table), sprint), on_disk(self.path(table), partition)
        if not recompute and (found := cached(file, partition, disk)) is not None:
            return found
        try:
            rows = self._tables.dataset(table, [sprint], {sprint: partition}, arrow_schema(delta)).to_table()
        except (OSError, pa.ArrowInvalid):
            return None
        data_version = content_of(rows)
        cache(file, partition, disk, data_version)
        return data_version


def content_of(rows: pa.Table) -> str:
    """Hash of the rows in any order, without the column ``sprint`` and without columns that are empty."""
    names = [
        name for name in rows.column_names if name != SPRINT and rows.column(name).null_count < rows.num_rows
    ]
    return table_hash(rows.select(names), sort_by=sorted(names))


def _no_rows(columns: Sequence[str] | None) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=list(columns or []))


def _of(sprints: Sequence[str] | None) -> str:
    return "" if sprints is None else f" (requested sprint {', '.join(sprints)})"
