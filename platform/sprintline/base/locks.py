"""Locks between processes by a file: one holds it alone, or many share it."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def turn(file: Path, *, writing: bool = False) -> Iterator[None]:
    """Wait until the file may be read, or written; the kernel ends the turn of a process that dies.

    DuckDB refuses whoever comes while another process writes. Dagster's pool keeps queued runs apart; a run started by
    hand (`dg launch`) does not pass through the queue, and a person's question may come at any moment.

    Turns do not nest: whoever holds one asks for no second on the same file.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_name(f".{file.name}.turn").open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX if writing else fcntl.LOCK_SH)
        yield
