"""Quarantine: refused files, each with the reason beside it, as `quarantine/<product>/<source>/<sprint>/`.

A refused file is named `<UTC stamp>-<first digits of its SHA-256>-<name>`, so that nothing that was refused is ever
overwritten, and the same bytes can be recognised.
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
    """A refused file: where it lies, whose it was, when and why it was refused."""

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
    told = {
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
        _beside(target, _REASON): json.dumps(told, indent=2, ensure_ascii=False) + "\n",
        _beside(target, ".reason.md"): _markdown(told),
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
        # The provider replaced the file between the last look and the move: what moved was never judged. Put it back,
        # unless yet another one has come, which then is the newest word and keeps the place.
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
        told = json.loads(note.read_text("utf-8"))
        found.append(
            Quarantined(
                path,
                told["product"],
                told["source"],
                told["sprint"],
                told["quarantined_at"],
                told["sha256"],
                told["reason"],
                told["details"],
            )
        )
    return sorted(found, key=lambda one: (one.at, str(one.path)))


def _unfinished(folder: Path, sha256: str, name: str) -> Path | None:
    """The place where a refusal of the same bytes was begun and never ended: whoever did so was killed."""
    for note in sorted(folder.glob(f"*-{sha256[:12]}-{name}{_REASON}")):
        target = note.with_name(note.name.removesuffix(_REASON))
        if not target.exists():
            return target
    return None


def _reserve_name(folder: Path, stem: str, name: str) -> Path:
    """A name in `folder` that nobody has. It is reserved by creating the reason's file, which fails if it exists."""
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


def _markdown(told: dict[str, Any]) -> str:
    reason = told["reason"] if told["reason"].startswith("- ") else f"- {told['reason']}"
    return (
        f"# {told['file']} of {told['source']} was refused\n\n"
        f"Product {told['product']}, sprint {told['sprint']}, {told['quarantined_at']}.\n\n"
        f"## What is wrong\n\n{reason}\n\n"
        f"## How to fix it\n\n"
        f"Fix the file where it is made, then {told['fix']}"
        f" (as .csv, .csv.gz or .parquet). Nothing else is needed: the sprint goes on by itself.\n\n"
        f"Refused bytes: {told['size']:,}, SHA-256 `{told['sha256']}`.\n"
    )
