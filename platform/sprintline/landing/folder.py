"""The landing folder: what providers drop, `landing/<product>/<source>/<sprint>.csv|.csv.gz|.parquet`.

A file is read whole or refused whole. A refused file moves to `quarantine/` in one step, with the reason beside it;
dropping the fixed file under the same name is enough to go on. Names that start with a dot or end in `.part` or `.tmp`
are still being written and not looked at. `<file>.sha256` beside a file is its checksum.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sprintline.base.failpoints import failpoint
from sprintline.landing.files import LandedFile
from sprintline.landing.quarantine import Quarantined, listing, store
from sprintline.landing.reasons import BadFile, UnsettledFile, refuse
from sprintline.landing.values import Window, check_known_at, check_window
from sprintline.mechanisms.declaration.located_yaml import closest
from sprintline.product.runtime import Runtime

if TYPE_CHECKING:
    import pandas as pd

    from sprintline.landing.contracts import Contract

__all__ = [
    "BadFile", "LandedFile", "Landing", "Problem", "Quarantined", "Scan", "UnsettledFile", "check_known_at",
    "check_window",
]  # fmt: skip

FORMS = (".csv", ".csv.gz", ".parquet")
#: A file is taken once it has not changed for this long.
SETTLE_SECONDS = 1.0

_FOLDER = re.compile(r"[a-z][a-z0-9_]*")
_SPRINT_KEY = re.compile(r"\d{4}-S\d{2,3}")
_CHECKSUM = ".sha256"
_UNFINISHED = (".part", ".tmp")


@dataclass(frozen=True)
class Problem:
    """A file whose name is wrong; it stays in place. `place` is its path below the landing folder."""

    path: Path
    place: str
    wrong: str
    fix: str

    def __str__(self) -> str:
        return f"{self.place}: {self.wrong}; {self.fix}"


@dataclass(frozen=True)
class Scan:
    """The files of a source's folder by sprint, in the order of their keys, and those with a wrong name."""

    files: dict[str, LandedFile] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


class Landing:
    """The landing folder and its quarantine. Both must be on one file system, so that a move is one step."""

    @classmethod
    def of(cls, runtime: Runtime) -> Landing:
        """The one of a product."""
        return cls(runtime.home.landing, runtime.home.quarantine)

    def __init__(self, landing_root: Path, quarantine_root: Path) -> None:
        self.root = Path(landing_root)
        self.quarantine_root = Path(quarantine_root)

    def folder(self, product: str, source: str) -> Path:
        """Where files of a source land. Raises ValueError for names that cannot be folders."""
        for name in (product, source):
            if not _FOLDER.fullmatch(name):
                raise ValueError(
                    f"{name!r} cannot be a folder of the landing: use small letters, digits and _"
                )
        return self.root / product / source

    def scan(
        self, product: str, source: str, sprints: Collection[str] | None = None, now: float | None = None
    ) -> Scan:
        """The files in a source's folder.

        Args:
            product: its name.
            source: its name.
            sprints: the calendar's keys; None accepts every name of the form `2013-S07`.
            now: seconds since 1970, to decide what has settled; None means the clock.
        """
        folder = self.folder(product, source)
        now = time.time() if now is None else now
        problems: list[Problem] = []
        by_sprint: dict[str, list[LandedFile]] = {}
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            name = path.name
            if name.startswith(".") or name.endswith((*_UNFINISHED, _CHECKSUM)):
                continue
            if odd := _odd_name(path, sprints):
                problems.append(self._problem(path, *odd))
                continue
            sprint = name.partition(".")[0]
            file = self._look(product, source, sprint, path, now)
            if file is not None:
                by_sprint.setdefault(sprint, []).append(file)
        files: dict[str, LandedFile] = {}
        for sprint in sorted(by_sprint):
            several = by_sprint[sprint]
            if len(several) == 1:
                files[sprint] = several[0]
                continue
            names = " and ".join(file.path.name for file in several)
            wrong = f"{names} are both there for {sprint}, and it is unclear which one counts"
            problems += [self._problem(file.path, wrong, "remove all but one") for file in several]
        return Scan(files, tuple(problems))

    def stray_folders(self, product: str, sources: Collection[str]) -> tuple[Problem, ...]:
        """Folders of a product that no source is declared for: files there would wait forever."""
        folder = self.root / product
        problems = []
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if path.name.startswith(".") or (path.is_dir() and path.name in sources):
                continue
            near = closest(path.name, sources)
            fix = (
                f"did you mean {near}/?"
                if near
                else f"use a folder of a declared source: {', '.join(sources)}"
            )
            problems.append(self._problem(path, "no source of this name is declared", fix))
        return tuple(problems)

    def read(self, file: LandedFile, contract: Contract, window: Window | None = None) -> pd.DataFrame:
        """The rows of a file as its contract promises them, in the file's order.

        Types: string `string`, integer `Int64`, number `float64`, boolean `boolean`, date `datetime.date` objects,
        timestamp `datetime64[us, UTC]`. Where the contract names them, `event_at` and `known_at` are added; with a
        window, `event_at` must be inside. `attrs` has `file` and `sha256` of the bytes that were read.

        Raises:
            BadFile: the file must not enter the lake; move it away with `quarantine`.
            UnsettledFile: the file changed or vanished while it was read.
            OSError: the disk could not be read; the file itself may be fine.
        """
        from sprintline.landing.delimited import decode, read_parquet, read_rows, unpack
        from sprintline.landing.values import checked_frame, frame_from_text

        data = self._bytes(file)
        sha256 = hashlib.sha256(data).hexdigest()
        self._verify(file, sha256, contract.checksum_required)
        if file.form == ".parquet":
            from sprintline.landing.parquet import frame_from_table

            typed = frame_from_table(read_parquet(data, contract), contract)
        else:
            rows = read_rows(decode(unpack(data, file.path.name)), contract)
            typed = frame_from_text(rows.columns, rows.lines, contract)
        frame = checked_frame(typed, contract, window)
        frame.attrs = {"file": file.path.name, "sha256": sha256}
        failpoint("landing.read")
        return frame

    def quarantine(
        self,
        file: LandedFile,
        bad: Exception | str,
        before_move: Callable[[Path], None] = lambda _: None,
    ) -> Path:
        """Move a refused file, its checksum and the reason to `quarantine/<product>/<source>/<sprint>/`.

        Every refusal keeps its own copy, also when the same file is refused twice. The reason is written first, so no
        file is ever there without one.

        before_move: gets the path to which the file will move, and records it. If the process is killed afterwards, the
            file is refused once more, to the same path, and none is lost without a record.

        Returns:
            the new path of the file; beside it are `<name>.reason.json` and `<name>.reason.md`.

        Raises:
            UnsettledFile: another file is in its place now (perhaps the fixed one), so nothing was moved.
        """
        self._same(file)
        return store(
            file,
            bad,
            self.quarantine_root,
            self._sidecar(file.path),
            lambda moved: self._is(file, moved),
            before_move,
        )

    def quarantined(
        self, product: str, source: str | None = None, sprint: str | None = None
    ) -> list[Quarantined]:
        """What was refused, oldest first."""
        return listing(self.quarantine_root, product, source, sprint)

    # --- looking at one file ---

    def _problem(self, path: Path, wrong: str, fix: str) -> Problem:
        return Problem(path, path.relative_to(self.root).as_posix(), wrong, fix)

    @staticmethod
    def _sidecar(path: Path) -> Path:
        return path.with_name(path.name + _CHECKSUM)

    def _look(self, product: str, source: str, sprint: str, path: Path, now: float) -> LandedFile | None:
        try:
            state = path.stat()
        except FileNotFoundError:  # taken away between listing and looking
            return None
        facts = [path.name, state.st_size, state.st_mtime_ns]
        quiet_since = _quiet_since(state, now)
        try:
            beside = self._sidecar(path).stat()
            facts += [beside.st_size, beside.st_mtime_ns]
            quiet_since = max(quiet_since, _quiet_since(beside, now))
        except FileNotFoundError:
            pass
        digest = hashlib.sha256("|".join(map(str, facts)).encode()).hexdigest()[:16]
        settled = now - quiet_since >= SETTLE_SECONDS
        return LandedFile(product, source, sprint, path, digest, state.st_size, state.st_mtime_ns, settled)

    def _bytes(self, file: LandedFile) -> bytes:
        try:
            with file.path.open("rb") as stream:
                before = os.fstat(stream.fileno())
                data = stream.read()
                after = os.fstat(stream.fileno())
        except FileNotFoundError:
            raise UnsettledFile(f"{file.path.name} is gone: scan the landing again") from None
        seen = (file.size, file.mtime_ns)
        if seen != (before.st_size, before.st_mtime_ns) or seen != (after.st_size, after.st_mtime_ns):
            raise UnsettledFile(f"{file.path.name} changed since it was seen: scan the landing again")
        return data

    def _is(self, file: LandedFile, path: Path) -> bool:
        try:
            state = path.stat()
        except FileNotFoundError:
            return False
        return (state.st_size, state.st_mtime_ns) == (file.size, file.mtime_ns)

    def _same(self, file: LandedFile) -> None:
        if not self._is(file, file.path):
            wrong = "was replaced or removed after it was checked: it was not moved, scan the landing again"
            raise UnsettledFile(f"{file.path.name} {wrong}")

    def _verify(self, file: LandedFile, sha256: str, required: bool) -> None:
        """Compare the hash of the bytes with the checksum file beside the file."""
        sidecar = self._sidecar(file.path)
        try:
            text = sidecar.read_bytes()[:4096].decode("ascii", errors="replace")
        except FileNotFoundError:
            if not required:
                return
            wrong = f"the contract requires a checksum, and {sidecar.name} is not there"
            right = f"drop it first, then the file: sha256sum {file.path.name} > {sidecar.name}"
            raise refuse("checksum_missing", wrong, right) from None
        said = (text.split() or [""])[0].lower().removeprefix("\\")
        if not re.fullmatch(r"[0-9a-f]{64}", said):
            wrong = f"{sidecar.name} does not start with a SHA-256 (64 hexadecimal digits)"
            raise refuse(
                "checksum_unreadable", wrong, f"write it with sha256sum {file.path.name} > {sidecar.name}"
            )
        if said != sha256:
            wrong = f"the file's SHA-256 is {sha256[:12]}…, {sidecar.name} says {said[:12]}…: its bytes were changed"
            raise refuse("checksum", wrong, "send the file again together with its checksum")


def _quiet_since(state: os.stat_result, now: float) -> float:
    """When the file was last written. A time in the future (a wrong clock, a restored file) would never pass: then the
    time of the last change in this machine's file system counts, which no program can set.
    """
    return state.st_mtime if state.st_mtime <= now else state.st_ctime


def _odd_name(path: Path, sprints: Collection[str] | None) -> tuple[str, str] | None:
    """What is wrong with a file's name and how to fix it, or None."""
    name = path.name
    if not path.is_file():
        return "this is not a file", "put the file itself here, named <sprint>.csv, .csv.gz or .parquet"
    sprint, _, rest = name.partition(".")
    form = f".{rest}"
    if form not in FORMS:
        near = next((known for known in sorted(FORMS, key=len, reverse=True) if known in form.lower()), None)
        fix = f"name it {sprint}{near}" if near else f"known are {', '.join(FORMS)}"
        return f"files are not read as '{form[:20]}'" if rest else "the name has no ending", fix
    if sprints is not None and sprint not in sprints:
        near = closest(sprint, sprints)
        fix = (
            f"did you mean {near}{form}?"
            if near
            else f"name it by a sprint of the calendar, as 2013-S07{form}"
        )
        return f"'{sprint[:40]}' is not a sprint of the calendar", fix
    if sprints is None and not _SPRINT_KEY.fullmatch(sprint):
        return f"'{sprint[:40]}' is not a sprint key", f"name it by year and number, as 2013-S07{form}"
    return None
