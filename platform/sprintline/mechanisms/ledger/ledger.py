"""The ledger in its database: append, read, verify and accept events of a hash chain whose head lies in a file.

The chain (`chain.py`) is appended to under one writer's lock, so that it never forks; the database refuses to change
or remove an event. Its head is written to a file of its own (`head_file.py`), without which a cut end goes unnoticed.
The head is signed, and copied outside the state folder (`trust.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from sprintline.base import settings
from sprintline.base.databases import RecordsError, connect, place_of, reading, snapshot, writing
from sprintline.base.failpoints import failpoint
from sprintline.base.hashing import canonical_json, moment_text
from sprintline.mechanisms.ledger import seals
from sprintline.mechanisms.ledger.chain import EMPTY, Broken, Event, Head, check_chain, next_event
from sprintline.mechanisms.ledger.events import ACCEPTED, check_event
from sprintline.mechanisms.ledger.head_copies import HeadCopies
from sprintline.mechanisms.ledger.head_file import HeadFile, Heads
from sprintline.mechanisms.ledger.keys import Keys
from sprintline.mechanisms.ledger.migrate import create_or_check
from sprintline.mechanisms.ledger.record_tables import LEDGER
from sprintline.mechanisms.ledger.rows import (
    begun,
    event_of,
    event_row,
    moment_of,
    trusted_event,
    unaltered_event,
)
from sprintline.mechanisms.ledger.trust import Guard, Trust, head_of, is_fresh, lost_seals
from sprintline.mechanisms.ledger.verifying import Based, RecordsReport, check_records

_SIGNED = 3
"""The schema version from which on heads are signed."""


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
        untrue: why the head's signature or its copies do not fit, to follow "the ledger"; None when they do.
        trust: who signed the head, how many copies of it were compared, and what is not verified.
    """

    ok: bool
    events: int
    head: Head
    head_file: Head | None
    broken: Broken | None
    records: RecordsReport
    untrue: str | None
    trust: Trust


class Ledger:
    """The ledger of a records database; `Records` has verdicts and measurements beside it.

    A fresh database gets its tables on first use, also when several processes are first at once.

    Args:
        url: SQLAlchemy URL, ``sqlite:////…/records.db`` or ``postgresql+…``.
        head_file: where the ledger's head is kept; default ``ledger.head`` beside the SQLite file. For a database
            server it must be named, else the head is not kept and a cut end of the ledger goes unnoticed.
        clock: gives "now" for the moments written; the wall clock by default.
        as_of: gives the platform's time, which events carry beside it; by default it is `clock`'s.
        keys: those that sign; by default those of `SPRINTLINE_KEYS`. `NO_KEYS` for what only copies or compares: then
            neither signatures nor copies of the head are looked at.

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
        keys: Keys | None = None,
    ) -> None:
        self.url = url
        self._clock = clock or (lambda: datetime.now(UTC))
        self._as_of = as_of
        self._engine, file = connect(url)
        self._guard = _guard_of(self._engine, file, head_file, keys)
        self._head_file = self._guard.file
        create_or_check(self._engine)
        if self._head_file is not None and not self._head_file.file.exists():
            with reading(self._engine) as connection:
                heads = self._heads(connection) if is_fresh(connection) else None
            if heads is not None:
                self._guard.raise_to(heads, event=False)

    @staticmethod
    def migrate(url: str, head_file: Path | str | None = None) -> int:
        """Bring a database that `Records` refuses as too old to this schema, in one transaction.

        A head file that is older than signatures is signed then: a person does this once, and knows the state.

        Returns:
            The version it had before, 0 for an empty database.

        Raises:
            RecordsError: the database is of a newer version.
        """
        from sprintline.mechanisms.ledger.migrate import migrate

        engine, file = connect(url)
        try:
            before = migrate(engine)
            if 0 < before < _SIGNED:
                guard = _guard_of(engine, file, head_file, None)
                with reading(engine) as connection:
                    guard.adopt(connection)
        finally:
            engine.dispose()
        return before

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
        self._raise_head(heads, event=True)
        return event

    def events(
        self,
        product: str | None = None,
        kind: str | None = None,
        sprint: str | None = None,
        *,
        after: int = 0,
        trusted: bool = False,
    ) -> list[Event]:
        """Events in their order, of one product, kind, sprint or all; only those after a sequence number if given.

        Of a product that was removed and created again, those since; without a product, every event.

        trusted: something is decided on these events. Those of one sprint always are.

        Raises:
            RecordsError: an event on which something is decided was edited.
        """
        made = trusted_event if trusted or sprint is not None else event_of
        query = sa.select(LEDGER).order_by(LEDGER.c.seq)
        for column, value in ((LEDGER.c.product, product), (LEDGER.c.kind, kind), (LEDGER.c.sprint, sprint)):
            if value is not None:
                query = query.where(column == value)
        with reading(self._engine) as connection:
            if product is not None:
                after = max(after, begun(connection, product)[0])
            query = query.where(LEDGER.c.seq > after)
            return [made(row) for row in connection.execute(query).mappings()]

    def newest_first(self, product: str, kind: str, upto: str | None = None) -> Iterator[Event]:
        """Events of one kind of a product, newest sprint first, read only as far as they are required.

        upto: only of this sprint and those before it. Of a product that was removed and created again, those since.

        Raises:
            RecordsError: an event that was read was edited.
        """
        query = sa.select(LEDGER).where(LEDGER.c.product == product, LEDGER.c.kind == kind)
        if upto is not None:
            query = query.where(LEDGER.c.sprint <= upto)
        # The order of the index `ledger_place`: nothing is sorted, nothing older is read.
        query = query.order_by(LEDGER.c.sprint.desc(), LEDGER.c.seq.desc())
        with reading(self._engine) as connection:
            query = query.where(LEDGER.c.seq > begun(connection, product)[0])
            for row in connection.execution_options(yield_per=8).execute(query).mappings():
                yield trusted_event(row)

    def verify(self) -> LedgerReport:
        """Replay the whole chain and compare it with the head file; finds edits, removals, swaps and a cut end.

        Verdicts and measurements are compared with what was written, and with what closings and decisions say they are
        based on.
        """
        # The head first: its event was committed before it was written, so a ledger read later contains it.
        trouble = f"the head file {self._head_file.file} is missing" if self._head_file is not None else ""
        try:
            heads = self._guard.heads()
        except RecordsError as error:
            heads, trouble = None, str(error)
        copies = self._guard.all_copies()
        in_file, based = heads.ledger if heads else None, Based()
        with snapshot(self._engine) as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(LEDGER)).scalar_one()
            broken, seen = _replayed(connection, in_file, based)
            found = check_records(connection, based)
            lost = None if heads is None else lost_seals(connection, heads)
            untrue, trust = self._guard.verified(connection, heads, copies)
        if broken is None and self._head_file is not None and heads is None:
            broken = Broken(seen.seq + 1, f"{trouble}: whether events were cut off is unknown")
        if lost and found.broken is None:
            found = replace(found, broken=lost)
        ok = broken is None and untrue is None and found.broken is None and not found.changed
        return LedgerReport(
            ok, count, seen if broken is None else self._head(), in_file, broken, found, untrue, trust
        )

    def trouble(self) -> str | None:
        """Why nothing may be appended to this ledger, in a sentence; None when it may. Reads only its end."""
        try:
            with reading(self._engine) as connection:
                why = self._guard.objection(connection, makes=False)
        except RecordsError as error:
            return str(error)
        return None if why is None else f"the ledger {why}: sprintline ledger verify"

    def accept(self, actor: str, reason: str) -> Event:
        """Accept the ledger as it is and write its head file again, as after restoring an older database.

        The act is itself an event (kind ``anchor``), with the head that was given up.

        Raises:
            RecordsError: `why_not_accepted` says why.
        """
        if (why := self.why_not_accepted()) is not None or self._head_file is None:
            raise RecordsError(why)
        try:
            heads = self._guard.heads()
        except RecordsError:
            heads = None
        given_up = heads.ledger if heads else None
        self._guard.ready()
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
        self._guard.accept(heads)
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
        head = head_of(connection)
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
        row = {**event_row(event), "signature": self._guard.sign_event(Head(event.seq, event.hash))}
        connection.execute(sa.insert(LEDGER), row)
        return event

    def _check_head(self, connection: sa.Connection) -> None:
        self._guard.check(connection)

    def _heads(self, connection: sa.Connection) -> Heads:
        """Both ends as this transaction leaves them."""
        return Heads(head_of(connection), seals.last_seal(connection))

    def _raise_head(self, heads: Heads, *, event: bool = False) -> None:
        self._guard.raise_to(heads, event=event)

    def _sign_seal(self, seq: int, hash_: str) -> str | None:
        return self._guard.sign_seal(seq, hash_)

    def _head(self) -> Head:
        with reading(self._engine) as connection:
            return head_of(connection)


def _guard_of(engine: sa.Engine, file: Path | None, head_file: Path | str | None, keys: Keys | None) -> Guard:
    place = head_file if head_file is not None else None if file is None else file.with_name("ledger.head")
    keys = Keys.of_settings() if keys is None else keys
    folder = settings.ledger_copy() if keys.looks else None
    return Guard(
        f"records database {place_of(engine)}",
        None if place is None else HeadFile(Path(place)),
        keys,
        None if folder is None else HeadCopies(folder),
    )


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
