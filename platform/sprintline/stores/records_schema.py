"""Tables of the records database, how they come into being, and the one place where SQL dialects differ."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, OperationalError

from sprintline.failpoints import failpoint

#: Version of the schema this code reads and writes. A new one comes with its step in `migrate`.
SCHEMA_VERSION = 1

_BUSY_SECONDS = 30.0
#: Names the records in PostgreSQL's space of advisory locks.
_ADVISORY_LOCK = 0x5350524E54

_META = sa.MetaData()

SCHEMA = sa.Table("schema_version", _META, sa.Column("version", sa.Integer, primary_key=True))

VERDICTS = sa.Table(
    "verdicts",
    _META,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("sprint", sa.Text, nullable=False),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("asset", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("observed", sa.Text, nullable=False),
    sa.Column("threshold", sa.Text, nullable=False),
    sa.Column("sentence", sa.Text, nullable=False),
    sa.Column("data_version", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Index("verdicts_place", "product", "sprint", "code", "asset", "subject", "id"),
    sqlite_autoincrement=True,
)

LEDGER = sa.Table(
    "ledger",
    _META,
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("product", sa.Text, nullable=False),
    sa.Column("sprint", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("prev", sa.Text, nullable=False, unique=True),
    sa.Column("hash", sa.Text, nullable=False, unique=True),
    sa.Column("key", sa.Text, nullable=True),
    sa.UniqueConstraint("kind", "product", "sprint", "key", name="ledger_key"),
    sa.Index("ledger_place", "product", "kind", "sprint", "seq"),
)

MEASUREMENTS = sa.Table(
    "measurements",
    _META,
    sa.Column("product", sa.Text, primary_key=True),
    sa.Column("sprint", sa.Text, primary_key=True),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("data_version", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("at", sa.Text, nullable=False),
)


class RecordsError(Exception):
    """The records database cannot be used as it is; the message says where and what would help."""


# SQLite's INSERT OR REPLACE removes the old row without firing the trigger against DELETE, so an insert over a row that
# is there is refused too; and an event may only follow the last one.
_SQLITE_GUARDS = [
    f"""CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}
        BEGIN SELECT RAISE(ABORT, '{table} is append-only: {verb} refused'); END"""
    for table in ("ledger", "verdicts")
    for verb in ("UPDATE", "DELETE")
] + [
    """CREATE TRIGGER ledger_in_order BEFORE INSERT ON ledger
        WHEN NEW.seq IS NOT (SELECT coalesce(max(seq), 0) + 1 FROM ledger)
        BEGIN SELECT RAISE(ABORT, 'ledger is append-only: an event may only follow the last one'); END""",
    """CREATE TRIGGER verdicts_in_order BEFORE INSERT ON verdicts
        WHEN EXISTS (SELECT 1 FROM verdicts WHERE id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'verdicts is append-only: this id is taken'); END""",
]

_POSTGRES_GUARDS = [
    """CREATE FUNCTION sprintline_append_only() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is append-only: ' || TG_OP || ' refused'; END $$""",
] + [
    f"""CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
        FOR EACH STATEMENT EXECUTE FUNCTION sprintline_append_only()"""
    for table in ("ledger", "verdicts")
]


def connect(url: str) -> tuple[sa.Engine, Path | None]:
    """An engine whose connections are durable, and the database's file when it is one.

    Raises:
        RecordsError: the URL names no database that can keep records.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise RecordsError(
            "the records URL cannot be read: write sqlite:////folder/records.db or postgresql+..."
        ) from error
    dialect = parsed.get_backend_name()
    if dialect == "postgresql":
        return sa.create_engine(parsed, pool_pre_ping=True), None
    if dialect != "sqlite":
        raise RecordsError(f"records cannot be kept in {dialect}: use a sqlite or postgresql URL")
    if not parsed.database or parsed.database == ":memory:":
        raise RecordsError(
            "records in memory would be lost with the process: name a file, sqlite:////folder/records.db"
        )
    file = Path(parsed.database).absolute()
    file.parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(parsed.set(database=str(file)), connect_args={"timeout": _BUSY_SECONDS})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    _close_in_children(engine)
    return engine, file


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`, not by the driver
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(_BUSY_SECONDS * 1000)}")
    # SQLite does not wait for this lock by itself, and on a fresh file several processes want it at once.
    _patiently(lambda: _use_wal(cursor))
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.close()


def _use_wal(cursor: Any) -> None:
    if cursor.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        cursor.execute("PRAGMA journal_mode = WAL")


def _patiently(act: Any) -> None:
    """Do it again while the database is locked, up to the busy timeout."""
    import sqlite3

    until = time.monotonic() + _BUSY_SECONDS
    while True:
        try:
            act()
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return


def _begin_sqlite(connection: sa.Connection) -> None:
    # A transaction that will write takes the lock first: taken later, it can fail without waiting.
    writes = connection.get_execution_options().get("sprintline_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _close_in_children(engine: sa.Engine) -> None:
    """A SQLite connection must not be carried into a forked process: there it would break the parent's locks."""
    kept = weakref.ref(engine)

    def forget() -> None:
        if (there := kept()) is not None:
            there.dispose(close=False)

    os.register_at_fork(after_in_child=forget)


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that is alone in writing records from its first statement on: all of it happens, or nothing.

    Raises:
        RecordsError: the database refuses to write (locked too long, full disk, no such folder).
    """
    try:
        with engine.execution_options(sprintline_writes=True).begin() as connection:
            if engine.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            yield connection
            failpoint("records.before_commit")
    except OperationalError as error:
        place = engine.url.render_as_string(hide_password=True)
        raise RecordsError(
            f"records database {place} cannot be written ({error.orig}): free the disk, or end the process that "
            "holds it; what was committed before stands"
        ) from error


def create_or_check(engine: sa.Engine) -> None:
    """Make the tables of an empty database; of one that has them, check the version.

    Raises:
        RecordsError: the version is another, or the database cannot be opened.
    """
    try:
        with engine.connect() as connection:
            version = _version(connection)
    except DBAPIError as error:
        place = engine.url.render_as_string(hide_password=True)
        raise RecordsError(
            f"records database {place} cannot be opened: {error.orig}: restore a backup or mend the URL"
        ) from error
    if version is None:
        with writing(engine) as connection:
            if _version(connection) is None:  # whoever had the lock before may have made them
                _create(connection)
            version = _version(connection)
    if version != SCHEMA_VERSION:
        newer = version is not None and version > SCHEMA_VERSION
        mend = "use the Sprintline that wrote it, or a newer one" if newer else "run `sprintline migrate`"
        raise RecordsError(
            f"records database has schema {version}, this Sprintline needs {SCHEMA_VERSION}: {mend}"
        )


def migrate(engine: sa.Engine) -> int:
    """Bring the schema to `SCHEMA_VERSION`, in one transaction. Returns the version it had before (0: none).

    Raises:
        RecordsError: the database is of a newer version.
    """
    with writing(engine) as connection:
        found = _version(connection) or 0
        if found > SCHEMA_VERSION:
            raise RecordsError(
                f"records database has schema {found}, newer than {SCHEMA_VERSION}: use a newer Sprintline"
            )
        if found == 0:
            _create(connection)
    return found


def _version(connection: sa.Connection) -> int | None:
    if not sa.inspect(connection).has_table(SCHEMA.name):
        return None
    version = connection.execute(sa.select(sa.func.max(SCHEMA.c.version))).scalar()
    return None if version is None else int(version)


def _create(connection: sa.Connection) -> None:
    _META.create_all(connection)
    guards = _POSTGRES_GUARDS if connection.dialect.name == "postgresql" else _SQLITE_GUARDS
    for guard in guards:
        connection.exec_driver_sql(guard)
    connection.execute(sa.insert(SCHEMA), {"version": SCHEMA_VERSION})
