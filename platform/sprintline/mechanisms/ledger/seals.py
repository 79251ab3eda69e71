"""Seals: a hash-chained log of what was written to verdicts and measurements, by which a change of theirs is found.

A verdict is a row that is never changed, a measurement one that is replaced. Each write of either adds a seal in the
same transaction: the place, and a digest of the row as it was written. Compared with the rows, the newest seals tell
what was changed, deleted or added by another hand, of one sprint without reading the others. The seals are a chain;
closings and decisions carry its end and a digest of what they are based on (`RestsOn`), and so anchor it in the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import sqlalchemy as sa

from sprintline.base.hashing import canonical_json
from sprintline.mechanisms.ledger.chain import EMPTY, Head
from sprintline.mechanisms.ledger.changed_records import MEASUREMENT, VERDICT, Changed, RestsOn
from sprintline.mechanisms.ledger.record_tables import MEASUREMENTS, SEALS, VERDICTS
from sprintline.mechanisms.rules.scope import SPRINT, Scope

Row = Mapping[str, Any] | sa.RowMapping
"""A row of a table, by column."""

WRITTEN, FOUND, ACCEPTED, REMOVED = "written", "found", "accepted", "removed"
"""Why a seal was made: the row was written; was there before seals were; was accepted as it is; went with its product's
state."""

_DOMAIN = "sprintline.seal.v1"
_ROW = {
    VERDICT: (
        "id", "product", "scope_kind", "scope_key", "code", "asset", "subject", "outcome", "severity", "observed",
        "threshold", "sentence", "data_version", "at",
    ),
    MEASUREMENT: ("product", "scope_kind", "scope_key", "asset", "data_version", "facts", "at"),
}  # fmt: skip
_TABLES = {VERDICT: VERDICTS, MEASUREMENT: MEASUREMENTS}


class Place(NamedTuple):
    """One row: its kind, its number (of a verdict) or asset (of a measurement)."""

    kind: str
    row: str


class Kept(NamedTuple):
    """A row as it was written or lies there: what it is of, and its digest; "" for one that is rightly gone."""

    of: str
    digest: str


Signing = Callable[[int, str], "str | None"]
"""Signs a seal, given its number and hash; None where there is no key."""


# --- writing ---------------------------------------------------------------------------------------------------------


def digest_of(kind: str, row: Row) -> str:
    """Digest (64 hex) of a row as the database holds it."""
    return _sha256(f"{_DOMAIN}|{kind}|{canonical_json([row[name] for name in _ROW[kind]])}")


def place_of_row(kind: str, row: Row) -> tuple[Place, str]:
    """Which row it is, and what it is of."""
    if kind == MEASUREMENT:
        return Place(kind, row["asset"]), row["asset"]
    of = f"{row['code']} on {row['asset']}" + (f" ({row['subject']})" if row["subject"] else "")
    return Place(kind, str(row["id"])), of


def seal(
    connection: sa.Connection,
    kind: str,
    rows: Iterable[Row],
    sign: Signing | None = None,
    said: str = WRITTEN,
    gone: bool = False,
) -> None:
    """Seal rows that this transaction writes, or removes (`gone`). The last of them is signed."""
    entries = []
    for row in rows:
        place, of = place_of_row(kind, row)
        where = (row["product"], _scope_of(row))
        entries.append((where, place, Kept(of, "" if gone else digest_of(kind, row))))
    _append(connection, entries, said, sign)


def _append(
    connection: sa.Connection,
    entries: list[tuple[tuple[str, Scope], Place, Kept]],
    said: str,
    sign: Signing | None,
) -> None:
    head, rows = last_seal(connection), list[dict[str, Any]]()
    for (product, scope), place, kept in entries:
        row: dict[str, Any] = {
            "seq": head.seq + 1, "product": product, "scope_kind": scope.kind, "scope_key": scope.key,
            "kind": place.kind, "row": place.row, "of": kept.of, "digest": kept.digest, "said": said, "prev": head.hash,
            "signature": None,
        }  # fmt: skip
        row["hash"] = _hash_of(row)
        head = Head(row["seq"], row["hash"])
        rows.append(row)
    if rows:
        rows[-1]["signature"] = sign(head.seq, head.hash) if sign else None
        for row in rows:  # one by one: the guard of SQLite looks at the last
            connection.execute(sa.insert(SEALS), row)


def accept(connection: sa.Connection, changed: Iterable[Changed], sign: Signing | None = None) -> None:
    """Seal what lies there in the places of these changes, which are right as they are."""
    there = lying_there(connection)
    entries: dict[tuple[tuple[str, Scope], Place], Kept] = {}
    for one in changed:
        where, place = (one.product, one.scope), Place(one.kind, one.row)
        entries[where, place] = there.get(where, {}).get(place, Kept(one.of, ""))
    _append(connection, [(where, place, kept) for (where, place), kept in entries.items()], ACCEPTED, sign)


def last_seal(connection: sa.Connection) -> Head:
    """The end of the log."""
    row = connection.execute(
        sa.select(SEALS.c.seq, SEALS.c.hash).order_by(SEALS.c.seq.desc()).limit(1)
    ).first()
    return EMPTY if row is None else Head(row.seq, row.hash)


def is_sealed(connection: sa.Connection, kind: str, row: Row) -> bool:
    """Whether this row, as it is, is what was written last in its place."""
    place, of = place_of_row(kind, row)
    found = connection.execute(
        sa.select(SEALS.c.row, SEALS.c.digest)
        .where(*(SEALS.c[name] == row[name] for name in ("product", "scope_kind", "scope_key")))
        .where(SEALS.c.kind == kind, SEALS.c.of == of)
        .order_by(SEALS.c.seq.desc())
        .limit(1)
    ).first()
    return found is not None and tuple(found) == (place.row, digest_of(kind, row))


def _hash_of(row: Row) -> str:
    said = [
        row[name] for name in ("product", "scope_kind", "scope_key", "kind", "row", "of", "digest", "said")
    ]
    return _sha256(f"{_DOMAIN}|{row['seq']}|{row['prev']}|{canonical_json(said)}")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- reading ---------------------------------------------------------------------------------------------------------


Rows = dict[Place, Kept]


@dataclass
class Scoped:
    """Rows of one scope by place, as they were written."""

    rows: Rows = field(default_factory=dict)

    def latest(self) -> Rows:
        """Those that count: every measurement, and of a rule's verdicts on an asset the newest."""
        found: dict[tuple[str, str], tuple[Place, Kept]] = {}
        for place, kept in self.rows.items():
            if kept.digest and newer(place, found.get((place.kind, kept.of), (None, None))[0]):
                found[place.kind, kept.of] = (place, kept)
        return dict(found.values())

    def rests_on(self, end: Head) -> RestsOn:
        """What a decision of this scope is based on, the log ending there."""
        latest = self.latest()
        listed = sorted([place.kind, kept.of, kept.digest] for place, kept in latest.items())
        verdicts = sum(place.kind == VERDICT for place in latest)
        return {
            "verdicts": verdicts,
            "measurements": len(latest) - verdicts,
            "digest": _sha256(f"{_DOMAIN}|based on|{canonical_json(listed)}"),
            "seal": end.seq,
            "seal_hash": end.hash,
        }


def newer(place: Place, than: Place | None) -> bool:
    """Whether a row was written after another of the same place in a gate."""
    return than is None or place.kind == MEASUREMENT or int(place.row) > int(than.row)


Where = tuple[str, Scope]


def written(connection: sa.Connection, product: str, scope: Scope | None, kind: str) -> dict[Where, Scoped]:
    """What was written of a product: in one scope, or in all of a kind."""
    found: dict[Where, Scoped] = {}
    query = sa.select(SEALS).where(*_of(SEALS, product, scope, kind)).order_by(SEALS.c.seq)
    for row in connection.execute(query).mappings():
        take_in(found, row)
    return found


def take_in(found: dict[Where, Scoped], seal_: Row) -> Scoped:
    """Add a seal to what was written; returns its scope."""
    one = found.setdefault((seal_["product"], _scope_of(seal_)), Scoped())
    one.rows[Place(seal_["kind"], seal_["row"])] = Kept(seal_["of"], seal_["digest"])
    return one


def lying_there(
    connection: sa.Connection, product: str | None = None, scope: Scope | None = None, kind: str = SPRINT
) -> dict[Where, Rows]:
    """Rows as the database holds them now: of a scope, of a kind of scope, or without a product all."""
    found: dict[Where, Rows] = {}
    for name, table in _TABLES.items():
        query = sa.select(table)
        if product is not None:
            query = query.where(*_of(table, product, scope, kind))
        for row in connection.execution_options(yield_per=2000).execute(query).mappings():
            place, of = place_of_row(name, row)
            found.setdefault((row["product"], _scope_of(row)), {})[place] = Kept(of, digest_of(name, row))
    return found


def differences(
    due: Mapping[Where, Scoped], there: Mapping[Where, Rows], begun: Callable[[str], int]
) -> Iterator[Changed]:
    """What is not as it was written, ordered by place.

    begun: the newest verdict of a product that counts no more.
    """
    for where in sorted({*due, *there}, key=lambda one: (one[0], one[1].kind, one[1].key)):
        product, scope = where
        written_, rows = due.get(where, Scoped()).rows, there.get(where, {})
        intact: dict[tuple[str, str], Place] = {}
        for place, kept in rows.items():
            if written_.get(place) == kept and newer(place, intact.get((place.kind, kept.of))):
                intact[place.kind, kept.of] = place
        for place in sorted({*written_, *rows}):
            was, now = written_.get(place, Kept("", "")), rows.get(place, Kept("", ""))
            if was == now or not (was.digest or now.digest):
                continue
            if was.digest and now.digest and was.of != now.of:
                found = [("deleted", was.of), ("added", now.of)]
            else:
                what = "added" if not was.digest else "changed" if now.digest else "deleted"
                found = [(what, now.of or was.of)]
            for what, of in found:
                counts = place.kind == MEASUREMENT or (
                    newer(place, intact.get((place.kind, of))) and int(place.row) > begun(product)
                )
                yield Changed(product, scope, place.kind, what, of, place.row, counts)


def _scope_of(row: Row) -> Scope:
    return Scope(row["scope_kind"] or "?", row["scope_key"] or "?")  # empty only by another hand


def _of(table: sa.Table, product: str, scope: Scope | None, kind: str) -> list[sa.ColumnElement[bool]]:
    where = [table.c.product == product, table.c.scope_kind == (scope.kind if scope else kind)]
    return where if scope is None else [*where, table.c.scope_key == scope.key]


def replayed(
    connection: sa.Connection, stops: Mapping[int, Callable[[str, Callable[[str, str], RestsOn]], None]]
) -> tuple[dict[Where, Scoped], Head, str | None]:
    """Read the whole log: what was written, its last seal, and why it does not hold (None when it does).

    stops: what is called after a seal of that number, with its hash and a function that gives what a sprint of a
    product was based on then.
    """
    found: dict[Where, Scoped] = {}
    head = EMPTY
    for row in (
        connection.execution_options(yield_per=2000)
        .execute(sa.select(SEALS).order_by(SEALS.c.seq))
        .mappings()
    ):
        seq = head.seq + 1
        told = f"{row['kind']} {row['of']} of {row['product']} {row['scope_key']}"
        if row["seq"] != seq:
            return found, head, f"seal {seq} is missing: seal {row['seq']} ({told}) is in its place"
        if row["prev"] != head.hash:
            return (
                found,
                head,
                f"seal {seq} ({told}) does not follow seal {head.seq}: one of them was replaced",
            )
        if _hash_of(row) != row["hash"]:
            return found, head, f"seal {seq} ({told}) was edited: its content does not give its hash"
        take_in(found, row)
        head = Head(seq, row["hash"])
        if seq in stops:
            stops[seq](row["hash"], partial(_then, found, head))
    return found, head, None


def _then(found: Mapping[Where, Scoped], end: Head, product: str, sprint: str) -> RestsOn:
    return found.get((product, Scope.sprint(sprint or "?")), Scoped()).rests_on(end)
