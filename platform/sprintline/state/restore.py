"""A backup back in place: unpacked beside the state folder and proven there, then swapped in, at whatever path."""

from __future__ import annotations

import json
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sprintline.base.processes import working_on
from sprintline.base.settings import Home
from sprintline.mechanisms.ledger.chain import Head
from sprintline.state.backup import (
    FORMAT,
    KEEPING,
    MANIFEST,
    RECORDS,
    BackupError,
    Hashing,
    Manifest,
    Told,
    keeping,
    prove_seal,
    settle,
)

_PIECE = 1 << 20


@dataclass(frozen=True)
class Restored:
    """What restoring did.

    aside: where the folder that was there before lies now; None when there was none.
    moved: whether it lies at another place than it was taken from.
    notes: what a person should know, a sentence each.
    """

    manifest: Manifest
    aside: Path | None
    moved: bool
    notes: list[str]


def restore(
    file: Path, home: Home, *, replace: bool = False, report: Told = lambda _name, _size: None
) -> Restored:
    """Put a backup in the place of the state folder: unpacked and proven beside it, then swapped in.

    Raises:
        BackupError: the folder is in use or, without `replace`, not empty; the file is damaged, cut, or too new; the
            disk is full. The folder is as it was then.
    """
    _may_begin(file, home, replace)
    home.root.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=home.root.parent, prefix=f".{home.root.name}.restoring-"))
    try:
        prove_seal(file)
        manifest = _unpack(file, fresh, report)
        notes = _prove(manifest, Home(fresh), home) + manifest.lacks
        with keeping(home, alone=True):
            aside = _swap(fresh, home.root)
    except OSError as error:
        raise BackupError(
            f"{file} cannot be restored to {home.root} ({error.strerror or error}): free the disk, or set "
            "SPRINTLINE_HOME to another folder; what was there is unchanged"
        ) from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return Restored(manifest, aside, manifest.home != str(home.root), notes)


def _may_begin(file: Path, home: Home, replace: bool) -> None:
    if not file.is_file():
        raise BackupError(f"{file} is no file: name a backup that `sprintline backup` made")
    if running := working_on(home):
        report = "; ".join(f"{pid} {command[:60]}" for pid, command in sorted(running.items())[:3])
        raise BackupError(f"{home.root} is in use ({report}): end that first")
    if not replace and home.root.exists() and any(one.name != KEEPING for one in home.root.iterdir()):
        raise BackupError(
            f"{home.root} is not empty: set SPRINTLINE_HOME to a new folder, or give --replace (its content is "
            "moved aside, not removed)"
        )


def _unpack(file: Path, fresh: Path, report: Told) -> Manifest:
    import pyarrow as pa

    found: dict[str, dict[str, Any]] = {}
    said: bytes | None = None
    try:
        with (
            pa.input_stream(str(file), compression="zstd") as packed,
            tarfile.open(fileobj=packed, mode="r|") as archive,
        ):
            for entry in archive:
                content = archive.extractfile(entry) if entry.isreg() else None
                if content is None:
                    raise BackupError(
                        f"{file} holds {entry.name}, which is no plain file: it is no backup of Sprintline's"
                    )
                if entry.name == MANIFEST:
                    said = content.read()
                    continue
                place = tarfile.data_filter(entry, str(fresh)).name
                target = fresh / place
                target.parent.mkdir(parents=True, exist_ok=True)
                counted = Hashing(content)
                with target.open("wb") as out:
                    shutil.copyfileobj(counted, out, _PIECE)
                found[entry.name] = {"sha256": counted.hash.hexdigest(), "size": entry.size}
                report(entry.name, entry.size)
    except (tarfile.TarError, EOFError, pa.ArrowException) as error:
        raise BackupError(
            f"{file} is damaged or no backup of Sprintline's ({error}): use another one"
        ) from error
    except OSError as error:
        if error.errno is not None:
            raise
        raise BackupError(
            f"{file} is damaged or no backup of Sprintline's ({error}): use another one"
        ) from error
    if said is None:
        raise BackupError(
            f"{file} has no end: it was cut off while it was written or copied; use another one"
        )
    return _manifest(file, said, found)


def _manifest(file: Path, said: bytes, found: dict[str, dict[str, Any]]) -> Manifest:
    try:
        report = json.loads(said)
        newer = report["format"] > FORMAT
        manifest = None if newer else Manifest(**report)
    except (ValueError, KeyError, TypeError) as error:
        raise BackupError(f"{file}: its manifest cannot be read ({error}): use another backup") from error
    if manifest is None:
        raise BackupError(f"{file} was made by a newer Sprintline ({report.get('sprintline')}): use that one")
    wrong = sorted(name for name in {*found, *manifest.files} if found.get(name) != manifest.files.get(name))
    if wrong:
        raise BackupError(
            f"{file} is damaged: {', '.join(wrong[:3])} is not as it was saved; use another backup"
        )
    return manifest


def _prove(manifest: Manifest, fresh: Home, home: Home) -> list[str]:
    """Nothing is put in place that this Sprintline cannot read or that does not hold. Returns what to tell."""
    from sprintline.mechanisms.ledger.record_tables import SCHEMA_VERSION
    from sprintline.state.moved_paths import relocate_models

    notes = []
    head = Head(manifest.ledger["seq"], manifest.ledger["hash"])
    if manifest.schema is not None and manifest.schema > SCHEMA_VERSION:
        raise BackupError(
            f"the backup's records have schema {manifest.schema}, this Sprintline knows {SCHEMA_VERSION}: restore it "
            f"with Sprintline {manifest.sprintline} or a newer one"
        )
    if manifest.schema is not None:
        if manifest.schema < SCHEMA_VERSION:
            _migrate(fresh)
            notes.append(f"its records had schema {manifest.schema} and were migrated to {SCHEMA_VERSION}")
        notes += _prove_ledger(fresh, home, head)
    mlflow = home.mlflow_url
    there = fresh.models / "mlflow.db"
    if mlflow.startswith("sqlite"):
        mlflow = f"sqlite:///{there}" if there.exists() else ""
    if mlflow:
        relocate_models(fresh.models, mlflow, home.models)
    if manifest.schema is not None and not home.records_url.startswith("sqlite"):
        notes += _to_server(fresh, home, head)
    return notes


def _migrate(fresh: Home) -> None:
    """Bring the records to this Sprintline's schema: only then can their ledger be verified."""
    from sprintline.base.databases import RecordsError
    from sprintline.mechanisms.ledger.records import Records

    file = fresh.root / RECORDS
    try:
        Records.migrate(f"sqlite:///{file}")
    except RecordsError as error:
        raise BackupError(
            f"the records in the backup cannot be migrated ({error}): use another one"
        ) from error
    settle(file)


def _prove_ledger(fresh: Home, home: Home, head: Head) -> list[str]:
    """Chain, verdicts and measurements hold; whether this machine also knows who signed them is a note."""
    from sprintline.mechanisms.ledger.keys import NO_KEYS
    from sprintline.mechanisms.ledger.records import Records

    url = f"sqlite:///{fresh.root / RECORDS}"
    records = Records(url, head_file=fresh.ledger_head, keys=NO_KEYS)
    report = records.verify()
    records.close()
    signed = Records(url, head_file=fresh.ledger_head)
    trouble = signed.trouble() if report.broken is None else None
    signed.close()
    settle(fresh.root / RECORDS)
    if report.broken is not None:
        raise BackupError(
            f"the ledger in the backup does not hold at event {report.broken.seq} ({report.broken.why}): use an older "
            "backup"
        )
    if report.head != head:
        raise BackupError(
            f"the ledger in the backup ends at event {report.head.seq}, not {head.seq}: use another backup"
        )
    if report.records.broken is not None:
        raise BackupError(
            f"the log of verdicts and measurements in the backup does not hold ({report.records.broken}): use an older "
            "backup"
        )
    notes = []
    if report.records.changed:
        notes.append(
            f"verdicts and measurements that were not as they were written when it was saved: "
            f"{len(report.records.changed)}; sprintline ledger verify names them"
        )
    if trouble is not None:
        where = trouble.replace(str(fresh.root), str(home.root))
        notes.append(
            f"nothing is appended yet, for {where}; if it is right as it is: sprintline ledger accept"
        )
    return notes


def _to_server(fresh: Home, home: Home, head: Head) -> list[str]:
    """Records that live on a server come there from the backup, if it has none; what it has is never replaced."""
    from sprintline.mechanisms.ledger.copy import carries, copy_records

    carried = carries(home.records_url, head)
    if carried is False:
        raise BackupError(
            f"the records on the server do not carry the backup's last event {head.seq}, so they are of another "
            "history: let SPRINTLINE_RECORDS_URL name an empty database"
        )
    if carried is None:
        copy_records(f"sqlite:///{fresh.root / RECORDS}", home.records_url)
        said = f"its records were copied to the server, up to event {head.seq}"
    else:
        said = f"the records on the server go on from the backup's event {head.seq} and were left as they are"
    (fresh.root / RECORDS).unlink()
    return [said]


def _swap(fresh: Path, root: Path) -> Path | None:
    """Put the new folder in the place of the old one, which comes back if that fails."""
    if all(one.name == KEEPING for one in root.iterdir()):
        shutil.rmtree(root)
        fresh.rename(root)
        return None
    aside = root.with_name(f"{root.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%S}")
    root.rename(aside)
    try:
        fresh.rename(root)
    except BaseException:
        aside.rename(root)
        raise
    return aside
