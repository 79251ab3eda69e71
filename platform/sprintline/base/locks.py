"""Locks between processes by a file: one holds it alone, or many share it. The kernel frees those of a dead process."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(lock: Path, *, shared: bool = False, wait: bool = True) -> Iterator[None]:
    """Hold a lock file, made as needed. Locks do not nest: whoever holds one asks for no second on the same file.

    Args:
        lock: the file that is locked; its content is left alone.
        shared: others may share it too; without it no one else holds it meanwhile.
        wait: until it is free.

    Raises:
        BlockingIOError: it is held by somebody else, and `wait` is false.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as handle:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(handle, kind if wait else kind | fcntl.LOCK_NB)
        yield


@contextmanager
def access(file: Path, *, writing: bool = False) -> Iterator[None]:
    """Wait until a file may be read, or written, under a lock beside it: one writes and no one reads, or many read.

    DuckDB refuses whoever comes while another process writes. Dagster's pool keeps queued runs apart; a run started by
    hand (`dg launch`) does not pass through the queue, and a person's question may come at any moment.
    """
    with file_lock(file.with_name(f".{file.name}.lock"), shared=not writing):
        yield
