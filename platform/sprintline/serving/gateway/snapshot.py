"""What a gateway answers from: the live release and the published features, in one file named by its content.

    <home>/serving/<product>/
        current                 the name of the snapshot that serves
        <sha256>.msgpack        snapshots, the last few

A snapshot is written by a process that has Feast (`prepare.py`); reading one needs neither Feast nor pandas.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from sprintline.base.files import atomic_write
from sprintline.learning.bundles import digest

FORMAT = 1
KEPT = 5
"""Snapshots that stay beside the current one: what serves goes on being readable while the next is written."""
CURRENT, ENDING = "current", ".msgpack"

Key = str | int
Value = float | str | None


class SnapshotError(RuntimeError):
    """A snapshot is missing, damaged or of another format; the message says what to do."""


class View(msgspec.Struct, frozen=True):
    """The newest published values of a feature view.

    rows: keys, event moment (seconds since 1970, UTC) and values, in the order of `keys` and `features`.
    """

    name: str
    keys: tuple[str, ...]
    features: tuple[str, ...]
    ttl_seconds: float
    rows: list[tuple[tuple[Key, ...], int, tuple[Value, ...]]]


class Snapshot(msgspec.Struct, frozen=True):
    """What serves, and the features it reads.

    sprints: key, start and end (seconds since 1970, UTC) of the planned sprints: whose log a prediction goes to.
    """

    format: int
    product: str
    model_id: str
    release_digest: str | None
    service: str
    views: tuple[View, ...]
    sprints: tuple[tuple[str, int, int], ...]


def save(folder: Path, snapshot: Snapshot) -> str:
    """Write a snapshot and make it the current one; its name. Older ones than the last few are removed."""
    content = msgspec.msgpack.encode(snapshot)
    name = digest(content)
    file = folder / f"{name}{ENDING}"
    if not file.exists():
        atomic_write(file, content, durable=True)
    atomic_write(folder / CURRENT, name, durable=True)
    others = (one for one in folder.glob(f"*{ENDING}") if one != file)
    for old in sorted(others, key=lambda one: one.stat().st_mtime_ns, reverse=True)[KEPT:]:
        old.unlink(missing_ok=True)
    return name


def current(folder: Path) -> str | None:
    """Name of the current snapshot; None before the first."""
    try:
        return (folder / CURRENT).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return None


def opened(folder: Path, name: str) -> Snapshot:
    """Read a snapshot. Raises SnapshotError when it is not there, not what its name says, or of another format."""
    file, again = folder / f"{name}{ENDING}", "start `sprintline serve` again, which writes it again"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SnapshotError(f"{file} cannot be read ({error.strerror}): {again}") from error
    if digest(content) != name:
        raise SnapshotError(f"{file} is not what its name says, it was changed: remove it, and {again}")
    try:
        found = msgspec.msgpack.decode(content, type=Snapshot)
    except msgspec.DecodeError as error:
        raise SnapshotError(f"{file} is no snapshot ({error}): {again}") from error
    if found.format != FORMAT:
        raise SnapshotError(f"{file} has format {found.format}, this platform reads {FORMAT}: {again}")
    return found
