"""Records from one database into another: from a file to a server and back, chain and all."""

from __future__ import annotations

import sqlalchemy as sa

from sprintline.base.databases import RecordsError, connect, place_of, reading, snapshot, writing
from sprintline.mechanisms.ledger.chain import EMPTY, Head
from sprintline.mechanisms.ledger.migrate import create_or_check
from sprintline.mechanisms.ledger.record_tables import LEDGER, MEASUREMENTS, SEALS, VERDICTS
from sprintline.mechanisms.ledger.trust import head_of

_ROWS_AT_ONCE = 2000


def copy_records(source: str, target: str) -> Head:
    """Copy verdicts, ledger, measurements and their seals as they stand at one moment into an empty database.

    Raises:
        RecordsError: the target holds records already, or one of the two cannot be used. Nothing was copied then.
    """
    origin, _ = connect(source)
    goal, _ = connect(target)
    try:
        create_or_check(origin)
        create_or_check(goal)
        with snapshot(origin) as there:
            with writing(goal) as here:
                if head_of(here) != EMPTY or here.execute(sa.select(VERDICTS.c.id).limit(1)).first():
                    raise RecordsError(f"database {place_of(goal)} holds records already: name an empty one")
                orders = (
                    (LEDGER, LEDGER.c.seq),
                    (VERDICTS, VERDICTS.c.id),
                    (MEASUREMENTS, None),
                    (SEALS, SEALS.c.seq),
                )
                for table, order in orders:
                    rows = there.execution_options(yield_per=_ROWS_AT_ONCE).execute(
                        sa.select(table).order_by(order)
                    )
                    for batch in rows.mappings().partitions():
                        here.execute(sa.insert(table), [dict(row) for row in batch])
                if here.dialect.name == "postgresql":
                    # Rows came with their ids; the next one must not meet them.
                    here.exec_driver_sql(
                        "SELECT setval(pg_get_serial_sequence('verdicts', 'id'),"
                        " (SELECT coalesce(max(id), 0) + 1 FROM verdicts), false)"
                    )
            return head_of(there)
    finally:
        origin.dispose()
        goal.dispose()


def carries(url: str, head: Head) -> bool | None:
    """Whether the ledger of a database has this event in its place; None for a database without any event."""
    engine, _ = connect(url)
    try:
        create_or_check(engine)
        with reading(engine) as connection:
            if head_of(connection) == EMPTY:
                return None
            kept = connection.execute(sa.select(LEDGER.c.hash).where(LEDGER.c.seq == head.seq)).scalar()
            return head == EMPTY or kept == head.hash
    finally:
        engine.dispose()
