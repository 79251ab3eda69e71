"""What of a state folder may go after a while. Verdicts, ledger, models, reports' figures and landed files never do."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sprintline.base.settings import Home, days
from sprintline.lake.tables import Lake, LakeError

#: Files that are older than this have surely been let go by whoever wrote them.
SETTLED = timedelta(hours=1)


@dataclass(frozen=True)
class Pruned:
    """What was removed of one kind, or would be.

    Attributes:
        what: the kind.
        keep_days: how long it is kept; None where age plays no part.
        removed: how many files, or runs whose logs went.
        freed: bytes.
        note: why something stayed, if a person should know.
    """

    what: str
    keep_days: int | None
    removed: int
    freed: int
    note: str = ""


def prune_files(home: Home, now: datetime, *, dry: bool) -> list[Pruned]:
    """Remove what is old enough in every room but Dagster's. Raises SettingError before anything is removed."""
    pages, quarantine = days("SPRINTLINE_KEEP_PAGES_DAYS"), days("SPRINTLINE_KEEP_QUARANTINE_DAYS")
    dbt, lake = days("SPRINTLINE_KEEP_DBT_DAYS"), days("SPRINTLINE_KEEP_LAKE_DAYS")
    left = [
        *home.dbt.glob("*/logs/**/*"),
        *home.dbt.glob("*/target/run/**/*"),
        *home.dbt.glob("*/target/compiled/**/*"),
    ]
    return [
        Pruned("lake files", lake, *_lake(home, lake, dry=dry)),
        _old("drift pages", pages, home.reports.glob("*/*/*.html"), now, dry=dry),
        _old("refused files", quarantine, home.quarantine.glob("*/*/*/*"), now, dry=dry),
        _old("dbt's logs and compiled SQL", dbt, left, now, dry=dry),
        _write_ahead(home, now, dry=dry),
    ]


def needed_versions(home: Home) -> dict[str, dict[str, set[str]]]:
    """{table: {sprint: content hashes}} of what kept models were made from.

    Raises:
        ReleaseError, ValueError, KeyError: a model's manifest cannot be read, so what it needs is unknown.
    """
    from sprintline.learning.bundles import Release

    needed: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    releases = home.models / "releases"
    for folder in sorted(releases.iterdir()) if releases.is_dir() else []:
        if folder.name.startswith("."):
            continue
        for table, versions in Release.open(folder).manifest["snapshot"]["data_versions"].items():
            for sprint, wanted in versions.items():
                needed[table][sprint].add(wanted)
    return needed


def _lake(home: Home, keep: int, *, dry: bool) -> tuple[int, int, str]:
    """Files of versions that were replaced long ago and that no kept model was made from."""
    from sprintline.learning.bundles import ReleaseError

    lake, removed, freed, notes = Lake(home.lake), 0, 0, []
    try:
        needed = needed_versions(home)
    except (ReleaseError, ValueError, KeyError, OSError) as error:
        return 0, 0, f"nothing was removed, what a model needs is unknown: {error}"
    for table in sorted(
        f"{log.parent.parent.name}/{log.parent.name}" for log in home.lake.glob("*/*/_delta_log")
    ):
        try:
            # Never younger than what a writer may have under way.
            files = lake.vacuum(table, max(timedelta(days=keep), SETTLED), needed.get(table, {}), dry=dry)
        except LakeError as error:
            notes.append(str(error))
            continue
        removed, freed = removed + len(files), freed + sum(files.values())
    return removed, freed, "; ".join(notes)


def _old(what: str, keep: int, files: Iterable[Path], now: datetime, *, dry: bool) -> Pruned:
    gone = [
        (file, file.stat().st_size)
        for file in files
        if file.is_file() and _since(file) < now - timedelta(days=keep)
    ]
    for file, _ in gone if not dry else []:
        file.unlink(missing_ok=True)
    return Pruned(what, keep, len(gone), sum(size for _, size in gone))


def _since(file: Path) -> datetime:
    """Since when a file lies where it is: a refused one says so in its name, for it keeps the provider's own time."""
    try:
        return datetime.strptime(file.name.partition("-")[0], "%Y%m%dT%H%M%S%fZ").replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(file.stat().st_mtime, UTC)


def empty_run_log(file: Path, *, dry: bool) -> tuple[int, int]:
    """Remove the events from the SQLite file of one run, whose assets' history Dagster keeps in its index as well.

    Returns:
        How many events, and how many bytes smaller the file became (dry: may become).
    """
    if not file.exists():
        return 0, 0
    with closing(sqlite3.connect(file, timeout=30)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'event_logs'").fetchone():
            return 0, 0  # its run was killed before its first event
        events = connection.execute("SELECT count(*) FROM event_logs").fetchone()[0]
        before = _with_log(file)
        if not events or dry:
            return events, before if events else 0
        connection.execute("DELETE FROM event_logs")
        connection.commit()
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return events, before - _with_log(file)


def _with_log(file: Path) -> int:
    files = (file, file.with_name(f"{file.name}-wal"))
    return sum(one.stat().st_size for one in files if one.exists())


def _write_ahead(home: Home, now: datetime, *, dry: bool) -> Pruned:
    """Write-ahead logs that ended processes left beside Dagster's files: 4 MB a run, all of it in the database too."""
    found = freed = 0
    for wal in _settled(home.dagster.glob("history/**/*.db-wal"), now):
        size = wal.stat().st_size
        if size and not dry:
            with closing(
                sqlite3.connect(wal.with_name(wal.name.removesuffix("-wal")), timeout=5)
            ) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            size -= wal.stat().st_size if wal.exists() else 0
        if size:
            found, freed = found + 1, freed + size
    return Pruned("write-ahead logs of ended runs", None, found, freed)


def _settled(files: Iterable[Path], now: datetime) -> Iterator[Path]:
    for file in files:
        if datetime.fromtimestamp(file.stat().st_mtime, UTC) < now - SETTLED:
            yield file
