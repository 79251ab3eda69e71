"""A state folder in one file, taken while the platform runs. `state/restore.py` puts it back.

Consistent while the platform runs: SQLite is copied by its own backup, a warehouse under its lock, in the reverse of
the order of writing. The ledger's head file comes first, then the records, then what they name: that was on the disk
before the decision, so it is in the file. A run that was under way is found as a run that died.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sqlite3
import struct
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from sprintline.base.locks import access, file_lock
from sprintline.base.settings import Home
from sprintline.base.version import VERSION
from sprintline.mechanisms.ledger.chain import EMPTY

FORMAT = 2
MANIFEST = "manifest.json"
SUFFIX = ".tar.zst"
RECORDS = "records.db"

#: Taken by whoever needs the folder's files to stay: shared by backups, alone by pruning and restoring.
KEEPING = ".keeping"

_CACHES = ("dbt", "models/locks", "processes")
_HIDDEN_BUT_KEPT = (".prepared.json",)
_SQLITE = b"SQLite format 3\0"

# A frame that every zstd skips: https://datatracker.ietf.org/doc/html/rfc8878#section-3.1.2
_SEAL = struct.pack("<II", 0x184D2A50, hashlib.sha256().digest_size)

Told = Callable[[str, int], None]
"""Hears of every file that is done: its name and its size."""


class BackupError(RuntimeError):
    """A backup cannot be made or restored; the message says why and what to do. What stood stands."""


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself, the last entry of the archive.

    Attributes:
        home: the state folder it was taken of.
        schema: schema version of the records; None without any.
        ledger: sequence number and hash of the ledger's last event.
        lacks: what lives elsewhere and how to save it, a sentence each.
        files: by name, SHA-256 and size in bytes.
    """

    home: str
    sprintline: str
    at: str
    schema: int | None
    ledger: dict[str, Any]
    lacks: list[str] = field(default_factory=list)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    format: int = FORMAT

    @property
    def size(self) -> int:
        """Bytes of all files, unpacked."""
        return sum(one["size"] for one in self.files.values())


@contextmanager
def keeping(home: Home, *, alone: bool = False) -> Iterator[None]:
    """Hold the folder's files in place. Raises BackupError when somebody else needs the opposite now."""
    home.root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as held:
        try:
            held.enter_context(file_lock(home.root / KEEPING, shared=not alone, wait=False))
        except BlockingIOError:
            raise BackupError(
                f"{home.root} is being backed up, pruned or restored by another process: try again when that is done"
            ) from None
        yield


def back_up(home: Home, file: Path, report: Told = lambda _name, _size: None) -> Manifest:
    """Write the state folder into a new file. Whole or not at all; runs may go on.

    Raises:
        BackupError: there is nothing to save, the file is there already or lies in the folder, the disk is full.
    """
    file = file.absolute()
    if file.exists():
        raise BackupError(f"{file} is there already: a backup is never overwritten, name another file")
    if file.is_relative_to(home.root):
        raise BackupError(
            f"{file} lies in the state folder and would hold itself: name a place outside {home.root}"
        )
    if not home.root.is_dir() or not any(one.name != KEEPING for one in home.root.iterdir()):
        raise BackupError(f"there is nothing to back up in {home.root}")
    try:
        with (
            keeping(home),
            tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as scratch,
        ):
            whole = Path(scratch) / "whole"
            manifest = _write(home, whole, Path(scratch), report)
            _seal(whole)
            whole.chmod(0o600)
            os.link(whole, file)  # fails where a file has come meanwhile, a rename would replace it
    except (OSError, sqlite3.Error) as error:
        raise BackupError(
            f"{file} cannot be written ({getattr(error, 'strerror', None) or error}): free the disk or name another "
            "place; no half backup is left"
        ) from error
    return manifest


def _write(home: Home, whole: Path, scratch: Path, report: Told) -> Manifest:
    import pyarrow as pa

    files: dict[str, dict[str, Any]] = {}
    with (
        whole.open("wb") as raw,
        pa.CompressedOutputStream(pa.PythonFile(raw), "zstd") as packed,
        tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive,
    ):

        def add(name: str, source: Path) -> None:
            with source.open("rb") as content:
                entry = archive.gettarinfo(arcname=name, fileobj=content)
                entry.uid, entry.gid, entry.uname, entry.gname = 0, 0, "", ""
                counted = Hashing(content)
                archive.addfile(entry, counted)  # type: ignore[arg-type]
            files[name] = {"sha256": counted.hash.hexdigest(), "size": entry.size}
            report(name, entry.size)

        copy = scratch / "copy"
        if home.ledger_head.exists():
            add(home.ledger_head.name, home.ledger_head)
        schema, head = None, EMPTY
        if _records(home, copy):
            schema, head = _heads(copy)
            add(RECORDS, copy)
        for name in _names(home):
            _add(home.root / name, name, copy, add)
        manifest = Manifest(
            str(home.root),
            VERSION,
            datetime.now(UTC).isoformat(timespec="seconds"),
            schema,
            {"seq": head.seq, "hash": head.hash},
            _elsewhere(home),
            files,
        )
        said = json.dumps(asdict(manifest), indent=1).encode()
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(said)
        archive.addfile(entry, io.BytesIO(said))
    return manifest


def _seal(whole: Path) -> None:
    """End the file with the SHA-256 of all of it: names, times and paddings too, which no file's own hash covers."""
    with whole.open("r+b") as content:
        digest = hashlib.file_digest(content, "sha256").digest()
        content.write(_SEAL + digest)


def prove_seal(file: Path) -> None:
    """Raises BackupError when the file was cut or one bit of it is not as it was written."""
    length = max(file.stat().st_size - len(_SEAL) - hashlib.sha256().digest_size, 0)
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while left := length - content.tell():
            digest.update(content.read(min(left, 1 << 20)))
        seal = content.read()
    if not seal.startswith(_SEAL):
        raise BackupError(
            f"{file} has no end: it is no backup of Sprintline's or was cut off while it was written or copied; use "
            "another one"
        )
    if seal != _SEAL + digest.digest():
        raise BackupError(f"{file} is damaged: it is not as it was written; use another backup")


def _add(file: Path, name: str, copy: Path, add: Callable[[str, Path], None]) -> None:
    try:
        if file.suffix == ".duckdb":
            with access(file):
                for one in (file, file.with_name(f"{file.name}.wal")):
                    if one.exists():
                        add(str(PurePosixPath(name).with_name(one.name)), one)
        elif _is_sqlite(file):
            _copy_sqlite(file, copy)
            add(name, copy)
        else:
            add(name, file)
    except FileNotFoundError:
        return  # a temporary file of somebody's, gone since it was listed


def _names(home: Home) -> list[str]:
    """Every file to keep but the ledger's, in the order of copying: registers before what they name, logs first."""
    ranks = (
        "models/mlflow.db",
        "dagster/",
        "features/",
        "models/",
        "/_delta_log/_last_checkpoint",
        "/_delta_log/",
    )
    found = []
    for folder, folders, names in os.walk(home.root):
        place = PurePosixPath(Path(folder).relative_to(home.root).as_posix())
        folders[:] = sorted(
            one for one in folders if not one.startswith(".") and str(place / one) not in _CACHES
        )
        for one in names:
            path, on_disk = str(place / one), Path(folder) / one
            if one.startswith(".") and one not in _HIDDEN_BUT_KEPT:
                continue  # locks, turns and files that are being written
            if (
                one.endswith(("-wal", "-shm", "-journal", ".duckdb.wal"))
                or not on_disk.is_file()
                or on_disk.is_symlink()
            ):
                continue  # part of a database that is copied as a whole; sockets
            if path not in (RECORDS, home.ledger_head.name):
                found.append(path)

    def rank(path: str) -> tuple[int, str]:
        return next(
            (at for at, mark in enumerate(ranks) if mark in f"/{path}" or path.startswith(mark)), len(ranks)
        ), path

    return sorted(found, key=rank)


def _records(home: Home, copy: Path) -> bool:
    """The records as a SQLite file at `copy`, wherever they are kept; False when there are none."""
    if not home.records_url.startswith("sqlite"):
        from sprintline.mechanisms.ledger.copy import copy_records

        copy_records(home.records_url, f"sqlite:///{copy}")
        settle(copy)
        return True
    from sqlalchemy import make_url

    file = Path(str(make_url(home.records_url).database))
    if not file.exists():
        return False
    _copy_sqlite(file, copy)
    return True


def _copy_sqlite(file: Path, copy: Path) -> None:
    copy.unlink(missing_ok=True)
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=60)) as source:
        with closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    settle(copy)


def settle(file: Path) -> None:
    """All of a database in its one file, and no file beside it."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")


def _heads(records: Path) -> tuple[int | None, Any]:
    from sprintline.base.databases import connect
    from sprintline.mechanisms.ledger.copy import head_of
    from sprintline.mechanisms.ledger.record_tables import version_of

    engine, _ = connect(f"sqlite:///{records}")
    try:
        with engine.connect() as connection:
            schema = version_of(connection)
            head = EMPTY if schema is None else head_of(connection)
    finally:
        engine.dispose()
    settle(records)
    return schema, head


def _is_sqlite(file: Path) -> bool:
    with file.open("rb") as content:
        return content.read(len(_SQLITE)) == _SQLITE


def _elsewhere(home: Home) -> list[str]:
    """What a setting keeps on a server, and is not in the file."""
    servers = {
        "MLflow's runs and versions": home.mlflow_url,
        "Dagster's runs and events": home.dagster_url or "sqlite",
    }
    return [
        f"{what} are on a PostgreSQL server: save them with pg_dump at the same time"
        for what, url in servers.items()
        if not url.startswith("sqlite")
    ]


class Hashing:
    """A file that is hashed as it is read."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content, self.hash = content, hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        piece = self._content.read(size)
        self.hash.update(piece)
        return piece
