"""Records: verdicts, the ledger and measurements; the truth that gates, sensors, command line and gateway read.

Verdicts and ledger only ever grow: the database itself refuses to change or remove a row of theirs. The ledger is a
hash chain (`chain.py`), appended under one writer's lock so that it never forks, and its head is written to a file
of its own (`head_file.py`). Measurements are facts about the data as it now is and are replaced when it changes.
When a product's state is removed, its records stay but no longer count: queries for a product return what was recorded
since.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sprintline.base.databases import RecordsError, reading, writing
from sprintline.base.hashing import canonical_json, moment_text
from sprintline.mechanisms.ledger.chain import Event
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

        "Repeats" means the same outcome, data version, sentence, severity and threshold. Returns how many were new.

        Raises:
            TypeError, ValueError: observed value or threshold is nothing JSON can hold, NaN among it.
        """
        now = moment_text(self._clock())
        rows = [verdict_row(verdict, now) for verdict in verdicts]
        appended = 0
        with writing(self._engine) as connection:
            since = {product: begun(connection, product)[1] for product in {row["product"] for row in rows}}
            for row in rows:
                latest = connection.execute(
                    sa.select(*(VERDICTS.c[name] for name in _VERDICT_SAYS))
                    .where(*(VERDICTS.c[name] == row[name] for name in _VERDICT_PLACE))
                    .where(VERDICTS.c.id > since[row["product"]])
                    .order_by(VERDICTS.c.id.desc())
                    .limit(1)
                ).first()
                if latest is None or tuple(latest) != tuple(row[name] for name in _VERDICT_SAYS):
                    connection.execute(sa.insert(VERDICTS), row)
                    appended += 1
        return appended

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
            return [verdict_of(row) for row in connection.execute(query).mappings()]

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
            kept = connection.execute(
                sa.select(MEASUREMENTS.c.data_version, MEASUREMENTS.c.facts).where(*where)
            ).first()
            if kept is not None and tuple(kept) == tuple(content.values()):
                return False
            content["at"] = moment_text(self._clock())
            if kept is None:
                connection.execute(sa.insert(MEASUREMENTS), {**key, **content})
            else:
                connection.execute(sa.update(MEASUREMENTS).where(*where).values(**content))
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
                (row["scope_key"], row["asset"]): Measurement(
                    row["data_version"],
                    json.loads(row["facts"]),
                    moment_of(row["at"]),
                    Scope(row["scope_kind"], row["scope_key"]),
                )
                for row in connection.execute(query).mappings()
            }

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
            connection.execute(sa.delete(MEASUREMENTS).where(MEASUREMENTS.c.product == product))
            if last is not None and (last["seq"], newest) == (seq, seen):
                return event_of(last)
            self._check_head(connection)
            event = self._chain_on(connection, REMOVED, product, None, actor, {"verdicts": newest}, None)
        self._raise_head(event)
        return event


def _in_scope(table: sa.Table, scope: Scope | str | None, kind: str) -> list[sa.ColumnElement[bool]]:
    if scope is None:
        return [table.c.scope_kind == kind]
    one = Scope.of(scope)
    return [table.c.scope_kind == one.kind, table.c.scope_key == one.key]
