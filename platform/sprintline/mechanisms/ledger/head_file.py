"""The ledger's head, kept in a file of its own: what a hash chain alone cannot tell is that its end was cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sprintline.base.files import atomic_write
from sprintline.base.hashing import canonical_json
from sprintline.base.locks import access
from sprintline.mechanisms.ledger.chain import EMPTY, Head

_DOMAIN = "sprintline.head.v1"


@dataclass(frozen=True)
class Heads:
    """The last event and the last seal of a records database.

    seals: None in head files that are older than seals. signature: of `text`. accepted: of a copy, from which on copies
    count (`head_copies.py`).
    """

    ledger: Head
    seals: Head | None
    signature: str | None = field(default=None, compare=False)
    accepted: bool = False

    @property
    def known(self) -> Head:
        """The last seal, or the empty log's where it is not known."""
        return self.seals or EMPTY

    def behind(self, other: Heads) -> bool:
        """Whether the other is of a later moment: both chains only grow, under one lock."""
        return (self.ledger.seq, self.known.seq) != (other.ledger.seq, other.known.seq) and (
            self.ledger.seq <= other.ledger.seq and self.known.seq <= other.known.seq
        )

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{_DOMAIN}|{canonical_json(self._content())}"

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {**self._content(), **({"signature": self.signature} if self.signature else {})}

    def _content(self) -> dict[str, Any]:
        of_seals = {} if self.seals is None else {"seals": {"seq": self.seals.seq, "hash": self.seals.hash}}
        accepted = {"accepted": True} if self.accepted else {}
        return {"seq": self.ledger.seq, "hash": self.ledger.hash, **of_seals, **accepted}

    @classmethod
    def of(cls, said: Any) -> Heads:
        """Heads from their JSON values. Raises ValueError, KeyError or TypeError for others."""
        seals = said.get("seals")
        return cls(
            Head(int(said["seq"]), str(said["hash"])),
            None if seals is None else Head(int(seals["seq"]), str(seals["hash"])),
            said.get("signature"),
            bool(said.get("accepted")),
        )


class HeadFile:
    """One small JSON file with sequence number and hash of the newest event and of the newest seal.

    It is written after the append is committed, so it may lag behind by the events of a crash and never runs ahead. A
    ledger that does not contain the event that the head file names has lost its end or was recomputed.

    Its limit: whoever may write the database may usually write this file too, and can then cut both. So it is signed
    (`keys.py`), and copied to a place that hand does not reach where there is one (`head_copies.py`).
    """

    def __init__(self, file: Path) -> None:
        self.file = file

    def read(self) -> Heads | None:
        """The heads; None when there is no file.

        Raises:
            ValueError: the file holds something else. It is replaced whole, so nothing but a hand or a disk did that.
        """
        try:
            content = self.file.read_text("utf-8")
        except FileNotFoundError:
            return None
        try:
            return Heads.of(json.loads(content))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{self.file} is not the head file of a ledger: restore it from the backup of its database"
            ) from error

    def raise_to(self, heads: Heads) -> None:
        """Write the heads unless later ones are there already: of two writers the later may come here first."""
        with self._alone():
            kept = self.read()
            if kept is None or kept.behind(heads):
                self._write(heads)

    def replace(self, heads: Heads) -> None:
        """Write the heads, whatever is there."""
        with self._alone():
            self._write(heads)

    def _write(self, heads: Heads) -> None:
        atomic_write(self.file, canonical_json(heads.as_dict()) + "\n", durable=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with access(self.file, writing=True):
            yield
