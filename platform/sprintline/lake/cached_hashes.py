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


def cached(file: Path, partition: Partition) -> str | None:
    """The hash that was computed from exactly these files; None without one, or when it cannot be read."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        note = json.loads(file.read_text("utf-8"))
        if note["files"] == [list(one) for one in partition.files] and isinstance(note["data_version"], str):
            return str(note["data_version"])
    return None


def cache(file: Path, partition: Partition, data_version: str) -> None:
    """Cache the hash of these files, completely or not at all. A failure (a full disk) only costs a read later."""
    with suppress(OSError):
        atomic_write(file, canonical_json({"files": partition.files, "data_version": data_version}))
