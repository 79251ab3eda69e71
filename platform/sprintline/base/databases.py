"""Engines of the databases that keep state: SQLite files or PostgreSQL, and the one place where the two differ.

A connection that was lost while no one used it is replaced unseen; one lost in the middle is reported in words, and the
next call makes a new one.
"""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from sprintline.base.failpoints import failpoint
from sprintline.base.postgresql_schemas import schema_in
from sprintline.base.settings import without_secrets

_BUSY_SECONDS = 30.0
#: Seconds within which a database server must answer a new connection.
_CONNECT_SECONDS = 10
#: Names the records in PostgreSQL's space of advisory locks.
_ADVISORY_LOCK = 0x5350524E54


class RecordsError(Exception):
    """A database of the platform's cannot be used as it is; the message says where and what would help."""


def connect(url: str) -> tuple[sa.Engine, Path | None]:
    """An engine whose connections are durable, and the database's file when it is one.

    Raises:
        RecordsError: the URL names no database that can keep records.
    """
    try:
        parsed = sa.make_url(url)
    except sa.exc.ArgumentError as error:
        raise RecordsError(
            "the records URL cannot be read: write sqlite:////folder/records.db or postgresql://user@host/database"
        ) from error
    dialect = parsed.get_backend_name()
    if dialect == "postgresql":
        return postgres(parsed), None
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


def postgres(url: sa.URL | str) -> sa.Engine:
    """An engine on a PostgreSQL server that asks a kept connection whether it still lives before it is used."""
    engine = sa.create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": _CONNECT_SECONDS})
    _close_in_children(engine)
    return engine


def make_schema(connection: sa.Connection) -> None:
    """Make the schema that a PostgreSQL URL names as its search path (`options=-csearch_path=...`), unless it is there.

    Call it alone in writing: of two that make one schema at the same moment PostgreSQL fails one.
    """
    if schema := schema_in(connection.engine.url.query.get("options", "")):
        connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))


def ready(url: str) -> None:
    """Make the schema that a PostgreSQL URL names; one of many that call at once does it.

    Raises:
        RecordsError: the server does not answer, or lets this user make none.
    """
    engine = postgres(url)
    try:
        with writing(engine) as connection:
            make_schema(connection)
    finally:
        engine.dispose()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are started by `_begin_sqlite`, not by the driver
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
    """A connection must not be carried into a forked process: there it would break the parent's locks or stream."""
    kept = weakref.ref(engine)

    def forget() -> None:
        if (there := kept()) is not None:
            there.dispose(close=False)

    os.register_at_fork(after_in_child=forget)


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection to ask with.

    Raises:
        RecordsError: the database cannot be reached, or went away in the middle.
    """
    try:
        with engine.connect() as connection:
            yield connection
            failpoint("records.before_commit")
    except (OperationalError, InterfaceError) as error:
        raise RecordsError(
            f"database {place_of(engine)} cannot be read ({why(error)}): {_mend(engine)}"
        ) from error


@contextmanager
def snapshot(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection to ask with, all of whose statements see one moment. Raises as `reading`."""
    with reading(engine.execution_options(isolation_level=_SNAPSHOT[engine.dialect.name])) as connection:
        yield connection


#: One moment for all statements of a transaction: SQLite gives it by itself.
_SNAPSHOT = {"postgresql": "REPEATABLE READ", "sqlite": "SERIALIZABLE"}


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A transaction that is alone in writing records from its first statement on: all of it happens, or nothing.

    Raises:
        RecordsError: the database refuses to write (locked too long, full disk, no such folder), or went away.
    """
    try:
        with engine.execution_options(sprintline_writes=True).begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            yield connection
            failpoint("records.before_commit")
    except (OperationalError, InterfaceError) as error:
        raise RecordsError(
            f"database {place_of(engine)} cannot be written ({why(error)}): {_mend(engine)}; what was committed "
            "before is kept"
        ) from error


def place_of(engine: sa.Engine) -> str:
    """Where the database is, without its password."""
    return engine.url.render_as_string(hide_password=True)


def why(error: DBAPIError) -> str:
    """The database's own words on one line, without a secret."""
    return without_secrets(" ".join(str(error.orig).split()))


def _mend(engine: sa.Engine) -> str:
    if engine.dialect.name == "postgresql":
        return "see that the server runs and do it again, a new connection is made then"
    return "free the disk, or end the process that uses it"
