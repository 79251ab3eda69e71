"""The ledger in its database: append, read, verify and accept events of a hash chain whose head lies in a file.

The chain (`chain.py`) is appended to under one writer's lock, so that it never forks; the database refuses to change or
remove an event. Its head is written to a file of its own (`head_file.py`), without which a cut end goes unnoticed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sprintline.base.databases import RecordsError, connect, place_of, reading, snapshot, writing
from sprintline.base.failpoints import failpoint
from sprintline.base.hashing import canonical_json, moment_text
from sprintline.mechanisms.ledger import seals
from sprintline.mechanisms.ledger.chain import EMPTY, Broken, Event, Head, check_chain, next_event
from sprintline.mechanisms.ledger.events import ACCEPTED, check_event
from sprintline.mechanisms.ledger.head_file import HeadFile, Heads
from sprintline.mechanisms.ledger.migrate import create_or_check
from sprintline.mechanisms.ledger.record_tables import LEDGER, SEALS
from sprintline.mechanisms.ledger.rows import begun, event_of, event_row, moment_of, unaltered_event
from sprintline.mechanisms.ledger.verifying import Based, RecordsReport, check_records


@dataclass(frozen=True)
class LedgerReport:
    """What verifying the ledger found.

    Attributes:
        ok: the chain holds and contains the head in the head file; verdicts and measurements are as they were written.
        events: how many events the ledger has.
        head: its last event.
        head_file: the head that the head file names; None when there is no such file.
        broken: where the chain first does not hold; None when all of it does.
        records: what was found of verdicts and measurements.
    """

    ok: bool
    events: int
    head: Head
    head_file: Head | None
    broken: Broken | None
    records: RecordsReport


class Ledger:
    """The ledger of a records database; `Records` has verdicts and measurements beside it.

    A fresh database gets its tables on first use, also when several processes are first at once.

    Args:
        url: SQLAlchemy URL, ``sqlite:////…/records.db`` or ``postgresql+…``.
        head_file: where the ledger's head is kept; default ``ledger.head`` beside the SQLite file. For a database
            server it must be named, else the head is not kept and a cut end of the ledger goes unnoticed.
        clock: gives "now" for the moments written; the wall clock by default.
        as_of: gives the platform's time, which events carry beside it; by default it is `clock`'s.

    Raises:
        RecordsError: the database cannot be reached, or its schema is not this version's (then `migrate` or upgrade).
    """

    def __init__(
        self,
        url: str,
        *,
        head_file: Path | str | None = None,
        clock: Callable[[], datetime] | None = None,
        as_of: Callable[[], datetime] | None = None,
    ) -> None:
        self.url = url
        self._clock = clock or (lambda: datetime.now(UTC))
        self._as_of = as_of
        self._engine, file = connect(url)
        place = (
            head_file if head_file is not None else None if file is None else file.with_name("ledger.head")
        )
        self._head_file = None if place is None else HeadFile(Path(place))
        create_or_check(self._engine)
        if self._head_file is not None and not self._head_file.file.exists() and self._head() == EMPTY:
            self._head_file.raise_to(Heads(EMPTY, EMPTY))

    @staticmethod
    def migrate(url: str) -> int:
        """Bring a database that `Records` refuses as too old to this schema, in one transaction.

        Returns:
            The version it had before, 0 for an empty database.

        Raises:
            RecordsError: the database is of a newer version.
        """
        from sprintline.mechanisms.ledger.migrate import migrate

        engine, _ = connect(url)
        try:
            return migrate(engine)
        finally:
            engine.dispose()

    def close(self) -> None:
        """Close the connections; the object can be used again."""
        self._engine.dispose()

    def append(
        self,
        kind: str,
        product: str,
        sprint: str | None,
        actor: str,
        body: Mapping[str, Any],
        key: str | None = None,
        *,
        as_of: datetime | None = None,
    ) -> Event:
        """Append one event; on return it is on the disk, in its place in the chain, and its head in the head file.

        Args:
            kind: one of the catalogue (`mechanisms.ledger.events`), like ``decision``.
            product: the product; empty for the platform's own.
            sprint: the sprint it is about, None for none.
            actor: who did it.
            body: what the catalogue says of this kind, and no personal data: nothing here is ever removed.
            key: makes the append idempotent: where an event of the same kind, product, sprint and key stands already,
                that one is returned and nothing is written, whatever the body.
            as_of: the platform's moment at which it was decided; the platform's now by default.

        Raises:
            EventError: the kind is unknown, or the body does not fit it.
            TypeError, ValueError: the body is nothing JSON can hold.
            RecordsError: the ledger does not carry the event its head file names; nothing is appended to a ledger
                whose end was cut off, since that would hide the cut.
        """
        check_event(kind, body)  # before the lock is taken
        with writing(self._engine) as connection:
            if key is not None:
                if removed := begun(connection, product)[0]:
                    key = f"{key}@{removed}"  # what stands under it from before is no repetition
                query = sa.select(LEDGER).where(
                    LEDGER.c.kind == kind,
                    LEDGER.c.product == product,
                    LEDGER.c.sprint == (sprint or ""),
                    LEDGER.c.key == key,
                )
                if (row := connection.execute(query).mappings().first()) is not None:
                    return event_of(row)
            self._check_head(connection)
            event = self._chain_on(connection, kind, product, sprint, actor, body, key, as_of)
            heads = self._heads(connection)
        failpoint("records.before_head")
        self._raise_head(heads)
        return event

    def events(
        self,
        product: str | None = None,
        kind: str | None = None,
        sprint: str | None = None,
        *,
        after: int = 0,
    ) -> list[Event]:
        """Events in their order, of one product, kind, sprint or all; only those after a sequence number if given.

        Of a product that was removed and created again, those since; without a product, every event.
        """
        query = sa.select(LEDGER).order_by(LEDGER.c.seq)
        for column, value in ((LEDGER.c.product, product), (LEDGER.c.kind, kind), (LEDGER.c.sprint, sprint)):
            if value is not None:
                query = query.where(column == value)
        with reading(self._engine) as connection:
            if product is not None:
                after = max(after, begun(connection, product)[0])
            query = query.where(LEDGER.c.seq > after)
            return [event_of(row) for row in connection.execute(query).mappings()]

    def newest_first(self, product: str, kind: str, upto: str | None = None) -> Iterator[Event]:
        """Events of one kind of a product, newest sprint first, read only as far as they are required.

        upto: only of this sprint and those before it. Of a product that was removed and created again, those since.
        """
        query = sa.select(LEDGER).where(LEDGER.c.product == product, LEDGER.c.kind == kind)
        if upto is not None:
            query = query.where(LEDGER.c.sprint <= upto)
        # The order of the index `ledger_place`: nothing is sorted, nothing older is read.
        query = query.order_by(LEDGER.c.sprint.desc(), LEDGER.c.seq.desc())
        with reading(self._engine) as connection:
            query = query.where(LEDGER.c.seq > begun(connection, product)[0])
            for row in connection.execution_options(yield_per=8).execute(query).mappings():
                yield event_of(row)

    def verify(self) -> LedgerReport:
        """Replay the whole chain and compare it with the head file; finds edits, removals, swaps and a cut end.

        Verdicts and measurements are compared with what was written, and with what closings and decisions say they are
        based on.
        """
        # The head file first: its event was committed before it was written, so a ledger read later contains it.
        trouble = f"the head file {self._head_file.file} is missing" if self._head_file is not None else ""
        try:
            heads = self._heads_in_file()
        except RecordsError as error:
            heads, trouble = None, str(error)
        in_file, based = heads.ledger if heads else None, Based()
        with snapshot(self._engine) as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(LEDGER)).scalar_one()
            broken, seen = _replayed(connection, in_file, based)
            found = check_records(connection, based)
            lost = None if heads is None else _lost_seals(connection, heads)
        if broken is None and self._head_file is not None and heads is None:
            broken = Broken(seen.seq + 1, f"{trouble}: whether events were cut off is unknown")
        if lost and found.broken is None:
            found = replace(found, broken=lost)
        ok = broken is None and found.broken is None and not found.changed
        return LedgerReport(ok, count, seen if broken is None else self._head(), in_file, broken, found)

    def accept(self, actor: str, reason: str) -> Event:
        """Accept the ledger as it is and write its head file again, as after restoring an older database.

        The act is itself an event (kind ``anchor``), with the head that was given up.

        Raises:
            RecordsError: `why_not_accepted` says why.
        """
        if (why := self.why_not_accepted()) is not None or self._head_file is None:
            raise RecordsError(why)
        try:
            heads = self._heads_in_file()
        except RecordsError:
            heads = None
        given_up = heads.ledger if heads else None
        with writing(self._engine) as connection:
            changed = check_records(connection, Based()).changed
            seals.accept(connection, changed, self._sign_seal)
            body: dict[str, Any] = {
                "reason": reason,
                "given_up": None if given_up is None else {"seq": given_up.seq, "hash": given_up.hash},
            }
            if changed:
                body["changed"] = [f"{one.where}: {one.sentence}" for one in changed]
            event = self._chain_on(connection, ACCEPTED, "", None, actor, body, None)
            heads = self._heads(connection)
        self._head_file.replace(heads)
        return event

    def why_not_accepted(self) -> str | None:
        """Why this ledger cannot be accepted: its chain is broken, or nothing is wrong. None when it can be."""
        if self._head_file is None:
            return f"{self._name} has no head file: name one with Records(url, head_file=...)"
        if self.verify().ok:
            return (
                f"{self._name}: the ledger is intact and matches its head file, so there is nothing to accept"
            )
        with snapshot(self._engine) as connection:
            based = Based()
            broken, _ = _replayed(connection, None, based)
            why = broken.why if broken else check_records(connection, based).broken
        if why is None:
            return None
        return f"{self._name}: {why}: a new head file does not repair the chain, restore a backup (sprintline restore)"

    # --- inside -------------------------------------------------------------------------------------------------

    @property
    def _name(self) -> str:
        return f"records database {place_of(self._engine)}"

    def _chain_on(
        self,
        connection: sa.Connection,
        kind: str,
        product: str,
        sprint: str | None,
        actor: str,
        body: Mapping[str, Any],
        key: str | None,
        as_of: datetime | None = None,
    ) -> Event:
        head = _head_of(connection)
        # As it will be read back, so that what is returned equals what is kept.
        body = json.loads(canonical_json(body))
        at = moment_of(moment_text(self._clock()))
        event = next_event(
            head,
            at=at,
            kind=kind,
            product=product,
            sprint=sprint or None,
            actor=actor,
            body=body,
            key=key,
            as_of=moment_of(moment_text(as_of or (self._as_of() if self._as_of else at))),
        )
        connection.execute(sa.insert(LEDGER), event_row(event))
        return event

    def _check_head(self, connection: sa.Connection) -> None:
        if self._head_file is None:
            return
        heads = self._heads_in_file()
        in_file = heads.ledger if heads else None
        if in_file is None:
            if _head_of(connection) == EMPTY:
                return
            trouble = f"has events but its head file {self._head_file.file} is missing"
        elif not _carries(connection, LEDGER, in_file):
            trouble = f"does not carry event {in_file.seq}, which its head file {self._head_file.file} names"
        elif heads is not None and (lost := _lost_seals(connection, heads)):
            trouble = f"lost verdicts or measurements ({lost})"
        else:
            return
        raise RecordsError(
            f"{self._name} {trouble}: events may have been cut off, nothing was appended. Restore database and head "
            "file from one backup; or, if the ledger is right as it is, accept it with `sprintline ledger accept`"
        )

    def _heads_in_file(self) -> Heads | None:
        try:
            return None if self._head_file is None else self._head_file.read()
        except ValueError as error:
            raise RecordsError(f"{self._name}: {error}") from error

    def _heads(self, connection: sa.Connection) -> Heads:
        """Both ends as this transaction leaves them."""
        return Heads(_head_of(connection), seals.last_seal(connection))

    def _raise_head(self, heads: Heads) -> None:
        if self._head_file is not None:
            self._head_file.raise_to(heads)

    def _sign_seal(self, seq: int, hash_: str) -> str | None:
        return None

    def _head(self) -> Head:
        with reading(self._engine) as connection:
            return _head_of(connection)


def _head_of(connection: sa.Connection) -> Head:
    row = connection.execute(
        sa.select(LEDGER.c.seq, LEDGER.c.hash).order_by(LEDGER.c.seq.desc()).limit(1)
    ).first()
    return EMPTY if row is None else Head(row.seq, row.hash)


def _carries(connection: sa.Connection, table: sa.Table, head: Head) -> bool:
    """Whether a chain has this head in its place."""
    if head == EMPTY:
        return True
    return connection.execute(sa.select(table.c.hash).where(table.c.seq == head.seq)).scalar() == head.hash


def _lost_seals(connection: sa.Connection, heads: Heads) -> str | None:
    """Why the log of writes is not the one of the head file; None when it is."""
    if _carries(connection, SEALS, heads.known):
        return None
    return f"seal {heads.known.seq} is not the one that the head file names: seals were cut off or recomputed"


def _replayed(connection: sa.Connection, in_file: Head | None, based: Based) -> tuple[Broken | None, Head]:
    """The first place where the chain does not hold or misses the head in the head file, and the last event read.

    based: is given each event that was read.
    """
    seen = EMPTY

    def watched(events: Iterator[Event]) -> Iterator[Event]:
        nonlocal seen
        for event in events:
            seen = Head(event.seq, event.hash)
            based.take(event)
            yield event

    stream = connection.execution_options(yield_per=2000).execute(sa.select(LEDGER).order_by(LEDGER.c.seq))
    try:
        broken = check_chain(watched(unaltered_event(row) for row in stream.mappings()), in_file)
    except (ValueError, TypeError) as error:  # a body or a moment that is none any more
        broken = Broken(seen.seq + 1, f"event {seen.seq + 1} cannot be read: {error}")
    return broken, seen
