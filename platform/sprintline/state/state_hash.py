"""One hash for all that a state folder holds: equal when the contents are, whatever ids, clocks and files say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from sprintline.base.hashing import canonical_json, text_hash


@dataclass(frozen=True, order=True)
class Part:
    """The content of one table, of one sprint of it where it has sprints.

    room: `lake` (raw, offline features, predictions), `warehouse` or `online`.
    table: as its room calls it. sprint: empty for a table without sprints.
    rows, hash: how many rows, and the hash of what they say.
    """

    product: str
    room: str
    table: str
    sprint: str
    rows: int
    hash: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def state_hash(parts: Iterable[Part]) -> str:
    """The hash of all parts, in whatever order they come; of no part, that of an empty list."""
    return text_hash(canonical_json([one.as_dict() for one in sorted(parts)]))
