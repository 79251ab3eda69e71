"""The ledger's head, kept in a file of its own: what a hash chain alone cannot tell is that its end was cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sprintline.base.files import atomic_write
from sprintline.base.hashing import canonical_json
from sprintline.base.locks import access
from sprintline.mechanisms.ledger.chain import Head


class HeadFile:
    """One small JSON file with the sequence number and hash of the newest event that was appended.

    It is written after the append is committed, so it may lag behind by the events of a crash and never runs ahead. A
    ledger that does not contain the event that the head file names has lost its end or was recomputed.

    Its limit: whoever may write the database may usually write this file too, and can then cut both. It finds accidents
    (a restored older copy, a lost write) and a careless hand; against a deliberate one heads must be signed and copied
    to a place that hand does not reach.
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> Head | None:
        """The head; None when there is no file.

        Raises:
            ValueError: the file holds something else. It is replaced whole, so nothing but a hand or a disk did that.
        """
        try:
            content = self.file.read_text("utf-8")
        except FileNotFoundError:
            return None
        try:
            said = json.loads(content)
            return Head(int(said["seq"]), str(said["hash"]))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(
                f"{self.file} is not the head file of a ledger: restore it from the backup of its database"
            ) from error

    def raise_to(self, head: Head) -> None:
        """Write the head unless a later one is there already: of two appends the later may come here first."""
        with self._alone():
            kept = self.read()
            if kept is None or kept.seq < head.seq:
                self._write(head)

    def replace(self, head: Head) -> None:
        """Write the head, whatever is there."""
        with self._alone():
            self._write(head)

    def _write(self, head: Head) -> None:
        atomic_write(self.file, canonical_json({"seq": head.seq, "hash": head.hash}) + "\n", durable=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with access(self.file, writing=True):
            yield
