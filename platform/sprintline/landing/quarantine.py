"""Quarantine: refused files, each with the reason beside it, as `quarantine/<product>/<source>/<sprint>/`.

A refused file is named `<UTC time>-<first digits of its SHA-256>-<name>`. So no refused file is ever overwritten, and
the same bytes can be recognised.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sprintline.base.failpoints import failpoint
from sprintline.base.files import atomic_write
from sprintline.landing.reasons import BadFile, UnsettledFile

if TYPE_CHECKING:
    from sprintline.landing.files import LandedFile

_REASON = ".reason.json"


@dataclass(frozen=True)
class Quarantined:
    """A refused file: its path, its source, when and why it was refused."""

    path: Path
    product: str
    source: str
    sprint: str
    at: str
    sha256: str
    reason: str
    details: dict[str, Any]


def store(
    file: LandedFile,
    bad: Exception | str,
    root: Path,
    sidecar: Path,
    is_same: Callable[[Path], bool],
    before_move: Callable[[Path], None],
) -> Path:
    """Move `file` under `root` with its reason and checksum. See `Landing.quarantine`."""
    folder = root / file.product / file.source / file.sprint
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with file.path.open("rb") as stream:
            sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    except FileNotFoundError:
        raise UnsettledFile(f"{file.path.name} is gone: scan the landing again") from None
    at = datetime.now(UTC)
    target = _unfinished(folder, sha256, file.path.name) or _reserve_name(
        folder, f"{at:%Y%m%dT%H%M%S%f}Z-{sha256[:12]}", file.path.name
    )
    fix = f"drop the fixed file as landing/{file.product}/{file.source}/{file.path.name}"
    facts = {
        "product": file.product,
        "source": file.source,
        "sprint": file.sprint,
        "file": file.path.name,
        "quarantined_at": at.isoformat(),
        "sha256": sha256,
        "size": file.size,
        "reason": str(bad),
        "fix": fix,
        "details": bad.details if isinstance(bad, BadFile) else {},
    }
    notes = {
        _beside(target, _REASON): json.dumps(facts, indent=2, ensure_ascii=False) + "\n",
        _beside(target, ".reason.md"): _markdown(facts),
    }
    for path, text in notes.items():
        _write(path, text)
    before_move(target)
    failpoint("quarantine.before_move")
    try:
        os.replace(file.path, target)
    except OSError as error:
        if not target.exists():  # else another process refused the same bytes and moved them here
            for path in notes:
                path.unlink(missing_ok=True)
        if isinstance(error, FileNotFoundError):
            raise UnsettledFile(f"{file.path.name} is gone: scan the landing again") from None
        raise
    if not is_same(target):
        # The provider replaced the file between the last check and the move: the moved file was never checked. Put it
        # back, unless another one has landed since, which is newer and stays.
        _put_back(target, file.path)
        for path in notes:
            path.unlink(missing_ok=True)
        raise UnsettledFile(f"{file.path.name} was replaced while it was moved: scan the landing again")
    if sidecar.exists():
        os.replace(sidecar, _beside(target, ".sha256"))
    _sync(folder)
    failpoint("quarantine.after_move")
    return target


def listing(root: Path, product: str, source: str | None, sprint: str | None) -> list[Quarantined]:
    """What was refused, oldest first; reasons whose file is gone are left out."""
    found = []
    for note in root.glob(f"{product}/{source or '*'}/{sprint or '*'}/*{_REASON}"):
        path = note.with_name(note.name.removesuffix(_REASON))
        if not path.exists():
            continue
        facts = json.loads(note.read_text("utf-8"))
        found.append(
            Quarantined(
                path,
                facts["product"],
                facts["source"],
                facts["sprint"],
                facts["quarantined_at"],
                facts["sha256"],
                facts["reason"],
                facts["details"],
            )
        )
    return sorted(found, key=lambda one: (one.at, str(one.path)))


def _unfinished(folder: Path, sha256: str, name: str) -> Path | None:
    """The path of an interrupted refusal of the same bytes: its process was killed before the move."""
    for note in sorted(folder.glob(f"*-{sha256[:12]}-{name}{_REASON}")):
        target = note.with_name(note.name.removesuffix(_REASON))
        if not target.exists():
            return target
    return None


def _reserve_name(folder: Path, stem: str, name: str) -> Path:
    """A free name in `folder`, reserved by creating the reason's file, which fails if the file exists."""
    number = 0
    while True:
        target = folder / (f"{stem}-{name}" if not number else f"{stem}.{number}-{name}")
        try:
            with _beside(target, _REASON).open("x"):
                return target
        except FileExistsError:
            number += 1


def _beside(target: Path, ending: str) -> Path:
    return target.with_name(target.name + ending)


def _write(path: Path, text: str) -> None:
    atomic_write(path, text, durable=True)


def _put_back(moved: Path, place: Path) -> None:
    try:
        os.link(moved, place)  # unlike a rename, this never overwrites
    except FileExistsError:
        return
    moved.unlink()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _markdown(facts: dict[str, Any]) -> str:
    reason = facts["reason"] if facts["reason"].startswith("- ") else f"- {facts['reason']}"
    return (
        f"# {facts['file']} of {facts['source']} was refused\n\n"
        f"Product {facts['product']}, sprint {facts['sprint']}, {facts['quarantined_at']}.\n\n"
        f"## What is wrong\n\n{reason}\n\n"
        f"## How to fix it\n\n"
        f"Fix the file where it is made, then {facts['fix']}"
        f" (as .csv, .csv.gz or .parquet). Nothing else is needed: the sprint continues by itself.\n\n"
        f"Refused bytes: {facts['size']:,}, SHA-256 `{facts['sha256']}`.\n"
    )
