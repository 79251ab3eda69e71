"""Delta tables as they are opened: by name, at a version, with a listing of partitions that is read once per commit."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.arrow_tables import SPRINT, LakeError
from sprintline.lake.delta_partitions import CHECKPOINT_EVERY, Partition, one_line, partitions

if TYPE_CHECKING:
    import pyarrow as pa
    from deltalake import DeltaTable

_Head = tuple[tuple[str, int, int], ...]

_TABLE = re.compile(r"[a-z][a-z0-9_]*/[a-z][a-z0-9_]*")
_COMMIT = re.compile(r"\d{20}\.json")


class OpenTables:
    """The Delta tables below one folder.

    Args:
        root: the folder; it need not exist.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._known: dict[str, tuple[_Head, DeltaTable, dict[str, Partition]]] = {}

    def path(self, table: str) -> Path:
        """Folder of the table.

        Raises:
            LakeError: the name is not ``product/table`` in lower-case letters, digits and underscores.
        """
        if not _TABLE.fullmatch(table):
            raise LakeError(
                f"{table!r} is not the name of a lake table: write product/table in a-z, 0-9 and _, a letter first"
            )
        return self.root / table

    def open(self, table: str, version: int | None = None) -> DeltaTable | None:
        from deltalake import DeltaTable
        from deltalake.exceptions import DeltaError, TableNotFoundError

        path = self.path(table)
        if not (path / "_delta_log").is_dir():
            return None
        try:
            return DeltaTable(path, version=version)
        except TableNotFoundError:
            return None  # killed before its first commit
        except (DeltaError, OSError) as error:
            at = "" if version is None else f" at version {version}"
            raise LakeError(
                f"lake table {table}{at} cannot be opened, its log in {path} is damaged or cut: "
                f"`sprintline recover {table.partition('/')[0]}` rebuilds it from the data files that are still "
                f"there, or restore a backup ({one_line(error)[:200]})"
            ) from error

    def find(self, table: str, sprint: str) -> tuple[DeltaTable | None, Partition | None]:
        """The table and the sprint's partition, from a cached listing that is read again when the log has a new head.

        A closing needs it a hundred times, and opening a table reads its log each time.
        """
        head, known = self._head(table), self._known.get(table)
        if head is None or known is None or known[0] != head:
            delta = self.open(table)
            if delta is None:
                return None, None
            if head is None:
                return delta, partitions(delta).get(sprint)
            # The head is taken before the log is read: a commit in between is in the listing and causes one more read.
            known = self._known[table] = (head, delta, partitions(delta))
        return known[1], known[2].get(sprint)

    def _head(self, table: str) -> _Head | None:
        """The log's last checkpoint and the commits since, by name and by file; None without a commit.

        Opening the table reads exactly these, so a commit that was removed or cut among them gives another head.
        """
        log = self.path(table) / "_delta_log"
        try:
            with os.scandir(log) as files:
                names = sorted(file.name for file in files)
            commits = [name for name in names if _COMMIT.fullmatch(name)][-CHECKPOINT_EVERY - 1 :]
            last = [name for name in names if ".checkpoint." in name][-1:]
            stats = [(name, (log / name).stat()) for name in (*commits, *last)]
        except OSError:
            return None
        return tuple((name, one.st_ino, one.st_mtime_ns) for name, one in stats) if commits else None

    def dataset(self, table: str, keys: list[str], held: dict[str, Partition], schema: pa.Schema) -> Any:
        """The files of these partitions, in the order of sprints and, within one, of writing."""
        import pyarrow.dataset as ds
        from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

        disk = SubTreeFileSystem(str(self.path(table)), LocalFileSystem())
        parquet = ds.ParquetFileFormat()
        files = [
            parquet.make_fragment(name, filesystem=disk, partition_expression=ds.field(SPRINT) == key)
            for key in keys
            for name, _ in held[key].files
        ]
        return ds.FileSystemDataset(files, schema, parquet, disk)
