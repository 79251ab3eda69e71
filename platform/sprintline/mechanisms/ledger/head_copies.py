"""Copies of the ledger's head outside the state folder: what finds an older state that was put back whole.

One file of JSON lines in a folder (`SPRINTLINE_LEDGER_COPY`), one folder for each ledger. A line is added with every
event, after the head file. A line that was cut off by a crash is passed over, and the next event adds a whole one.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from sprintline.base.hashing import canonical_json
from sprintline.mechanisms.ledger.head_file import Heads

NAME = "ledger.heads"
_LAST = 4096
"""Bytes that hold the last lines: each has less than 600."""


class CopyTrouble(ValueError):
    """The copies cannot be read or written; the message says where and what to do."""


@dataclass(frozen=True)
class HeadCopies:
    """The copies of one ledger's heads.

    Attributes:
        folder: where they lie. It is never made: a folder that is not there may be a share that is not mounted.
    """

    folder: Path

    @property
    def file(self) -> Path:
        """The file of the copies."""
        return self.folder / NAME

    def check(self) -> None:
        """Raises CopyTrouble when nothing can be written there: asked before an event is committed."""
        if not self.folder.is_dir():
            raise CopyTrouble(
                f"the folder {self.folder} for copies of the ledger's head is not there: mount or make it, or unset "
                "SPRINTLINE_LEDGER_COPY"
            )
        place = self.file if self.file.exists() else self.folder
        if not os.access(place, os.W_OK):
            raise CopyTrouble(
                f"{place} cannot be written, and a copy of the ledger's head belongs there: let this user write it, or "
                "unset SPRINTLINE_LEDGER_COPY"
            )

    def add(self, heads: Heads) -> None:
        """Add a copy; on return it is on the disk. Raises CopyTrouble."""
        try:
            with self.file.open("a+b") as file:
                if file.tell() and not self._whole():
                    file.write(b"\n")
                file.write(f"{canonical_json(heads.as_dict())}\n".encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise CopyTrouble(
                f"the ledger's head could not be copied to {self.file} ({error.strerror or error}): the event is "
                "recorded, the next one writes the copy; free or mount the disk"
            ) from error

    def last(self) -> Heads | None:
        """The newest copy; None when there is none."""
        lines = self._lines(_LAST)
        return lines[-1] if lines else None

    def all(self) -> list[Heads]:
        """The copies that count, oldest first: those since a person last accepted the ledger as it was."""
        lines = self._lines(None)
        accepted = [at for at, one in enumerate(lines) if one.accepted]
        return lines[accepted[-1] :] if accepted else lines

    def _whole(self) -> bool:
        with self.file.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def _lines(self, last: int | None) -> list[Heads]:
        try:
            with self.file.open("rb") as file:
                if last is not None:
                    size = file.seek(0, os.SEEK_END)
                    file.seek(max(size - last, 0))
                content = file.read()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CopyTrouble(
                f"{self.file}, with copies of the ledger's head, cannot be read ({error.strerror or error})"
            ) from error
        found = []
        for line in content.split(b"\n")[:-1]:  # what no newline ends was cut off while it was written
            try:
                found.append(Heads.of(json.loads(line)))
            except (ValueError, KeyError, TypeError, AttributeError):
                continue  # cut off by a crash, and ended by the next copy
        return found
