"""What the online store says: features served to rows, and what was published to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Published:
    """The result of publishing one view.

    keys: entities written; 0 when `why` says why nothing was done.
    newest: the newest event in the online store afterwards.
    """

    view: str
    keys: int
    newest: datetime | None
    why: str = ""


@dataclass(frozen=True)
class OnlineAnswer:
    """Served feature values, a list per column in the order of the requested rows.

    values: by feature; None where the state of its view is not "fresh".
    moments: by view, the event moment the values are of (None if there are none).
    states: by view, "fresh", "stale" (older than ttl), "missing" or "ahead" (of a future moment).
    """

    values: dict[str, list[Any]]
    moments: dict[str, list[datetime | None]]
    states: dict[str, list[str]]

    @property
    def fresh(self) -> bool:
        """Whether every view answered every row with a usable value."""
        return all(state == "fresh" for column in self.states.values() for state in column)
