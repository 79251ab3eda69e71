"""Records: verdicts, the ledger and measurements; the truth that gates, sensors, command line and gateway read.

Verdicts and ledger only ever grow: the database itself refuses to change or remove a row of theirs. The ledger is a
hash chain (`chain.py`), appended under one writer's lock so that it never forks, and its head is written to a file
of its own (`head_file.py`). Measurements are facts about the data as it now is and are replaced when it changes. What
is written to verdicts and measurements is sealed (`seals.py`), so that another hand's change of them is found.
When a product's state is removed, its records stay but no longer count: queries for a product return what was recorded
since.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa

from sprintline.base.databases import RecordsError, reading, snapshot, writing
from sprintline.base.hashing import canonical_json, moment_text
from sprintline.mechanisms.ledger import seals
from sprintline.mechanisms.ledger.chain import Event
from sprintline.mechanisms.ledger.changed_records import MEASUREMENT, VERDICT, Changed, RestsOn
from sprintline.mechanisms.ledger.events import REMOVED
from sprintline.mechanisms.ledger.ledger import Ledger
from sprintline.mechanisms.ledger.record_tables import LEDGER, MEASUREMENTS, VERDICTS
from sprintline.mechanisms.ledger.rows import (
    begun,
    event_of,
    moment_of,
    verdict_of,
    verdict_row,
)
from sprintline.mechanisms.rules.scope import SPRINT, Scope
from sprintline.mechanisms.rules.verdicts import Verdict

__all__ = ["Measurement", "Records", "RecordsError"]

_T = TypeVar("_T")

_VERDICT_PLACE = ("product", "scope_kind", "scope_key", "code", "asset", "subject")
_VERDICT_SAYS = ("outcome", "data_version", "sentence", "severity", "threshold")


@dataclass(frozen=True)
class Measurement:
    """Facts measured on one asset in one scope, and the data version they were measured on.

    facts: a dict, of the type that the asset's kind names. A reader names that type as well: `facts: ScoresFacts =
    measured.facts`. Facts of older versions may have other keys: they are read as they are.
    """

    data_version: str
    facts: Any
    at: datetime
    scope: Scope


class Records(Ledger):
    """The records database: the ledger (which says how it is opened), and verdicts and measurements beside it."""

    # --- verdicts -----------------------------------------------------------------------------------------------

    def record_verdicts(self, verdicts: Iterable[Verdict]) -> int:
        """Append verdicts, all or none; one that only repeats the latest for its place is not appended.

        "Repeats" means the same outcome, data version, sentence, severity and threshold, of a verdict that is as it was
        written. Returns how many were new.

        Raises:
            TypeError, ValueError: observed value or threshold is nothing JSON can hold, NaN among it.
        """
        now = moment_text(self._clock())
        rows = [verdict_row(verdict, now) for verdict in verdicts]
        appended: list[dict[str, Any]] = []
        with writing(self._engine) as connection:
            self._check_head(connection)
            since = {product: begun(connection, product)[1] for product in {row["product"] for row in rows}}
            for row in rows:
                latest = (
                    connection.execute(
                        sa.select(VERDICTS)
                        .where(*(VERDICTS.c[name] == row[name] for name in _VERDICT_PLACE))
                        .where(VERDICTS.c.id > since[row["product"]])
                        .order_by(VERDICTS.c.id.desc())
                        .limit(1)
                    )
                    .mappings()
                    .first()
                )
                if (
                    latest is None
                    or any(latest[name] != row[name] for name in _VERDICT_SAYS)
                    # Repeating what another hand wrote would confirm it.
                    or not seals.is_sealed(connection, VERDICT, latest)
                ):
                    key = connection.execute(sa.insert(VERDICTS), row).inserted_primary_key
                    appended.append({**row, "id": key[0] if key else None})
            seals.seal(connection, VERDICT, appended, self._sign_seal)
            heads = self._heads(connection)
        if appended:
            self._raise_head(heads)
        return len(appended)

    def verdicts(
        self, product: str, scope: Scope | str | None = None, *, kind: str = SPRINT
    ) -> list[Verdict]:
        """The latest verdict of each (scope, code, asset, subject), ordered by these.

        Args:
            product: whose.
            scope: the one scope, a bare key being a sprint's; None for all of a kind.
            kind: the kind of scope without one: all sprints by default.
        """
        where = [VERDICTS.c.product == product, *_in_scope(VERDICTS, scope, kind)]
        place = [VERDICTS.c.scope_kind, VERDICTS.c.scope_key, VERDICTS.c.code, VERDICTS.c.asset]
        place.append(VERDICTS.c.subject)
        with reading(self._engine) as connection:
            where.append(VERDICTS.c.id > begun(connection, product)[1])
            latest = sa.select(sa.func.max(VERDICTS.c.id)).where(*where).group_by(VERDICTS.c.product, *place)
            query = sa.select(VERDICTS).where(VERDICTS.c.id.in_(latest)).order_by(*place)
            return [self._read(verdict_of, VERDICT, row) for row in connection.execute(query).mappings()]

    # --- measurements -------------------------------------------------------------------------------------------

    def measure(
        self, product: str, scope: Scope | str, asset: str, data_version: str, facts: Mapping[str, Any]
    ) -> bool:
        """Keep the facts measured on this data version in place of earlier ones. Returns whether anything changed.

        scope: a bare key is a sprint's.

        Raises:
            TypeError, ValueError: a fact is nothing JSON can hold; NaN is refused: leave it out, or say None.
        """
        content = {"data_version": data_version, "facts": canonical_json(facts)}
        scope = Scope.of(scope)
        key = {"product": product, "scope_kind": scope.kind, "scope_key": scope.key, "asset": asset}
        where = [MEASUREMENTS.c[name] == value for name, value in key.items()]
        with writing(self._engine) as connection:
            self._check_head(connection)
            kept = connection.execute(sa.select(MEASUREMENTS).where(*where)).mappings().first()
            if (
                kept is not None
                and all(kept[name] == value for name, value in content.items())
                and seals.is_sealed(connection, MEASUREMENT, kept)
            ):
                return False
            content["at"] = moment_text(self._clock())
            if kept is None:
                connection.execute(sa.insert(MEASUREMENTS), {**key, **content})
            else:
                connection.execute(sa.update(MEASUREMENTS).where(*where).values(**content))
            seals.seal(connection, MEASUREMENT, [{**key, **content}], self._sign_seal)
            heads = self._heads(connection)
        self._raise_head(heads)
        return True

    def measurements(
        self,
        product: str,
        scope: Scope | str | None = None,
        asset: str | None = None,
        *,
        kind: str = SPRINT,
    ) -> dict[tuple[str, str], Measurement]:
        """Latest facts by (key of the scope, asset), of one asset or of all.

        scope, kind: as for `verdicts`; without them those of all sprints.
        """
        where = [MEASUREMENTS.c.product == product, *_in_scope(MEASUREMENTS, scope, kind)]
        if asset is not None:
            where.append(MEASUREMENTS.c.asset == asset)
        query = sa.select(MEASUREMENTS).where(*where).order_by(MEASUREMENTS.c.scope_key, MEASUREMENTS.c.asset)
        with reading(self._engine) as connection:
            return {
                (row["scope_key"], row["asset"]): self._read(_measurement_of, MEASUREMENT, row)
                for row in connection.execute(query).mappings()
            }

    def newest(self, product: str, asset: str, *, kind: str = SPRINT) -> tuple[str, Measurement] | None:
        """The last key of a kind of scope of which an asset recorded anything, and what; None while there is none.

        One row is read, however many there are: keys of sprints are in the order of the sprints.
        """
        query = (
            sa.select(MEASUREMENTS)
            .where(MEASUREMENTS.c.product == product, MEASUREMENTS.c.asset == asset)
            .where(MEASUREMENTS.c.scope_kind == kind)
            .order_by(MEASUREMENTS.c.scope_key.desc())
            .limit(1)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().first()
            return None if row is None else (row["scope_key"], self._read(_measurement_of, MEASUREMENT, row))

    # --- whether they are as they were written --------------------------------------------------------------------

    def changed(self, product: str, scope: Scope | str | None = None, *, kind: str = SPRINT) -> list[Changed]:
        """Verdicts and measurements that are not as they were written; of one scope the others are not read.

        scope, kind: as for `verdicts`.
        """
        one = None if scope is None else Scope.of(scope)
        with snapshot(self._engine) as connection:
            due = seals.written(connection, product, one, kind)
            there = seals.lying_there(connection, product, one, kind)
            newest = begun(connection, product)[1]
        return list(seals.differences(due, there, lambda _product: newest))

    def rests_on(self, product: str, scope: Scope | str) -> RestsOn:
        """What a decision on a scope is based on now, for the body of its event."""
        one = Scope.of(scope)
        with snapshot(self._engine) as connection:
            due = seals.written(connection, product, one, one.kind)
            return due.get((product, one), seals.Scoped()).rests_on(seals.last_seal(connection))

    def _read(self, made: Callable[[sa.RowMapping], _T], kind: str, row: sa.RowMapping) -> _T:
        try:
            return made(row)
        except (ValueError, TypeError, KeyError) as error:
            place, of = seals.place_of_row(kind, row)
            raise RecordsError(
                f"{self._name}: {kind} {place.row} ({of} of {row['product']} {row['scope_key']}) cannot be read "
                f"({error}): it was changed after it was recorded; `sprintline ledger verify` names all such rows, "
                "restore a backup (sprintline restore)"
            ) from error

    # --- a product's end -----------------------------------------------------------------------------------------

    def remove(self, product: str, actor: str) -> Event:
        """Let a product begin again: its state is being removed, so nothing recorded of it up to now counts any more.

        Events and verdicts stay where they are; measurements go, for what they were made on goes. Called again with
        nothing recorded in between, the first event is returned.

        Raises:
            RecordsError: as `append`.
        """
        with writing(self._engine) as connection:
            seq, seen = begun(connection, product)
            last = (
                connection.execute(
                    sa.select(LEDGER)
                    .where(LEDGER.c.product == product)
                    .order_by(LEDGER.c.seq.desc())
                    .limit(1)
                )
                .mappings()
                .first()
            )
            newest = (
                connection.execute(
                    sa.select(sa.func.max(VERDICTS.c.id)).where(VERDICTS.c.product == product)
                ).scalar()
                or 0
            )
            of_product = MEASUREMENTS.c.product == product
            gone = connection.execute(sa.select(MEASUREMENTS).where(of_product)).mappings().all()
            if gone:
                self._check_head(connection)
                connection.execute(sa.delete(MEASUREMENTS).where(of_product))
                seals.seal(connection, MEASUREMENT, gone, self._sign_seal, seals.REMOVED, gone=True)
            if last is not None and (last["seq"], newest) == (seq, seen):
                return event_of(last)
            self._check_head(connection)
            event = self._chain_on(connection, REMOVED, product, None, actor, {"verdicts": newest}, None)
            heads = self._heads(connection)
        self._raise_head(heads, event=True)
        return event


def _measurement_of(row: sa.RowMapping) -> Measurement:
    return Measurement(
        row["data_version"],
        json.loads(row["facts"]),
        moment_of(row["at"]),
        Scope(row["scope_kind"], row["scope_key"]),
    )


def _in_scope(table: sa.Table, scope: Scope | str | None, kind: str) -> list[sa.ColumnElement[bool]]:
    if scope is None:
        return [table.c.scope_kind == kind]
    one = Scope.of(scope)
    return [table.c.scope_kind == one.kind, table.c.scope_key == one.key]
