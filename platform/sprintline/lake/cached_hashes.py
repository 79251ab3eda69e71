"""A partition's content hash, cached beside its table with the files it was computed from."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from sprintline.base.files import atomic_write
from sprintline.base.hashing import canonical_json
from sprintline.lake.delta_partitions import Partition


def file_of(table: Path, sprint: str) -> Path:
    """The cache's file for a sprint: Delta ignores names that begin with an underscore, also in a vacuum."""
    return table / "_sprintline" / f"{sprint}.json"


def on_disk(table: Path, partition: Partition) -> list[list[int]] | None:
    """Inode, size and moments of each data file of a partition, in the log's order; None when one is gone.

    The log lists names and sizes only: a file whose bytes were changed in place is listed as before. The moment of the
    last change of the inode (ctime) cannot be set back by a program.
    """
    try:
        found = [(table / name).stat() for name, _ in partition.files]
    except OSError:
        return None
    return [[one.st_ino, one.st_size, one.st_mtime_ns, one.st_ctime_ns] for one in found]


def cached(file: Path, partition: Partition, disk: list[list[int]] | None) -> str | None:
    """The hash that was computed from exactly these files; None without one, or when it cannot be read.

    disk: the files as they are now, of `on_disk`.
    """
    if disk is None:
        return None
    with suppress(OSError, ValueError, KeyError, TypeError):
        note = json.loads(file.read_text("utf-8"))
        same = note["files"] == [list(one) for one in partition.files] and note["disk"] == disk
        if same and isinstance(note["data_version"], str):
            return str(note["data_version"])
    return None


def cache(file: Path, partition: Partition, disk: list[list[int]] | None, data_version: str) -> None:
    """Cache the hash of these files, completely or not at all. A failure (a full disk) only costs a read later.

    disk: the files as they were before they were read.
    """
    if disk is None:
        return
    with suppress(OSError):
        note = {"files": partition.files, "disk": disk, "data_version": data_version}
        atomic_write(file, canonical_json(note))
