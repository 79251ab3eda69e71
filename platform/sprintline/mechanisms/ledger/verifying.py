"""Whether verdicts and measurements are as they were written, and what closings and decisions were based on.

The ledger's own chain is `chain.py`'s; this reads the log of writes (`seals.py`) once and compares it with the rows and
with the events that carry its end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import sqlalchemy as sa

from sprintline.mechanisms.ledger import seals
from sprintline.mechanisms.ledger.bodies import keys_of
from sprintline.mechanisms.ledger.chain import GENESIS, Event, Head
from sprintline.mechanisms.ledger.changed_records import RESTS_ON, Changed, RestsOn
from sprintline.mechanisms.ledger.events import catalogue
from sprintline.mechanisms.ledger.rows import begun
from sprintline.mechanisms.ledger.seals import FOUND


@dataclass
class Based:
    """Events that say what they are based on, and those that should and, being older, do not."""

    events: list[Event] = field(default_factory=list)
    without: list[Event] = field(default_factory=list)

    def take(self, event: Event) -> None:
        """Look at an event."""
        if isinstance(event.body.get(RESTS_ON), dict):
            self.events.append(event)
        elif event.kind in _kinds_that_say():
            self.without.append(event)


@dataclass(frozen=True)
class RecordsReport:
    """What reading verdicts, measurements and their seals found.

    Attributes:
        broken: why the log of writes does not hold; None when it does.
        changed: rows that are not as they were written.
        end: the last seal.
        found: rows that were there before seals were.
        covered: events whose base was read again and is as they say.
        without: numbers of older events that do not say what they are based on.
    """

    broken: str | None
    changed: tuple[Changed, ...]
    end: Head
    found: int
    covered: int
    without: tuple[int, ...]


@cache
def _kinds_that_say() -> frozenset[str]:
    return frozenset(name for name, kind in catalogue().items() if RESTS_ON in keys_of(kind.body))


def check_records(connection: sa.Connection, based: Based) -> RecordsReport:
    """Read the whole log and every row, and compare."""
    wrong: list[str] = []
    stops: dict[int, list[Event]] = {}
    for event in based.events:
        stops.setdefault(int(event.body[RESTS_ON].get("seal", 0)), []).append(event)

    def compare(seq: int, hash_: str, then: Callable[[str, str], RestsOn]) -> None:
        for event in stops[seq]:
            said = event.body[RESTS_ON]
            if said.get("seal_hash") != hash_ or said != then(event.product, event.sprint or ""):
                wrong.append(
                    f"the log of verdicts and measurements up to seal {seq} is not the one that event {event.seq} "
                    f"({_named(event)}) is based on: it was recomputed"
                )

    written, end, broken = seals.replayed(
        connection,
        {seq: lambda hash_, then, seq=seq: compare(seq, hash_, then) for seq in stops},  # type: ignore[misc]
    )
    for event in stops.get(0, ()):
        if event.body[RESTS_ON].get("seal_hash") != GENESIS:
            wrong.append(f"event {event.seq} ({_named(event)}) is based on a log of writes that is not there")
    if broken is None and (after := [seq for seq in stops if seq > end.seq]):
        event = stops[min(after)][0]
        broken = (
            f"seals from {end.seq + 1} on are missing: event {event.seq} ({_named(event)}) is based on seal "
            f"{min(after)}"
        )
    broken = broken or next(iter(wrong), None)
    newest = cache(lambda product: begun(connection, product)[1])
    changed = tuple(seals.differences(written, seals.lying_there(connection), newest))
    found = connection.execute(sa.select(sa.func.count()).where(seals.SEALS.c.said == FOUND)).scalar_one()
    covered = len(based.events) if broken is None else 0
    return RecordsReport(broken, changed, end, found, covered, tuple(one.seq for one in based.without))


def _named(event: Event) -> str:
    return f"{event.kind} of {event.product} {event.sprint}" if event.sprint else event.kind
