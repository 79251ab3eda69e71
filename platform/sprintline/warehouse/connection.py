"""Connections to a warehouse file, each under its lock: either one process writes, or many read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base.locks import access
from sprintline.warehouse.results import WarehouseError

if TYPE_CHECKING:
    import duckdb

_HELD = re.compile(
    r"could not set lock|conflicting lock|different configuration|used by another process", re.IGNORECASE
)
_DAMAGED = re.compile(
    r"not a valid duckdb database|corrupt|checksum|serializ|unexpected end|could not read enough|wal file|magic",
    re.IGNORECASE,
)


@contextmanager
def opened(file: Path, *, writing: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a warehouse file, in UTC; waits for other users of the file.

    Raises:
        WarehouseError: another program has the file open, or it is damaged.
    """
    import duckdb

    with access(file, writing=writing):
        try:
            connection = duckdb.connect(str(file), read_only=not writing)
        except duckdb.Error as error:
            raise WarehouseError(open_failure(file, error), detail=str(error)) from error
        with connection:
            connection.execute("set timezone = 'UTC'")
            yield connection


def open_failure(file: Path, error: Exception) -> str:
    """Why DuckDB does not open a warehouse file, and what to do."""
    if _HELD.search(str(error)):
        return (
            f"the warehouse file {file} is open in another program: close it there (while one process writes, DuckDB "
            "lets no other read), or wait for the run that uses it"
        )
    if _DAMAGED.search(str(error)):
        return (
            f"the warehouse file {file} is damaged: move it and its .wal away and run the sprint again; its content is "
            "rebuilt from the lake"
        )
    return f"the warehouse file {file} cannot be opened"
